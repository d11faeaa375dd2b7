//! A receiver of webhooks that keeps what it got.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    head: String,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let value = |line: &'_ str| {
            let (key, _) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(key.len() + 1)
        };
        self.head.lines().find_map(|line| value(line).map(|start| line[start..].trim())).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// As a receiver checks it, written anew: each of the secrets has its signature.
    pub fn is_signed_by(&self, secrets: &[&str]) -> bool {
        let content =
            format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        let signatures: Vec<&str> = self.header("webhook-signature").split(' ').collect();
        signatures.len() == secrets.len()
            && secrets.iter().all(|secret| {
                let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
                signatures.iter().any(|signature| {
                    let given = STANDARD.decode(signature.trim_start_matches("v1,")).unwrap();
                    Hmac::<Sha256>::new_from_slice(&key)
                        .unwrap()
                        .chain_update(&content)
                        .verify_slice(&given)
                        .is_ok()
                })
            })
    }
}

pub struct HttpReceiver {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Received>>>,
}

impl HttpReceiver {
    /// Answers with these, one after the other, and then with the last.
    pub async fn answering(statuses: &[u16]) -> HttpReceiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, statuses) = (Arc::clone(&requests), statuses.to_vec());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = serve(stream, &kept, &statuses).await;
            }
        });
        HttpReceiver { address, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Received>>, statuses: &[u16]) -> Option<()> {
    let mut bytes = Vec::new();
    let received = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let path = head.split(' ').nth(1)?.to_owned();
        let received = Received { path, head: head.to_owned(), body: body.to_owned() };
        if received.body.len() >= received.header("content-length").parse().unwrap_or(0) {
            break received;
        }
    };
    let number = {
        let mut kept = kept.lock().unwrap();
        kept.push(received);
        kept.len() - 1
    };
    let status = statuses.get(number).or(statuses.last())?;
    let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.ok()
}
