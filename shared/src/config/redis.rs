//! Where Redis is: `REDIS_URL`, else components, else `redis://redis:6379/0`.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

use super::{ConfigError, Environment};

/// How to reach Redis; its password is not shown by `Debug`.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    pub connection: ConnectionInfo,
}

impl RedisConfig {
    pub(super) fn from_environment(environment: &Environment<'_>) -> Result<RedisConfig, ConfigError> {
        let connection = match environment.get("REDIS_URL") {
            Some(url) => from_url(&url)?,
            None => from_components(environment)?,
        };
        Ok(RedisConfig { connection })
    }
}

fn from_url(url: &str) -> Result<ConnectionInfo, ConfigError> {
    let invalid = |problem: &str| ConfigError::new("REDIS_URL", problem);
    if !["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(invalid("has neither of the schemes redis and rediss"));
    }
    if url.contains('#') {
        // The crate reads "#insecure" as "do not verify the certificate".
        return Err(invalid("has a '#', which must be percent-encoded"));
    }
    // The crate's message could quote the URL, so it is not passed on.
    url.into_connection_info()
        .map_err(|_| invalid("is not of the form redis://[user:password@]host[:port][/database]"))
}

fn from_components(environment: &Environment<'_>) -> Result<ConnectionInfo, ConfigError> {
    let host = environment.get("REDIS_HOST").unwrap_or_else(|| "redis".into());
    let port = environment.port("REDIS_PORT", 6379)?;
    let address = if environment.flag("REDIS_TLS")? {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    let mut settings = RedisConnectionInfo::default();
    if let Some(password) = environment.get("REDIS_PASSWORD") {
        settings = settings.set_password(password);
    }
    let connection = address
        .into_connection_info()
        .map_err(|_| ConfigError::new("REDIS_HOST", "is not a host name"))?
        .set_redis_settings(settings);
    Ok(connection)
}
