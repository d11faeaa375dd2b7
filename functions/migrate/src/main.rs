//! Migrates the schema: for CloudFormation, which waits for an answer at a URL, or for whoever invokes it with
//! `{"action":"migrate"|"status"|"plan"}`.

mod cloudformation;
mod deadline;
mod work;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

use crate::cloudformation::{Request, RequestType};
use crate::deadline::deadline;

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    // The environment is read within each invocation: a wrong variable is an answer too.
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let deadline = deadline(event.context.deadline);
    if let Some(request) = Request::of(&event.payload) {
        let work = async {
            match request.request_type {
                RequestType::Create | RequestType::Update => work::migrate(deadline).await.map(Some),
                // The data outlives the stack.
                RequestType::Delete => Ok(None),
            }
        };
        return cloudformation::respond(&request, deadline, work).await;
    }
    match event.payload.get("action").and_then(Value::as_str) {
        Some("migrate") => Ok(json!(work::migrate(deadline).await?)),
        Some("status") => Ok(work::status(deadline).await?),
        Some("plan") => Ok(json!(work::plan(deadline).await?)),
        _ => Err("give an action: migrate, status or plan".into()),
    }
}
