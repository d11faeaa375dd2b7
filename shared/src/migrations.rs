//! Schema migrations that are boring under retries, races, roll-backs and kills. Refinery applies them and keeps
//! the history; the lock, the refusals and the non-transactional files are ours, since it has none of them.

mod history;
mod lock;
mod schema;
mod session;

use std::time::Duration;

use refinery::{Migration, Runner};
use serde::Serialize;
use tokio::time::Instant;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use self::history::{Applied, Plan};
pub use self::schema::{Drift, check};
use self::session::Session;
use crate::error::describe;

mod embedded {
    refinery::embed_migrations!("../migrations");
}

/// How long a statement of a migration may queue for a lock, while all others queue behind it: a request waits for less
/// than a second.
const LOCK_TIMEOUT: Duration = Duration::from_millis(700);

/// How long a session may do nothing. A migration never rests this long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The files of `migrations/`, in order.
pub fn embedded() -> Vec<Migration> {
    let mut migrations = embedded::migrations::runner().get_migrations().clone();
    migrations.sort();
    migrations
}

/// What there was to do, and what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub state: State,
    /// The newest migration of the database, `null` before the first.
    pub current_version: Option<i32>,
    /// The newest migration of this release.
    pub target_version: Option<i32>,
    /// Applied by this call.
    pub applied: Vec<String>,
    /// Of this release, not yet applied.
    pub pending: Vec<String>,
    /// Applied by a newer release, and unknown to this one.
    pub unknown: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Behind,
    UpToDate,
    /// A newer release has migrated the database: after a roll-back, that is as it should be.
    Ahead,
}

/// Why the schema is not what this release needs. Says nothing that CloudFormation's events may not show.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error(
        "{0} was changed after it was applied: restore the file, and make the change a migration of its own"
    )]
    Changed(String),
    #[error("{missing} was never applied, and is older than {newest}, which was: give it a higher number")]
    Gap { missing: String, newest: String },
    #[error("the database has {0}, which this release does not know and which is older than what it brings")]
    Foreign(String),
    #[error(
        "{0} says no-transaction, and so must be one \"create index concurrently if not exists\" or one \"drop index concurrently if exists\""
    )]
    NotRerunnable(String),
    #[error("another migration is still running")]
    Busy,
    #[error("the time is up")]
    TimeUp,
    #[error("{migration} failed: {cause}")]
    Failed { migration: String, cause: String },
    #[error("the database failed: {0}")]
    Database(String),
}

impl From<tokio_postgres::Error> for MigrationError {
    fn from(error: tokio_postgres::Error) -> MigrationError {
        MigrationError::Database(describe(&error))
    }
}

/// All that was ever applied, oldest first.
pub async fn history(client: &Client) -> Result<Vec<String>, MigrationError> {
    Ok(history::read(client).await?.iter().map(Applied::full_name).collect())
}

/// What `migrate` would do; changes nothing.
pub async fn plan(client: &Client, migrations: &[Migration]) -> Result<Report, MigrationError> {
    let plan = Plan::new(migrations, &history::read(client).await?)?;
    Ok(plan.report(Vec::new()))
}

/// Applies what is pending. Any number of these may run at once, and any of them may be killed anywhere: the
/// next one converges to the same schema.
///
/// # Errors
/// All refusals come before anything is run.
pub async fn migrate(
    client: &mut Client,
    migrations: &[Migration],
    deadline: Instant,
) -> Result<Report, MigrationError> {
    session::check(migrations)?;
    // The lock must not outlive us: a killed client's statement ends soon, and so does the session of an
    // environment that was frozen when its time was up.
    let settings = format!(
        "set search_path = public; set statement_timeout = 0; set lock_timeout = {}; \
         set client_connection_check_interval = 1000; \
         set idle_session_timeout = {idle}; set idle_in_transaction_session_timeout = {idle}",
        LOCK_TIMEOUT.as_millis(),
        idle = IDLE_TIMEOUT.as_millis(),
    );
    client.batch_execute(&settings).await?;
    lock::acquire(client, deadline).await?;
    let outcome = apply(client, migrations, deadline).await;
    // If this fails, the end of the session gives the lock back.
    let _ = lock::release(client).await;
    outcome
}

async fn apply(
    client: &mut Client,
    migrations: &[Migration],
    deadline: Instant,
) -> Result<Report, MigrationError> {
    let mut applied: Vec<String> = Vec::new();
    let mut pause = Duration::from_millis(200);
    loop {
        let plan = Plan::new(migrations, &history::read(client).await?)?;
        if plan.pending.is_empty() {
            return Ok(plan.report(applied));
        }
        let runner = Runner::new(migrations).set_abort_divergent(true).set_abort_missing(false);
        let error = match runner.run_async(&mut Session(client)).await {
            Ok(report) => {
                applied.extend(report.applied_migrations().iter().map(ToString::to_string));
                continue;
            }
            Err(error) => error,
        };
        let done = error.report().map_or(&[][..], |report| report.applied_migrations());
        applied.extend(done.iter().map(ToString::to_string));
        let failed = plan.pending.get(done.len()).cloned().unwrap_or_default();
        let cause = session::cause(&error);
        if !cause.is_some_and(|cause| cause.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)) {
            let cause = cause.map_or_else(|| "refinery could not run it".into(), failure);
            return Err(MigrationError::Failed { migration: failed, cause });
        }
        // Somebody reads for long. Out of the queue, so that others get through, and again a little later.
        tracing::warn!(migration = failed, "waited too long for a lock, will try again");
        if Instant::now() + pause >= deadline {
            return Err(MigrationError::Failed {
                migration: failed,
                cause: "no lock on its tables in time".into(),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// A statement of ours failed: what is wrong with the statement itself (SQLSTATE class 42) may be quoted, any
/// other message may hold a row.
fn failure(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) if db.code().code().starts_with("42") => format!("{} ({})", db.message(), describe(error)),
        _ => describe(error),
    }
}

#[cfg(test)]
mod tests;
