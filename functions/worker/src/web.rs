//! Fetches from, and posts to, addresses of the web that users give: https on port 443, at public addresses alone. A name
//! is looked up once for each connection, and the connection goes to the address that was checked.

mod addresses;

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use url::{Host, Url};

const MOST_REDIRECTS: usize = 3;
/// Whatever a receiver asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A client that keeps no connection from one user's address to the next.
#[derive(Debug, Clone)]
pub struct Web {
    client: Client,
    /// The one port that is contacted, 443 but for a test.
    port: u16,
    /// On a developer's machine: what may be contacted besides, over http too.
    development_targets: Vec<SocketAddr>,
}

/// To what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// How long to wait before it is sent again.
    pub retry_after: Option<Duration>,
}

/// Why there is no answer, in words for whoever gave the address, which is never quoted: it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebError {
    NoUrl,
    /// Another scheme or port, or a user name.
    NotPlainHttps,
    NotPublic,
    NoSuchHost,
    Unreachable,
    TooLong,
    TooManyRedirects,
    Status(u16),
    /// Holds how many bytes there may be.
    TooLarge(usize),
}

impl WebError {
    /// Whether another try may do.
    pub fn is_transient(self) -> bool {
        match self {
            WebError::NoSuchHost | WebError::Unreachable | WebError::TooLong => true,
            WebError::Status(status) => status >= 500 || matches!(status, 408 | 425 | 429),
            _ => false,
        }
    }
}

impl fmt::Display for WebError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebError::NoUrl => write!(formatter, "it is no URL"),
            WebError::NotPlainHttps => write!(formatter, "it must be https on port 443, without a user name"),
            WebError::NotPublic => write!(formatter, "its address is not public"),
            WebError::NoSuchHost => write!(formatter, "its host is not known"),
            WebError::Unreachable => write!(formatter, "it cannot be reached"),
            WebError::TooLong => write!(formatter, "it took too long"),
            WebError::TooManyRedirects => write!(formatter, "it redirects more than {MOST_REDIRECTS} times"),
            WebError::Status(status) => write!(formatter, "it answered {status}"),
            WebError::TooLarge(most) => write!(formatter, "it has more than {most} bytes"),
        }
    }
}

impl std::error::Error for WebError {}

impl Web {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(development_targets: Vec<SocketAddr>) -> Result<Web, WebError> {
        Web::with(development_targets, Resolver::system(), 443)
    }

    fn with(development_targets: Vec<SocketAddr>, resolver: Resolver, port: u16) -> Result<Web, WebError> {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0)
            .user_agent(concat!("deal-scout/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(resolver))
            .build()
            .map_err(|_| WebError::Unreachable)?;
        Ok(Web { client, port, development_targets })
    }

    /// What is there, following at most three redirects. `deadline` is for all of it.
    pub async fn get(&self, url: &str, most_bytes: usize, deadline: Duration) -> Result<Vec<u8>, WebError> {
        let fetch = async {
            let mut url = Url::parse(url).map_err(|_| WebError::NoUrl)?;
            for _ in 0..=MOST_REDIRECTS {
                let request = self.client.get(self.checked(url.clone())?);
                let response = request.send().await.map_err(told)?;
                let status = response.status();
                if !status.is_redirection() {
                    return fetched(response, most_bytes).await;
                }
                let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                let location = location.ok_or(WebError::Status(status.as_u16()))?;
                url = url.join(location).map_err(|_| WebError::NoUrl)?;
            }
            Err(WebError::TooManyRedirects)
        };
        tokio::time::timeout(deadline, fetch).await.unwrap_or(Err(WebError::TooLong))
    }

    /// Sends a body; what it was answered with. A redirect is an answer like others.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
        deadline: Duration,
    ) -> Result<Answer, WebError> {
        let url = self.checked(Url::parse(url).map_err(|_| WebError::NoUrl)?)?;
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let sent = tokio::time::timeout(deadline, request.send()).await.map_err(|_| WebError::TooLong)?;
        let response = sent.map_err(told)?;
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after: retry_after.and_then(|value| wait(value, Timestamp::now())),
        })
    }

    /// The URL, if it may be contacted; of a name that is found when it is looked up.
    fn checked(&self, mut url: Url) -> Result<Url, WebError> {
        let port = url.port_or_known_default().ok_or(WebError::NotPlainHttps)?;
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain("localhost")) => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Some(Host::Domain(_)) => None,
            None => return Err(WebError::NotPlainHttps),
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        if let Some(address) = address
            && self.development_targets.contains(&SocketAddr::new(address, port))
            && matches!(url.scheme(), "http" | "https")
            && !has_user
        {
            if matches!(url.host(), Some(Host::Domain(_))) {
                url.set_ip_host(address).map_err(|()| WebError::NoUrl)?;
            }
            return Ok(url);
        }
        if url.scheme() != "https" || port != self.port || has_user {
            return Err(WebError::NotPlainHttps);
        }
        match address {
            Some(address) if !addresses::is_public(address) => Err(WebError::NotPublic),
            _ => Ok(url),
        }
    }
}

/// A `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3); at most an hour.
fn wait(value: &str, now: Timestamp) -> Option<Duration> {
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let moment = rfc2822::parse(value).ok()?.timestamp();
            moment.duration_since(now).try_into().unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

async fn fetched(mut response: Response, most_bytes: usize) -> Result<Vec<u8>, WebError> {
    let status = response.status();
    if !status.is_success() {
        return Err(WebError::Status(status.as_u16()));
    }
    // Told before, perhaps wrongly.
    if response.content_length().is_some_and(|length| length > most_bytes as u64) {
        return Err(WebError::TooLarge(most_bytes));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        if bytes.len() + chunk.len() > most_bytes {
            return Err(WebError::TooLarge(most_bytes));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What the client says, without the URL that it says it of.
fn told(error: reqwest::Error) -> WebError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<WebError>() {
            return *refused;
        }
        source = cause.source();
    }
    if error.is_builder() { WebError::NoUrl } else { WebError::Unreachable }
}

type Lookup =
    dyn Fn(String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync;

/// Looks names up, and lets nothing through but public addresses: one other among them refuses all.
struct Resolver(Arc<Lookup>);

impl Resolver {
    fn system() -> Resolver {
        Resolver(Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 443)).await?.collect()) })
        }))
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.0)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await.map_err(|_| WebError::NoSuchHost)?;
            if found.is_empty() {
                return Err(WebError::NoSuchHost.into());
            }
            if !found.iter().all(|address| addresses::is_public(address.ip())) {
                return Err(WebError::NotPublic.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
