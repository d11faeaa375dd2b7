//! Tells users of listings that their saved searches find.

use std::sync::Arc;
use std::time::Duration;

use shared::db::jobs::JobKind;
use shared::db::listings_to_match::{self, Matched};
use shared::{App, Error, Result};
use tokio::time::sleep;

use crate::run::Leases;

#[cfg(test)]
mod tests;

/// How many listings are matched at once, and how many where that takes too long: when very many searches match.
const AT_ONCE: [i64; 3] = [50, 5, 1];

/// Between two looks at what waits.
const PAUSE: Duration = Duration::from_millis(500);

/// Matches what waits, and what comes, until the process ends or this is dropped.
pub async fn go_on(app: &App, leases: Arc<Leases>) {
    let mut is_down = false;
    while !leases.are_given_back() {
        match run(app).await {
            Ok(0) => {}
            Ok(_) => {
                is_down = false;
                continue;
            }
            Err(error) if is_down => tracing::debug!(cause = error.cause(), "nothing is matched"),
            Err(error) => {
                tracing::warn!(cause = error.cause(), "listings wait to be matched");
                is_down = true;
            }
        }
        sleep(PAUSE).await;
    }
}

/// Matches all that waits now.
pub async fn run_all(app: &App) -> Result<()> {
    while run(app).await? > 0 {}
    Ok(())
}

/// Matches those that wait the longest; how many, 0 when none waits. May be cut off at any moment, and run by any number of
/// workers.
///
/// # Errors
/// What the database says; what was not matched still waits.
pub async fn run(app: &App) -> Result<usize> {
    let mut outcome = Ok(Matched::default());
    for most in AT_ONCE {
        outcome = listings_to_match::match_some(&app.db, most).await;
        match &outcome {
            Err(error) if took_too_long(error) => tracing::warn!(most, "matching was cut off"),
            _ => break,
        }
    }
    let matched = outcome?;
    for jobs in matched.job_ids.chunks(1000) {
        let jobs: Vec<_> = jobs.iter().map(|id| (*id, JobKind::Delivery)).collect();
        app.cache.announce(&jobs).await;
    }
    Ok(matched.listings)
}

/// By the server's `statement_timeout`, or by our own deadline.
fn took_too_long(error: &Error) -> bool {
    match error {
        Error::Deadline => true,
        Error::Database(cause) => cause.code().is_some_and(|code| code.code() == "57014"),
        _ => false,
    }
}
