//! Deletes what nobody needs any more: expired idempotency keys, jobs and messages of long ago.

use shared::App;
use shared::db::{deliveries, idempotency_keys, jobs, notifications};
use tokio::time::Instant;

/// How many rows were deleted, in steps of 5,000, until nothing is left to be or the time is up.
pub async fn purge(app: &App, ends_by: Instant) -> shared::Result<usize> {
    let mut deleted = 0;
    while Instant::now() < ends_by {
        let step = idempotency_keys::purge(&app.db).await?
            + jobs::purge(&app.db).await?
            + deliveries::purge(&app.db).await?
            + notifications::purge(&app.db).await?;
        if step == 0 {
            break;
        }
        deleted += step;
    }
    Ok(deleted)
}
