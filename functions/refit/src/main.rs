//! Learns from the comps what things are worth, and values what waits for it. `{}`, each night, fits a model and values
//! every available listing by it; `{"task":"value"}`, every few minutes, values those that wait.

use std::time::Duration;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::refit::{self, Report};
use shared::{App, Role};
use tokio::time::Instant;

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = shared::lambda::start(Role::Worker)?;
    app.db.warm_up().await;
    lambda_runtime::run(service_fn(|event| handle(app, event))).await
}

async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Report, Diagnostic> {
    let deadline = Instant::now() + time_left(event.context.deadline());
    let report = match event.payload.get("task").and_then(Value::as_str) {
        None => refit::fit(app, deadline).await,
        Some("value") => refit::value(app, deadline).await,
        Some(_) => return Err(failure("the task must be value, or left out")),
    };
    report.map_err(|error| failure(error.cause()))
}

/// What is left of the invocation, but for the time to answer. `cargo lambda watch` tells a moment long past.
fn time_left(deadline: std::time::SystemTime) -> Duration {
    const TO_ANSWER: Duration = Duration::from_secs(5);
    const WHEN_UNTOLD: Duration = Duration::from_secs(55);
    let left = deadline.duration_since(std::time::SystemTime::now()).unwrap_or(WHEN_UNTOLD);
    left.saturating_sub(TO_ANSWER)
}

fn failure(message: impl Into<String>) -> Diagnostic {
    Diagnostic { error_type: "TaskFailed".into(), error_message: message.into() }
}
