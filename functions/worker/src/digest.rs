//! Makes messages of what waits for its user's digest.

use jiff::civil::Time;
use shared::App;
use shared::Result;
use shared::db::deliveries::{self, MOST_COLLECTED, Waiting};

use crate::delivery::schedule;

/// Users that one statement asks for.
const PAGE: i64 = 500;

/// Collects for every user whose time has come, and tells how many messages that made. Run often: a digest is late by as much as
/// that is rare.
pub async fn digest(app: &App) -> Result<usize> {
    let mut messages = 0;
    let mut after = String::new();
    loop {
        let rows = deliveries::waiting(&app.db, &after, PAGE).await?;
        let waiting: Vec<Waiting<'_>> = rows.iter().map(Waiting::of).collect();
        let Some(last) = waiting.last() else { return Ok(messages) };
        let due: Vec<&str> = waiting.iter().filter(|user| is_due(user)).map(|user| user.user_id).collect();
        while !due.is_empty() {
            let collected = deliveries::collect(&app.db, &due, last.now).await?;
            messages += collected.messages;
            if (collected.notifications as i64) < MOST_COLLECTED {
                break;
            }
        }
        after = last.user_id.to_owned();
    }
}

fn is_due(user: &Waiting<'_>) -> bool {
    let zone = schedule::zone(user.time_zone);
    let digest_at = user.digest_at.map_or(schedule::DIGEST_AT, Time::from);
    schedule::next_digest(user.since.into(), &zone, digest_at) <= user.now.into()
}

#[cfg(test)]
mod tests;
