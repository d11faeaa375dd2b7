//! The work itself: connect to the writer, look, migrate.

use std::time::Duration;

use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use shared::config::{Config, PostgresConfig};
use shared::db;
use shared::migrations::{self, Drift, MigrationError, Report};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

/// Reads a variable of the environment.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// In words for CloudFormation's events: no secret, no row.
#[derive(Debug)]
pub struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Diagnostic {
        Diagnostic { error_type: "MigrationFailed".into(), error_message: failure.0 }
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Failure {
        Failure(text.to_owned())
    }
}

impl From<MigrationError> for Failure {
    fn from(error: MigrationError) -> Failure {
        Failure(error.to_string())
    }
}

/// Applies what is pending.
pub async fn migrate(environment: &Lookup, deadline: Instant) -> Result<Report, Failure> {
    let mut client = connect(environment, deadline).await?;
    let report = migrations::migrate(&mut client, &migrations::embedded(), deadline).await?;
    tracing::info!(applied = ?report.applied, state = ?report.state, "migrated");
    Ok(report)
}

/// What `migrate` would do; changes nothing.
pub async fn plan(environment: &Lookup, deadline: Instant) -> Result<Report, Failure> {
    let client = connect(environment, deadline).await?;
    Ok(migrations::plan(&client, &migrations::embedded()).await?)
}

/// What was done to the database, and what is still to do.
pub async fn status(environment: &Lookup, deadline: Instant) -> Result<Value, Failure> {
    let client = connect(environment, deadline).await?;
    let mut status = json!(migrations::plan(&client, &migrations::embedded()).await?);
    status["history"] = json!(migrations::history(&client).await?);
    Ok(status)
}

/// How the live schema differs from what the migrations make.
pub async fn check(environment: &Lookup, deadline: Instant) -> Result<Drift, Failure> {
    let client = connect(environment, deadline).await?;
    Ok(migrations::check(&client).await?)
}

/// Waits for a database that is still starting.
async fn connect(environment: &Lookup, deadline: Instant) -> Result<Client, Failure> {
    let config = Config::from_lookup(environment).map_err(|error| Failure(error.to_string()))?;
    let application_name = Some(config.postgres.application_name.unwrap_or_else(|| "migrate".into()));
    let postgres = PostgresConfig { application_name, ..config.postgres };
    let mut pause = Duration::from_secs(2);
    loop {
        let error = match db::connect(&postgres, None).await {
            Ok((client, _)) => return Ok(client),
            Err(error) => error,
        };
        if pause > Duration::from_secs(32) || Instant::now() + pause >= deadline {
            return Err(Failure(format!("no connection to the database: {error}")));
        }
        tracing::warn!(%error, ?pause, "no connection to the database yet");
        sleep(pause).await;
        pause *= 2;
    }
}
