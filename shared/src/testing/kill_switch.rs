//! Proxies before several servers, which kill a process at the n-th message that it sends to any of them.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::proxy::{Cut, Moment, message_length};

/// What a message is to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Postgres,
    /// One in which whoever sends waits for an answer: what comes at once is a message.
    Other,
}

#[derive(Debug)]
pub struct KillSwitch {
    cut: Cut,
    count: AtomicUsize,
    struck: AtomicBool,
    process: AtomicU32,
}

impl KillSwitch {
    pub fn at(cut: Cut) -> Arc<KillSwitch> {
        let (count, struck, process) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicU32::new(0));
        Arc::new(KillSwitch { cut, count, struck, process })
    }

    /// Which process is killed. Until it is known, the message in question waits.
    pub fn aim(&self, process: u32) {
        self.process.store(process, Ordering::SeqCst);
    }

    pub fn has_struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }

    /// A port before that server.
    pub async fn before(self: &Arc<Self>, host: &str, port: u16, protocol: Protocol) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let near_port = listener.local_addr().expect("is bound").port();
        let (target, switch) = ((host.to_owned(), port), Arc::clone(self));
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.expect("accepts");
                let Ok(far) = TcpStream::connect(target.clone()).await else { continue };
                let switch = Arc::clone(&switch);
                tokio::spawn(async move { switch.forward(near, far, protocol).await });
            }
        });
        near_port
    }

    async fn strike(&self) {
        let mut process = self.process.load(Ordering::SeqCst);
        while process == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            process = self.process.load(Ordering::SeqCst);
        }
        // Before the kill: whoever sees the process end then knows by what. It may have ended by itself.
        self.struck.store(true, Ordering::SeqCst);
        let _ = Command::new("kill").args(["-9", &process.to_string()]).status();
    }

    /// Both sockets close when this ends, as the kernel closes those of a killed process.
    async fn forward(&self, mut near: TcpStream, mut far: TcpStream, protocol: Protocol) {
        let (mut from_near, mut from_far) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let mut pending = Vec::new();
        let mut started = false;
        let mut answer_ends_it = false;
        loop {
            tokio::select! {
                read = near.read(&mut from_near) => {
                    let Ok(read @ 1..) = read else { return };
                    pending.extend_from_slice(&from_near[..read]);
                    loop {
                        let length = match protocol {
                            Protocol::Postgres => message_length(&pending, started),
                            Protocol::Other => Some(pending.len()).filter(|length| *length > 0),
                        };
                        let Some(length) = length else { break };
                        started = true;
                        let message: Vec<u8> = pending.drain(..length).collect();
                        let here = self.count.fetch_add(1, Ordering::SeqCst) + 1 == self.cut.message;
                        if here && self.cut.moment == Moment::BeforeItIsSent {
                            return self.strike().await;
                        }
                        if far.write_all(&message).await.is_err() {
                            return;
                        }
                        if here && self.cut.moment == Moment::AfterItIsSent {
                            return self.strike().await;
                        }
                        answer_ends_it |= here;
                    }
                }
                read = far.read(&mut from_far) => {
                    let Ok(read @ 1..) = read else { return };
                    if answer_ends_it {
                        return self.strike().await;
                    }
                    if near.write_all(&from_far[..read]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
