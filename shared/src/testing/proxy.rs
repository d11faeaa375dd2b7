//! TCP proxies before PostgreSQL: one whose connections die in silence, as behind a gateway that forgot them, and
//! one that cuts a connection at a chosen message, as the kernel does for a process that is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::config::PostgresConfig;

/// Forwards to one address.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    /// Silences so far, or messages so far.
    count: Arc<AtomicUsize>,
}

/// Where a connection is cut: at the client's n-th message, counted from 1, over all connections.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub message: usize,
    pub moment: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    BeforeItIsSent,
    AfterItIsSent,
    /// The answer has left the server and does not arrive.
    AfterItIsAnswered,
}

impl Proxy {
    /// Forwards until it is told to let its connections die.
    pub async fn before(target: &PostgresConfig) -> Proxy {
        Proxy::listen(target, |near, far, count| {
            let born = count.load(Ordering::SeqCst);
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            tokio::spawn(forward(near_read, far_write, born, Arc::clone(&count)));
            tokio::spawn(forward(far_read, near_write, born, count));
        })
        .await
    }

    /// Forwards until the cut.
    pub async fn that_cuts(target: &PostgresConfig, cut: Cut) -> Proxy {
        Proxy::listen(target, move |near, far, count| {
            tokio::spawn(forward_until(near, far, cut, count));
        })
        .await
    }

    /// From now on the connections that exist carry nothing, and say nothing of it; new ones work.
    pub fn cut_in_silence(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Messages of clients that have come by.
    pub fn messages(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    async fn listen(
        target: &PostgresConfig,
        serve: impl Fn(TcpStream, TcpStream, Arc<AtomicUsize>) + Send + 'static,
    ) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("is bound").port();
        let count = Arc::new(AtomicUsize::new(0));
        let (target, counter) = ((target.host.clone(), target.port), Arc::clone(&count));
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.expect("accepts");
                let Ok(far) = TcpStream::connect(target.clone()).await else { continue };
                serve(near, far, Arc::clone(&counter));
            }
        });
        Proxy { port, count }
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, born: usize, current: Arc<AtomicUsize>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if current.load(Ordering::SeqCst) != born {
            // Keeps both sockets open, until keep-alives would tell the server.
            tokio::time::sleep(Duration::from_secs(5)).await;
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Ends, and closes both sockets, at the cut.
async fn forward_until(mut near: TcpStream, mut far: TcpStream, cut: Cut, count: Arc<AtomicUsize>) {
    let (mut from_near, mut from_far) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut pending = Vec::new();
    let mut started = false;
    let mut answer_ends_it = false;
    loop {
        tokio::select! {
            read = near.read(&mut from_near) => {
                let Ok(read @ 1..) = read else { return };
                pending.extend_from_slice(&from_near[..read]);
                while let Some(length) = message_length(&pending, started) {
                    started = true;
                    let message: Vec<u8> = pending.drain(..length).collect();
                    let here = count.fetch_add(1, Ordering::SeqCst) + 1 == cut.message;
                    if here && cut.moment == Moment::BeforeItIsSent {
                        return;
                    }
                    if far.write_all(&message).await.is_err() || (here && cut.moment == Moment::AfterItIsSent) {
                        return;
                    }
                    answer_ends_it |= here;
                }
            }
            read = far.read(&mut from_far) => {
                let Ok(read @ 1..) = read else { return };
                if answer_ends_it || near.write_all(&from_far[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Of the first message, when it is complete: a type, which the start-up packet does not have, and a length that
/// counts itself.
pub(super) fn message_length(bytes: &[u8], started: bool) -> Option<usize> {
    let offset = usize::from(started);
    let length = bytes.get(offset..offset + 4)?;
    let length = offset + u32::from_be_bytes(length.try_into().expect("are four")) as usize;
    (bytes.len() >= length).then_some(length)
}
