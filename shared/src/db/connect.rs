//! Opening a connection: address, TLS, log-in, and the settings of the role.

use std::time::Duration;
use std::{fmt, io};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode as WireSslMode;
use tokio_postgres::{Client, Config};

use super::Role;
use super::iam;
use super::tls::Tls;
use crate::config::{Login, PostgresConfig, SslMode};
use crate::error::describe;

/// Why there is no connection; says nothing that a log may not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError(String);

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ConnectError {}

/// A page of rows in one read. `tokio_postgres` by itself asks for 8 KiB, and TLS for the five bytes before each record.
const READ_AHEAD: usize = 32 * 1024;

/// Opens a connection within the configuration's deadline. The task drives it, and ends with it.
///
/// `role` is taken in the start-up packet, together with its settings, when the log-in is another's (locally,
/// in tests): no round trip. When the log-in is the role's own, nothing is sent, since RDS Proxy refuses
/// start-up options and `alter role … set` says the same. `None`, for migrations, does neither.
pub async fn connect(
    config: &PostgresConfig,
    role: Option<Role>,
) -> Result<(Client, JoinHandle<()>), ConnectError> {
    match tokio::time::timeout(config.connect_timeout, open(config, role)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ConnectError("connection deadline passed".into())),
    }
}

async fn open(config: &PostgresConfig, role: Option<Role>) -> Result<(Client, JoinHandle<()>), ConnectError> {
    let mut wire = Config::new();
    wire.dbname(&config.database).user(&config.user).ssl_mode(match config.ssl_mode {
        SslMode::Disable => WireSslMode::Disable,
        SslMode::Prefer => WireSslMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => WireSslMode::Require,
    });
    if let Some(name) = &config.application_name {
        wire.application_name(name);
    }
    if let Some(role) = role.filter(|role| role.name() != config.user) {
        wire.options(start_up_options(role));
    }
    match &config.login {
        Login::Password(Some(password)) => {
            wire.password(password.reveal());
        }
        Login::Password(None) => {}
        Login::Iam { region, credentials, clock } => {
            let token = iam::token(config, region, credentials, clock)
                .await
                .map_err(|_| ConnectError("no IAM token could be signed".into()))?;
            wire.password(token.reveal());
        }
    }
    let socket =
        socket(config).await.map_err(|error| ConnectError(format!("error connecting to server: {error}")))?;
    let (client, connection) =
        wire.connect_raw(socket, Tls::new(config)).await.map_err(|error| ConnectError(describe(&error)))?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::info!(error = describe(&error), "database connection ended");
        }
    });
    Ok((client, task))
}

async fn socket(config: &PostgresConfig) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect((config.host.as_str(), config.port)).await?;
    stream.set_nodelay(true)?;
    let options = SockRef::from(&stream);
    options.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(30)))?;
    options.set_tcp_user_timeout(Some(Duration::from_secs(5)))?;
    Ok(BufReader::with_capacity(READ_AHEAD, stream))
}

fn start_up_options(role: Role) -> String {
    let mut options = format!("-c role={}", role.name());
    for (name, value) in role.settings() {
        options.push_str(&format!(" -c {name}={value}"));
    }
    options
}
