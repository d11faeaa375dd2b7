//! Migrates the schema: for CloudFormation, which waits for an answer at a URL, or for whoever invokes it with
//! `{"action":"migrate"|"status"|"plan"|"check"}`.

mod cloudformation;
mod deadline;
mod work;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

use crate::cloudformation::{Request, RequestType};
use crate::deadline::deadline;
use crate::work::{Failure, Lookup};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::logging::start();
    lambda_runtime::run(service_fn(|event| handle(event, &|name| std::env::var(name).ok()))).await
}

/// Reads the environment anew each time: a variable that is wrong is an answer too.
async fn handle(event: LambdaEvent<Value>, environment: &Lookup) -> Result<Value, Failure> {
    let deadline = deadline(event.context.deadline);
    if let Some(request) = Request::of(&event.payload) {
        let work = async |deadline| {
            match request.request_type {
                RequestType::Create | RequestType::Update => {
                    work::migrate(environment, deadline).await.map(Some)
                }
                // The data outlive the stack.
                RequestType::Delete => Ok(None),
                RequestType::Unknown => Err("this request type is not known".into()),
            }
        };
        return cloudformation::respond(&request, deadline, work).await;
    }
    match event.payload.get("action").and_then(Value::as_str) {
        Some("migrate") => Ok(json!(work::migrate(environment, deadline).await?)),
        Some("status") => work::status(environment, deadline).await,
        Some("plan") => Ok(json!(work::plan(environment, deadline).await?)),
        Some("check") => Ok(json!(work::check(environment, deadline).await?)),
        _ => Err("give an action: migrate, status, plan or check".into()),
    }
}
