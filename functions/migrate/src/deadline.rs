//! How long an invocation has.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Stands in for a deadline that is not known: `cargo lambda watch` sends one of 1970.
const UNKNOWN: Duration = Duration::from_secs(55);

/// From the milliseconds since 1970 that the runtime API sends with each invocation.
pub fn deadline(epoch_milliseconds: u64) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(epoch_milliseconds).checked_sub(now);
    Instant::now() + left.unwrap_or(UNKNOWN)
}
