//! What a job is done with, and what comes of it.

use std::time::Duration;

use shared::App;
use shared::values::Timestamp;

use crate::web::Web;

/// What all jobs of a worker share.
#[derive(Debug)]
pub struct Context {
    pub app: &'static App,
    pub web: Web,
}

#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// The effect and the job's end are committed together.
    Done,
    /// Not now; that is no attempt.
    Later(Timestamp),
}

/// The text is why, for the job's user to read.
#[derive(Debug, PartialEq)]
pub enum Failure {
    /// Another try may do.
    Retry(String),
    /// Another try may do, but not before so long.
    RetryAfter(String, Duration),
    /// No other try would.
    Final(String),
    /// Another worker has the job by now.
    LostLease,
}

impl From<shared::Error> for Failure {
    fn from(error: shared::Error) -> Failure {
        Failure::Retry(error.cause())
    }
}
