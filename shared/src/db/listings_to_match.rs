//! The table `listings_to_match`: listings that are new, cheaper or newly good, and the one statement that finds the saved
//! searches that they match and tells their users.

use super::Database;
use crate::Result;

/// How many notifications one statement writes at the most: what is more is for the next.
const MOST_TOLD: i64 = 1_000;

/// What became of the listings that waited the longest.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Matched {
    /// How many were looked at. Of one that matches very many searches, only some users are told at once.
    pub listings: usize,
    /// Of the messages that are to be sent; nobody has told Redis of them yet.
    pub job_ids: Vec<i64>,
}

/// Matches at most so many. Whatever ends it, each listing is either matched, with all that comes of it, or still waits.
pub async fn match_some(db: &Database, most: i64) -> Result<Matched> {
    told_at_most(db, most, MOST_TOLD).await
}

async fn told_at_most(db: &Database, most: i64, most_told: i64) -> Result<Matched> {
    let rows = db.write(MATCH, &[&most, &most_told]).await?;
    let row = &rows[0];
    let listings: i64 = row.get("listings");
    Ok(Matched { listings: usize::try_from(listings).unwrap_or_default(), job_ids: row.get("job_ids") })
}

/// A file of its own, so that the bench measures this statement and no other.
const MATCH: &str = include_str!("listings_to_match/match.sql");

#[cfg(test)]
mod tests;
