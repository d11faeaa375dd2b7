//! Requests to services that the operator named: S3 and the model. For addresses of users' there is `web`.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use tokio::time::timeout;

use crate::job::Failure;

/// Made for a job: connections are not kept longer, and the certificates are read once for it.
pub fn new() -> Result<Client, Failure> {
    let client =
        Client::builder().redirect(Policy::none()).no_proxy().connect_timeout(Duration::from_secs(5)).build();
    client.map_err(|_| Failure::Retry("an internal error: no secure connection can be made".into()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Not connected, or cut off.
    Unreachable,
    Late,
    TooLarge,
}

/// Sends a request and reads a bounded answer. Its error holds no address, which may be signed.
pub async fn send(
    request: RequestBuilder,
    most_bytes: usize,
    deadline: Duration,
) -> Result<(StatusCode, Vec<u8>), NoAnswer> {
    let exchange = async {
        let mut response = request.send().await.map_err(|_| NoAnswer::Unreachable)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| NoAnswer::Unreachable)? {
            if bytes.len() + chunk.len() > most_bytes {
                return Err(NoAnswer::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((response.status(), bytes))
    };
    timeout(deadline, exchange).await.unwrap_or(Err(NoAnswer::Late))
}
