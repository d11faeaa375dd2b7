//! What the batches have in common: statements that write many rows by (`source`, `source_id`), newer over older.

use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::{Database, Parameter};
use crate::http::{ItemStatus, Upserted};
use crate::{Error, Result};

/// Another try is needed where the row of an item was made by somebody else while the statement ran.
const MOST_TRIES: usize = 4;

/// What became of each item so far.
#[derive(Debug)]
pub struct Outcomes {
    outcomes: Vec<Option<Upserted>>,
    tries: usize,
}

impl Outcomes {
    pub fn of_none(items: usize) -> Outcomes {
        Outcomes { outcomes: vec![None; items], tries: 0 }
    }

    /// The indexes of the items that are to be written now.
    pub fn pending(&self) -> Vec<usize> {
        self.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_none()).map(|(at, _)| at).collect()
    }

    /// Takes what a statement answered, one row an item: its row's id, and what was done to it.
    ///
    /// # Errors
    /// When it has been tried often enough.
    pub fn take(&mut self, pending: &[usize], rows: &[Row]) -> Result<()> {
        for (&at, row) in pending.iter().zip(rows) {
            let status = match row.get(1) {
                "created" => ItemStatus::Created,
                "updated" => ItemStatus::Updated,
                _ => ItemStatus::Unchanged,
            };
            self.outcomes[at] = row.get::<_, Option<i64>>(0).map(|id| Upserted { id, status });
        }
        self.tries += 1;
        if self.tries == MOST_TRIES && self.outcomes.contains(&None) {
            return Err(Error::Deadline);
        }
        Ok(())
    }

    pub fn into_all(self) -> Vec<Upserted> {
        self.outcomes.into_iter().flatten().collect()
    }
}

/// Runs a statement that is safe to run again. Batches lock their rows in the same order; what others lock beside them
/// may still be in each other's way.
pub async fn write(db: &Database, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
    match db.write(sql, parameters).await {
        Err(Error::Database(error)) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {
            db.write(sql, parameters).await
        }
        outcome => outcome,
    }
}

/// One parameter of many values.
pub fn column<'i, T, V>(items: &[&'i T], of: impl Fn(&'i T) -> V) -> Vec<V> {
    items.iter().map(|item| of(item)).collect()
}

/// The terms of a title in one text, parted as the statements have it: an array of arrays would have to be a rectangle.
pub fn joined_terms(title: &str) -> String {
    crate::valuation::terms(title).join("\u{1f}")
}
