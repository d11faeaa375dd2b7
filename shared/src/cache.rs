//! Redis: one connection per environment, a deadline on everything, and never the truth.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError};
use tokio::sync::Mutex;

use crate::config::RedisConfig;
use crate::db::jobs::JobKind;

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

    /// Tells workers of jobs that are committed. What goes wrong is logged and not told: a worker finds the jobs in
    /// PostgreSQL a little later.
    pub async fn announce(&self, jobs: &[(i64, JobKind)]) {
        if let Err(error) = self.add(jobs).await {
            tracing::warn!(error = describe(&error), "jobs wait to be found by a worker");
        }
    }

    /// Puts jobs at the end of the stream.
    ///
    /// # Errors
    /// When Redis does not answer; then some of them may be there.
    pub async fn add(&self, jobs: &[(i64, JobKind)]) -> Result<(), RedisError> {
        let mut pipeline = Pipeline::new();
        for (id, kind) in jobs {
            let add = pipeline.cmd("XADD").arg(JOBS_STREAM).arg("*");
            add.arg("job").arg(id).arg("kind").arg(kind.as_str()).ignore();
        }
        if jobs.is_empty() { Ok(()) } else { self.query(pipeline).await }
    }

    /// Connects now, if it can.
    pub async fn warm_up(&self) {
        let mut slot = self.connection.lock().await;
        if slot.is_none() {
            *slot = self.connect(COMMAND_DEADLINE).await.ok();
        }
    }

    /// Runs commands that may be repeated. A kept connection can have died while the environment was
    /// frozen, so its first failure is met with a new connection.
    pub async fn query<T: FromRedisValue>(&self, commands: impl Into<Commands>) -> Result<T, RedisError> {
        let commands = commands.into();
        let mut slot = self.connection.lock().await;
        // Taken out while in use: a cancelled or failed use drops it, and the next one starts afresh.
        if let Some(mut kept) = slot.take() {
            match commands.run(&mut kept).await {
                Err(error) if is_lost(&error) => {}
                answer => {
                    *slot = Some(kept);
                    return answer;
                }
            }
        }
        let mut fresh = self.connect(COMMAND_DEADLINE).await?;
        let answer = commands.run(&mut fresh).await;
        *slot = Some(fresh);
        answer
    }

    /// A connection of its own for a command that waits at the server for up to `wait`.
    pub async fn connection_that_waits(&self, wait: Duration) -> Result<MultiplexedConnection, RedisError> {
        self.connect(wait + COMMAND_DEADLINE).await
    }

    async fn connect(&self, response_deadline: Duration) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_DEADLINE))
            .set_response_timeout(Some(response_deadline));
        // The crate's deadline covers the handshake alone, not the name lookup or what is sent at the start.
        let client = Client::open(self.config.connection.clone())?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        tokio::time::timeout(CONNECT_DEADLINE, connecting)
            .await
            .map_err(|_| RedisError::from((ErrorKind::Io, "connection deadline passed")))?
    }
}

/// What goes to Redis in one flight.
#[derive(Debug)]
pub enum Commands {
    One(Cmd),
    Several(Pipeline),
}

impl Commands {
    async fn run<T: FromRedisValue>(&self, connection: &mut MultiplexedConnection) -> Result<T, RedisError> {
        match self {
            Commands::One(command) => command.query_async(connection).await,
            Commands::Several(pipeline) => pipeline.query_async(connection).await,
        }
    }
}

impl From<Cmd> for Commands {
    fn from(command: Cmd) -> Commands {
        Commands::One(command)
    }
}

impl From<&mut Cmd> for Commands {
    fn from(command: &mut Cmd) -> Commands {
        Commands::One(command.clone())
    }
}

impl From<Pipeline> for Commands {
    fn from(pipeline: Pipeline) -> Commands {
        Commands::Several(pipeline)
    }
}

/// An error without what the server says, which may quote what it was sent.
pub fn describe(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("Redis answered {code}"),
        None => error.category().to_owned(),
    }
}

fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::config::Config;
    use crate::testing::{Certificates, RedisServer};

    /// OpenSSL reads `SSL_CERT_FILE` once per process: this test runs itself anew for each authority.
    #[tokio::test]
    async fn rediss_is_reached_with_the_right_authority_and_the_right_password_alone() {
        if let Ok(url) = std::env::var("ASK_REDIS_AT") {
            let lookup = |name: &str| (name == "REDIS_URL").then(|| url.clone());
            let cache = Cache::new(Config::from_lookup(&lookup).expect("is complete").redis);
            match cache.queue_depth().await {
                Ok(depth) => eprintln!("answer: reached {depth:?}"),
                Err(error) => eprintln!("answer: refused {error}"),
            }
            return;
        }
        let certificates = Certificates::make();
        let server = RedisServer::start_with_tls(&certificates);
        let right = server.url.as_str();
        let (wrong_password, none) = (right.replace("hunter2", "hunter3"), right.replace(":hunter2@", ""));
        let (plain, address) = (right.replace("rediss:", "redis:"), right.replace("localhost", "127.0.0.1"));
        let table = [
            ("right authority", "a.pem", right, "reached Some(0)"),
            ("wrong authority", "b.pem", right, "refused"),
            ("wrong host name", "a.pem", &address, "refused"),
            ("wrong password", "a.pem", &wrong_password, "refused"),
            ("no password", "a.pem", &none, "refused"),
            ("plain text", "a.pem", &plain, "refused"),
        ];
        for (name, authority, url, expected) in table {
            let test = std::thread::current().name().expect("is the test's").to_owned();
            let output = Command::new(std::env::current_exe().expect("is known"))
                .args(["--exact", &test, "--nocapture"])
                .env("ASK_REDIS_AT", url)
                .env("SSL_CERT_FILE", certificates.path(authority))
                .output()
                .expect("runs");
            let shown = String::from_utf8_lossy(&output.stderr);
            let answer = shown.lines().find_map(|line| line.split_once("answer: ")).expect("answers").1;
            eprintln!("{name:<16} {answer}");
            assert!(answer.starts_with(expected) && !answer.contains("hunter"), "{name}: {answer}");
        }
    }
}
