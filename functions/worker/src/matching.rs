//! Tells users of listings that their saved searches find.

use shared::db::listings_to_match::{self, Matched};
use shared::{App, Error, Result};

#[cfg(test)]
mod tests;

/// How many listings are matched at once, and how many where that takes too long: when very many searches match.
const AT_ONCE: [i64; 3] = [50, 5, 1];

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
    Ok(outcome?.listings)
}

/// By the server's `statement_timeout`, or by our own deadline.
fn took_too_long(error: &Error) -> bool {
    match error {
        Error::Deadline => true,
        Error::Database(cause) => cause.code().is_some_and(|code| code.code() == "57014"),
        _ => false,
    }
}
