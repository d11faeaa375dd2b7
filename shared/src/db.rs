//! PostgreSQL: one connection per environment, opened early, noticed when dead, and opened again.

mod columns;
pub mod comp_terms;
pub mod comps;
mod connect;
pub mod cross_posts;
pub mod deals;
pub mod deliveries;
mod iam;
pub mod idempotency_keys;
pub mod jobs;
pub mod list;
pub mod listing_scores;
pub mod listings;
pub mod listings_to_match;
pub mod listings_to_value;
pub mod marketplace_accounts;
pub mod my_items;
pub mod notifications;
pub mod orders;
pub mod price_history;
mod query;
pub mod saved_searches;
pub mod snap_jobs;
pub mod terms;
mod tls;
mod transaction;
mod upsert;
pub mod user_prefs;
pub mod valuation_models;

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, join};
use rustc_hash::FxHashMap;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

pub use self::connect::{ConnectError, connect};
pub use self::transaction::Transaction;

use crate::config::PostgresConfig;
use crate::{Error, Result};

/// What a parameter of a statement is.
pub type Parameter<'a> = &'a (dyn ToSql + Sync);

/// For a statement with all that it takes, also a new connection. Longer than `statement_timeout`, which ends the
/// statement on the server, and shorter than a function's own time.
const DEADLINE: Duration = Duration::from_secs(8);

/// A connection that rested this long may have died in a freeze: it is asked before it is trusted. Under load,
/// when requests follow each other closely, nobody pays for the question.
const TRUSTED_FOR: Duration = Duration::from_millis(20);
/// Requests that follow each other this closely leave no time for a freeze.
const BUSY_WITHIN: Duration = Duration::from_millis(2);
const PING_DEADLINE: Duration = Duration::from_millis(500);

/// What the policies in `migrations/` compare with. For the transaction alone: what is left over would leak into the
/// next request.
const FENCE: &str = "select set_config('deals.user_id', $1, true)";

/// Statements kept prepared per connection; beyond that, all are forgotten at once.
const STATEMENTS_KEPT: usize = 100;

/// What a function may do in the database. The grants are in `migrations/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Serves requests: no DDL, and row-level security holds.
    App,
    /// Works through jobs.
    Worker,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::App => "deals_app",
            Role::Worker => "deals_worker",
        }
    }

    /// What `alter role … set` says in `migrations/`; a test compares the two. A frozen environment must never hold
    /// a lock for long, and one that is gone no connection: nobody tells the server that Lambda ended it.
    pub fn settings(self) -> &'static [(&'static str, &'static str)] {
        &[
            ("statement_timeout", "5000"),
            ("lock_timeout", "2000"),
            ("idle_in_transaction_session_timeout", "5000"),
            ("client_connection_check_interval", "1000"),
            ("tcp_keepalives_idle", "15"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]
    }
}

/// The one connection of an environment.
#[derive(Debug)]
pub struct Database {
    config: PostgresConfig,
    role: Role,
    connection: Mutex<Option<Connection>>,
    /// Of the last statement, to be set anew: a timer that is new to the runtime has it look at the sockets once more.
    timer: std::sync::Mutex<Option<Pin<Box<Sleep>>>>,
    /// Time that statements took, connecting included.
    micros_spent: AtomicU64,
}

impl Database {
    pub fn new(config: PostgresConfig, role: Role) -> Database {
        Database {
            config,
            role,
            connection: Mutex::new(None),
            timer: std::sync::Mutex::new(None),
            micros_spent: AtomicU64::new(0),
        }
    }

    /// Connects now if it can; a database that is down must not stop the start.
    pub async fn warm_up(&self) {
        let mut slot = self.connection.lock().await;
        if slot.is_none() {
            match Connection::open(&self.config, self.role).await {
                Ok(connection) => *slot = Some(connection),
                Err(error) => tracing::warn!(%error, "no database connection at start"),
            }
        }
    }

    /// The same, and has the server look up what it must know of tables before it can plan a statement, while the
    /// function gets ready for its first request: a new connection's first statement waits for that otherwise.
    pub async fn warm_up_for(&self, tables: &[&str]) {
        self.warm_up().await;
        if let Some(connection) = &*self.connection.lock().await {
            let statement = format!("select from {} where false", tables.join(", "));
            // Sent, and not waited for: what is wrong with it is wrong with the next statement too.
            connection.client.batch_execute(&statement).now_or_never();
        }
    }

    /// Runs a statement that changes nothing, and so may be repeated when the connection was lost meanwhile.
    pub async fn read(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        self.run(None, sql, parameters, true).await
    }

    /// Runs a statement that changes something. It is repeated only when it certainly was not executed.
    pub async fn write(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        self.run(None, sql, parameters, false).await
    }

    /// Like [`Database::read`], behind the fence of row-level security: there are no rows but this user's.
    pub async fn read_as(&self, user_id: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        self.run(Some(user_id), sql, parameters, true).await
    }

    /// Like [`Database::write`], behind the same fence.
    pub async fn write_as(&self, user_id: &str, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        self.run(Some(user_id), sql, parameters, false).await
    }

    async fn run(
        &self,
        user_id: Option<&str>,
        sql: &str,
        parameters: &[Parameter<'_>],
        repeatable: bool,
    ) -> Result<Vec<Row>> {
        let begun = Instant::now();
        let mut timer = self.timer().take().unwrap_or_else(|| Box::pin(tokio::time::sleep(DEADLINE)));
        timer.as_mut().reset((begun + DEADLINE).into());
        let outcome = tokio::select! {
            biased;
            outcome = self.attempt(user_id, sql, parameters, repeatable) => outcome,
            () = &mut timer => Err(Error::Deadline),
        };
        *self.timer() = Some(timer);
        self.count(begun);
        outcome
    }

    fn timer(&self) -> std::sync::MutexGuard<'_, Option<Pin<Box<Sleep>>>> {
        self.timer.lock().expect("nobody panics while it is held")
    }

    /// Microseconds that all statements of this environment took so far.
    pub fn micros_spent(&self) -> u64 {
        self.micros_spent.load(Ordering::Relaxed)
    }

    fn count(&self, begun: Instant) {
        let micros = begun.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
        self.micros_spent.fetch_add(micros, Ordering::Relaxed);
    }

    async fn attempt(
        &self,
        user_id: Option<&str>,
        sql: &str,
        parameters: &[Parameter<'_>],
        repeatable: bool,
    ) -> Result<Vec<Row>> {
        let mut slot = self.connection.lock().await;
        let mut repeated = false;
        loop {
            // Taken out while in use: a cancelled or failed use drops it, and the next one starts afresh.
            let mut connection = self.checkout(slot.take()).await?;
            let (error, safe) = match connection.prepare_all(user_id, sql).await {
                Ok(statements) => match connection.run(&statements, user_id, parameters).await {
                    Ok(rows) => {
                        *slot = Some(connection);
                        return Ok(rows);
                    }
                    Err(error) => {
                        let safe = repeatable || is_stale_statement(&error);
                        (error, safe)
                    }
                },
                Err(error) => (error, true),
            };
            let lost = connection.client.is_closed() || error.is_connection_lost();
            if !lost && !is_stale_statement(&error) {
                *slot = Some(connection);
                return Err(error);
            }
            if repeated || !safe {
                return Err(error);
            }
            repeated = true;
        }
    }

    /// The kept connection if it is alive, else a new one.
    async fn checkout(&self, kept: Option<Connection>) -> Result<Connection> {
        if let Some(mut kept) = kept
            && kept.is_alive().await
        {
            return Ok(kept);
        }
        Ok(Connection::open(&self.config, self.role).await?)
    }
}

#[derive(Debug)]
struct Connection {
    client: Client,
    task: JoinHandle<()>,
    /// By their texts, which are ours alone and may be long: a hash that resists nobody is fast.
    statements: FxHashMap<String, Statement>,
    last_used: Instant,
}

impl Connection {
    async fn open(config: &PostgresConfig, role: Role) -> Result<Connection, ConnectError> {
        let (client, task) = connect(config, Some(role)).await?;
        Ok(Connection { client, task, statements: FxHashMap::default(), last_used: Instant::now() })
    }

    async fn is_alive(&mut self) -> bool {
        let rested = self.last_used.elapsed();
        if rested > BUSY_WITHIN {
            // Lets the connection's own task see what arrived meanwhile, such as the server's goodbye.
            tokio::task::yield_now().await;
        }
        if self.client.is_closed() {
            return false;
        }
        if rested < TRUSTED_FOR {
            return true;
        }
        let ping = tokio::time::timeout(PING_DEADLINE, self.client.check_connection());
        matches!(ping.await, Ok(Ok(())))
    }

    async fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        if self.statements.len() >= STATEMENTS_KEPT {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The statement, and the fence when there is a user to be fenced in with.
    async fn prepare_all(
        &mut self,
        user_id: Option<&str>,
        sql: &str,
    ) -> Result<(Statement, Option<Statement>)> {
        let fence = match user_id {
            Some(_) => Some(self.prepare(FENCE).await?),
            None => None,
        };
        Ok((self.prepare(sql).await?, fence))
    }

    /// All in one flight: behind the fence, the statement has a transaction of its own.
    async fn run(
        &mut self,
        (statement, fence): &(Statement, Option<Statement>),
        user_id: Option<&str>,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>> {
        let client = &self.client;
        let rows = match fence {
            None => client.query(statement, parameters).await,
            Some(fence) => {
                // Sent in this order. A failure of one makes all after it fail, and the commit a rollback.
                let user: [Parameter<'_>; 1] = [&user_id];
                let (begun, fenced, rows, committed) = join!(
                    client.batch_execute("begin"),
                    client.query(fence, &user),
                    client.query(statement, parameters),
                    client.batch_execute("commit"),
                );
                // The first error is the cause of the others.
                begun.and(fenced).and(rows).and_then(|rows| committed.map(|()| rows))
            }
        };
        self.last_used = Instant::now();
        Ok(rows?)
    }

    /// Begins a transaction behind the fence. It has no effect of its own, and so may be repeated.
    async fn begin(&mut self, user_id: &str) -> Result<()> {
        let fence = self.prepare(FENCE).await?;
        let user: [Parameter<'_>; 1] = [&user_id];
        let (begun, fenced) = join!(self.client.batch_execute("begin"), self.client.query(&fence, &user));
        begun.and(fenced)?;
        Ok(())
    }
}

impl Drop for Connection {
    /// Closes the socket even when the server no longer answers.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A statement that was prepared before a migration changed its result, or that a pooler between has
/// forgotten: refused before it did anything.
fn is_stale_statement(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    match error.as_db_error() {
        Some(db) if *db.code() == SqlState::INVALID_SQL_STATEMENT_NAME => true,
        Some(db) if *db.code() == SqlState::FEATURE_NOT_SUPPORTED => db.message().starts_with("cached plan"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
