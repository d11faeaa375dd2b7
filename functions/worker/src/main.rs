//! Does what no request waits for. `{}`, each minute: takes jobs until its time is nearly up; with `{"until":"empty"}`, while
//! Redis has any. `{"task":"…"}`: digest, requeue, retention, or rotate-credentials.

mod delivery;
mod digest;
mod job;
mod matching;
mod queue;
mod retention;
mod run;
mod snap;
mod web;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use shared::db::jobs::{JobKind, Leased};
use shared::db::{jobs, marketplace_accounts, user_prefs};
use shared::{App, Role, metrics};
use tokio::time::Instant;

use self::job::{Context, Failure, Outcome};
use self::run::{Leases, Options};
use self::web::Web;

#[cfg(test)]
mod tests;

/// Several threads: a job that never waits for anything must not keep the others from it.
#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
async fn main() -> Result<(), Error> {
    let app = shared::lambda::start(Role::Worker)?;
    // Not the database, which may be asleep: a run that finds the queue empty leaves it so.
    app.cache.warm_up().await;
    let leases = Arc::new(Leases::default());
    let held = Arc::clone(&leases);
    lambda_runtime::spawn_graceful_shutdown_handler(move || async move { held.give_back(app).await }).await;
    lambda_runtime::run(service_fn(move |event| handle(app, Arc::clone(&leases), event))).await
}

async fn handle(
    app: &'static App,
    leases: Arc<Leases>,
    event: LambdaEvent<Value>,
) -> Result<Value, Diagnostic> {
    let ends_by = Instant::now() + time_left(event.context.deadline());
    let Value::Object(payload) = &event.payload else { return Err(failure(TASKS)) };
    match (payload.get("task").and_then(Value::as_str), payload.get("until").and_then(Value::as_str)) {
        (None, until) if !payload.contains_key("task") => {
            let stops_when_empty = match (payload.get("until"), until) {
                (None, _) => false,
                (Some(_), Some("empty")) => true,
                _ => return Err(failure("until must be empty, or left out")),
            };
            work(app, &leases, ends_by, stops_when_empty, &event.context.request_id).await
        }
        (Some("requeue"), None) => {
            let requeued = run::requeue(app).await.map_err(failure)?;
            Ok(json!({ "requeued": requeued }))
        }
        (Some("digest"), None) => {
            let messages = digest::digest(app).await.map_err(|error| failure(error.cause()))?;
            Ok(json!({ "messages": messages }))
        }
        (Some("retention"), None) => {
            let deleted = retention::purge(app, ends_by).await.map_err(|error| failure(error.cause()))?;
            Ok(json!({ "deleted": deleted }))
        }
        (Some("rotate-credentials"), None) => rotate_credentials(app).await,
        _ => Err(failure(TASKS)),
    }
}

const TASKS: &str =
    "give {}, {\"until\":\"empty\"}, or a task: digest, requeue, retention, rotate-credentials";

async fn work(
    app: &'static App,
    leases: &Arc<Leases>,
    ends_by: Instant,
    stops_when_empty: bool,
    request_id: &str,
) -> Result<Value, Diagnostic> {
    if stops_when_empty && matches!(app.cache.queue_depth().await, Ok(Some(0))) {
        metrics::counts(&[("QueueDepth", 0)]);
        return Ok(json!({ "attempts": 0 }));
    }
    let web = Web::new(app.development_targets.clone()).map_err(|error| failure(error.to_string()))?;
    let context = Arc::new(Context { app, web });
    // What is begun has a third of the time to be done, in which the next invocation takes over.
    let left = ends_by.saturating_duration_since(Instant::now());
    let options = Options {
        name: request_id.to_owned(),
        takes_until: ends_by - (left / 3).min(Duration::from_secs(45)),
        ends_by,
        stops_when_empty,
        longest_attempt: run::longest_attempt,
    };
    let matching = if stops_when_empty {
        matching::run_all(app).await.map_err(|error| failure(error.cause()))?;
        None
    } else {
        Some(tokio::spawn(matching::go_on(app, Arc::clone(leases))))
    };
    let report = run::run(app, leases, &options, move |job| perform(Arc::clone(&context), job)).await;
    if let Some(matching) = matching {
        matching.abort();
    }
    put_metrics(app).await;
    if report.is_stuck {
        // Nothing else ends a thread that never stops. Lambda starts another environment.
        std::process::exit(1);
    }
    serde_json::to_value(report).map_err(|error| failure(error.to_string()))
}

/// What alarms are about.
async fn put_metrics(app: &App) {
    let (depth, dead) = tokio::join!(app.cache.queue_depth(), jobs::count_dead(&app.db));
    let mut counts = Vec::new();
    counts.extend(depth.ok().flatten().map(|depth| ("QueueDepth", depth)));
    counts.extend(dead.ok().map(|dead| ("DeadJobs", dead)));
    metrics::counts(&counts);
}

/// What is left of the invocation, but for the time to answer. `cargo lambda watch` tells a moment long past.
fn time_left(deadline: SystemTime) -> Duration {
    const TO_ANSWER: Duration = Duration::from_secs(3);
    const WHEN_UNTOLD: Duration = Duration::from_secs(55);
    let left = deadline.duration_since(SystemTime::now()).unwrap_or(WHEN_UNTOLD);
    left.saturating_sub(TO_ANSWER)
}

async fn rotate_credentials(app: &App) -> Result<Value, Diagnostic> {
    let keys = app.credentials_keys().map_err(|error| failure(error.to_string()))?;
    // Of both, also when some of the first do not open.
    let accounts = marketplace_accounts::rotate(&app.db, keys).await;
    let prefs = user_prefs::rotate(&app.db, keys).await;
    let rotated =
        accounts.and_then(|accounts| Ok(accounts + prefs?)).map_err(|error| failure(error.cause()))?;
    tracing::info!(rotated, "credentials are sealed by the first key");
    Ok(json!({ "rotated": rotated }))
}

fn failure(message: impl Into<String>) -> Diagnostic {
    Diagnostic { error_type: "TaskFailed".into(), error_message: message.into() }
}

/// What is done for a job of each kind.
async fn perform(context: Arc<Context>, job: Leased) -> Result<Outcome, Failure> {
    match job.kind {
        JobKind::Snap => snap::perform(&context, &job).await,
        JobKind::Delivery => delivery::perform(&context, &job).await,
    }
}
