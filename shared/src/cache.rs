//! Redis: one connection per environment, a deadline on everything, and never the truth.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError};
use tokio::sync::Mutex;

use crate::config::RedisConfig;

/// The stream that carries background jobs.
pub const JOBS_STREAM: &str = "deals:jobs";

const CONNECT_DEADLINE: Duration = Duration::from_millis(500);
const COMMAND_DEADLINE: Duration = Duration::from_millis(250);

/// A lazily opened, self-healing connection.
#[derive(Debug)]
pub struct Cache {
    config: RedisConfig,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Cache {
    pub fn new(config: RedisConfig) -> Cache {
        Cache { config, connection: Mutex::new(None) }
    }

    /// Length of the job stream: 0 when there is none, `None` when its key holds something else.
    pub async fn queue_depth(&self) -> Result<Option<u64>, RedisError> {
        match self.query(redis::cmd("XLEN").arg(JOBS_STREAM)).await {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Connects now, if it can.
    pub async fn warm_up(&self) {
        let mut slot = self.connection.lock().await;
        if slot.is_none() {
            *slot = self.connect().await.ok();
        }
    }

    /// Runs a command that may be repeated. A kept connection can have died while the environment was
    /// frozen, so its first failure is met with a new connection.
    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut slot = self.connection.lock().await;
        // Taken out while in use: a cancelled or failed use drops it, and the next one starts afresh.
        if let Some(mut kept) = slot.take() {
            match command.query_async(&mut kept).await {
                Err(error) if is_lost(&error) => {}
                answer => {
                    *slot = Some(kept);
                    return answer;
                }
            }
        }
        let mut fresh = self.connect().await?;
        let answer = command.query_async(&mut fresh).await;
        *slot = Some(fresh);
        answer
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_DEADLINE))
            .set_response_timeout(Some(COMMAND_DEADLINE));
        // The crate's deadline covers the handshake alone, not the name lookup or what is sent at the start.
        let client = Client::open(self.config.connection.clone())?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        tokio::time::timeout(CONNECT_DEADLINE, connecting)
            .await
            .map_err(|_| RedisError::from((ErrorKind::Io, "connection deadline passed")))?
    }
}

fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped()
}
