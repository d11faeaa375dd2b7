//! One migration of a database at a time.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Client;

use super::MigrationError;

/// An arbitrary constant, the same in every release: "dealscou" in ASCII.
const KEY: i64 = 0x6465_616c_7363_6f75;

const POLL_EVERY: Duration = Duration::from_millis(200);

/// Waits for the lock by asking again and again. A session that waits inside `pg_advisory_lock` holds a
/// snapshot, for which `create index concurrently` of the lock's holder waits in turn: a deadlock.
pub async fn acquire(client: &Client, deadline: Instant) -> Result<(), MigrationError> {
    loop {
        let row = client.query_one("select pg_try_advisory_lock($1) as ours", &[&KEY]).await?;
        if row.get("ours") {
            return Ok(());
        }
        if Instant::now() + POLL_EVERY >= deadline {
            return Err(MigrationError::Busy);
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

pub async fn release(client: &Client) -> Result<(), MigrationError> {
    client.query_one("select pg_advisory_unlock($1)", &[&KEY]).await?;
    Ok(())
}
