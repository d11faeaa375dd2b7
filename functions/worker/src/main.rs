//! Does what no request waits for: `{"task":"rotate-credentials"}` is answered with `{"rotated":n}`.

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use shared::db::marketplace_accounts;
use shared::{App, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = shared::lambda::start(Role::Worker)?;
    app.db.warm_up().await;
    lambda_runtime::run(service_fn(|event| handle(app, event))).await
}

async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    match event.payload.get("task").and_then(Value::as_str) {
        Some("rotate-credentials") => rotate_credentials(app).await,
        _ => Err(failure("give a task: rotate-credentials")),
    }
}

async fn rotate_credentials(app: &App) -> Result<Value, Diagnostic> {
    let keys = app.credentials_keys().map_err(|error| failure(error.to_string()))?;
    let rotated =
        marketplace_accounts::rotate(&app.db, keys).await.map_err(|error| failure(error.cause()))?;
    tracing::info!(rotated, "credentials are sealed by the first key");
    Ok(json!({ "rotated": rotated }))
}

fn failure(message: impl Into<String>) -> Diagnostic {
    Diagnostic { error_type: "TaskFailed".into(), error_message: message.into() }
}
