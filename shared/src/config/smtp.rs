//! The server that e-mail goes out by.

use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::{ConfigError, Environment, Secret};
use crate::values::EmailAddress;

const URL: &str = "SMTP_URL";
const FROM: &str = "SMTP_FROM";

#[derive(Debug, Clone)]
pub struct SmtpConfig {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub login: Option<(String, Secret)>,
    /// Who the messages are from.
    pub from: EmailAddress,
    /// `SMTP_SSLROOTCERT`: certificates to trust besides the system's, in PEM.
    pub ssl_root_cert: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte: `smtps://`.
    Implicit,
    /// Before anything is told that matters: `smtp://`.
    StartTls,
    /// For a developer's own server alone: `smtp://localhost?tls=none`.
    None,
}

impl SmtpConfig {
    /// `None` when there is no server: then e-mail is not sent.
    pub(super) fn from_environment(environment: &Environment<'_>) -> Result<Option<SmtpConfig>, ConfigError> {
        let from = environment.get(FROM);
        let ssl_root_cert = environment.get("SMTP_SSLROOTCERT").map(PathBuf::from);
        let Some(url) = environment.get(URL) else { return Ok(None) };
        let problem = |problem: &str| ConfigError::new(URL, problem);
        // Neither the parser's words nor the URL: it holds a password.
        let url = Url::parse(&url).map_err(|_| problem("is not a URL"))?;
        let tls = match (url.scheme(), url.query()) {
            ("smtps", None) => SmtpTls::Implicit,
            ("smtp", None) => SmtpTls::StartTls,
            ("smtp", Some("tls=none")) => SmtpTls::None,
            ("smtp" | "smtps", Some(_)) => return Err(problem("has a parameter that is not supported")),
            _ => return Err(problem("is neither smtp:// nor smtps://")),
        };
        let host = url.host().filter(|_| matches!(url.path(), "" | "/") && url.fragment().is_none());
        let host = host.ok_or_else(|| problem("is not smtp://user:password@host:port"))?;
        // Lambda sets this one everywhere.
        let in_lambda = environment.get("AWS_LAMBDA_INITIALIZATION_TYPE").is_some();
        if tls == SmtpTls::None && (in_lambda || !is_this_machine(&host)) {
            return Err(problem("has tls=none, which is for a server on a developer's own machine"));
        }
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8().map(String::from);
            text.map_err(|_| problem("has a user or a password that is no UTF-8"))
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(problem("has a user or a password without the other")),
            (user, Some(password)) => Some((decoded(user)?, Secret::new(decoded(password)?))),
        };
        let from = from.ok_or_else(|| ConfigError::new(FROM, "is not set, and SMTP_URL needs it"))?;
        let from = from.parse().map_err(|_| ConfigError::new(FROM, "is not an e-mail address"))?;
        let port = url.port().unwrap_or(if tls == SmtpTls::Implicit { 465 } else { 587 });
        let host = host.to_string().trim_matches(['[', ']']).to_owned();
        Ok(Some(SmtpConfig { host, port, tls, login, from, ssl_root_cert }))
    }
}

/// The parser keeps the host of a scheme that it does not know as it is written.
fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            *name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
