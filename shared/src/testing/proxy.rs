//! A TCP proxy whose connections can die in silence, as they do behind a gateway that forgot them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::config::PostgresConfig;

/// Forwards to one address until it is told to let its connections die.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    generation: Arc<AtomicUsize>,
}

impl Proxy {
    pub async fn before(target: &PostgresConfig) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("is bound").port();
        let generation = Arc::new(AtomicUsize::new(0));
        let target = (target.host.clone(), target.port);
        let current = Arc::clone(&generation);
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.expect("accepts");
                let Ok(far) = TcpStream::connect(target.clone()).await else { continue };
                let born = current.load(Ordering::SeqCst);
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                tokio::spawn(forward(near_read, far_write, born, Arc::clone(&current)));
                tokio::spawn(forward(far_read, near_write, born, Arc::clone(&current)));
            }
        });
        Proxy { port, generation }
    }

    /// From now on the connections that exist carry nothing, and say nothing of it; new ones work.
    pub fn cut_in_silence(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

async fn forward(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    born: usize,
    current: Arc<AtomicUsize>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if current.load(Ordering::SeqCst) != born {
            // Keeps both sockets open.
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
