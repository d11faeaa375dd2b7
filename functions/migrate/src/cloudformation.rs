//! The custom resource's side of CloudFormation: exactly one answer to each request, whatever happens.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_tls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::migrations::Report;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::work::Failure;

/// A new one would mean another resource, and make CloudFormation delete the one before.
const PHYSICAL_RESOURCE_ID: &str = "deal-scout-schema";

/// CloudFormation's limit is 4,096 bytes.
const LARGEST_ANSWER: usize = 4_000;

/// Of the time that there is, this much is for the answer.
const TIME_TO_ANSWER: Duration = Duration::from_secs(8);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    pub request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    /// Absent in a Create.
    physical_resource_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    Create,
    Update,
    Delete,
    /// Of some later CloudFormation.
    #[serde(other)]
    Unknown,
}

impl Request {
    /// The event as a request, if it is one. Its properties are CloudFormation's to compare, not ours to read.
    pub fn of(event: &Value) -> Option<Request> {
        Request::deserialize(event).ok()
    }
}

/// Awaits the work for as long as an answer can still be given after it, then answers. The work is told when to be
/// done by, a little before it is cut off, so that it can say itself why it is not.
///
/// # Errors
/// The answer could not be delivered. A FAILED answer is no error: that would make Lambda invoke us again.
pub async fn respond(
    request: &Request,
    deadline: Instant,
    work: impl AsyncFnOnce(Instant) -> Result<Option<Report>, Failure>,
) -> Result<Value, Failure> {
    let left = deadline.saturating_duration_since(Instant::now());
    let cut_off = deadline - TIME_TO_ANSWER.min(left / 2);
    let work = work(cut_off - Duration::from_millis(500).min(left / 8));
    let outcome = match timeout_at(cut_off, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(Ok(report))) => Ok(report),
        Ok(Ok(Err(failure))) => Err(failure.to_string()),
        // What it said is in the log.
        Ok(Err(_panic)) => Err("the migration panicked".into()),
        Err(_elapsed) => Err("the time was up before the migration was done".into()),
    };
    let answer = Answer::new(request, outcome);
    tracing::info!(status = answer.status, reason = answer.reason, "answering CloudFormation");
    deliver(&request.response_url, answer.into_bytes(), deadline).await?;
    Ok(json!({ "answered": true }))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    status: &'static str,
    reason: String,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    data: Value,
}

impl<'a> Answer<'a> {
    fn new(request: &'a Request, outcome: Result<Option<Report>, String>) -> Answer<'a> {
        let (status, reason, data) = match outcome {
            Ok(Some(report)) => {
                let data = json!({
                    "State": report.state,
                    "CurrentVersion": report.current_version,
                    "AppliedCount": report.applied.len(),
                });
                ("SUCCESS", format!("migrations applied: {}", report.applied.len()), data)
            }
            Ok(None) => ("SUCCESS", "nothing to do: the data are kept".into(), json!({})),
            Err(reason) => ("FAILED", reason, json!({})),
        };
        Answer {
            status,
            reason,
            physical_resource_id: request.physical_resource_id.as_deref().unwrap_or(PHYSICAL_RESOURCE_ID),
            stack_id: &request.stack_id,
            request_id: &request.request_id,
            logical_resource_id: &request.logical_resource_id,
            data,
        }
    }

    fn into_bytes(mut self) -> Bytes {
        loop {
            let bytes = serde_json::to_vec(&self).expect("has string keys");
            if bytes.len() <= LARGEST_ANSWER || self.reason.is_empty() {
                return bytes.into();
            }
            // Half at a time: a character may take six bytes of JSON.
            let half = self.reason.chars().count() / 2;
            self.reason = self.reason.chars().take(half).collect();
        }
    }
}

/// Puts the answer to the URL, again and again until it is taken: without it the stack would hang for an hour.
async fn deliver(url: &str, answer: Bytes, deadline: Instant) -> Result<(), Failure> {
    let client = Client::builder(TokioExecutor::new()).build(HttpsConnector::new());
    let mut pause = Duration::from_millis(250);
    loop {
        // The URL is signed for a request without a content type.
        let request = hyper::Request::put(url).body(Full::new(answer.clone()));
        let request = request.map_err(|_| Failure::from("ResponseURL is not a URL"))?;
        let refused = match timeout(Duration::from_secs(3), client.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => return Ok(()),
            Ok(Ok(response)) => format!("status {}", response.status().as_u16()),
            // Without the URL, whose signature is a secret.
            Ok(Err(error)) if error.is_connect() => "no connection".to_owned(),
            Ok(Err(_)) => "connection lost".to_owned(),
            Err(_elapsed) => "no answer in time".to_owned(),
        };
        tracing::warn!(refused, "CloudFormation has not taken the answer");
        if Instant::now() + pause >= deadline {
            return Err(format!("CloudFormation has not taken the answer: {refused}").as_str().into());
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}
