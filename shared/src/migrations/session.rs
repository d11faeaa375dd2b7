//! How one file is run: in a transaction with its history row, or, when it says so, in none.

use refinery::Migration;
use refinery_core::error::Kind;
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use tokio_postgres::Client;

use super::{LOCK_TIMEOUT, MigrationError};

/// A file that starts with this line is run outside of a transaction, as `create index concurrently` must be.
const NO_TRANSACTION: &str = "-- refinery:no-transaction";

/// Refinery's view of a connection.
pub struct Session<'c>(pub &'c mut Client);

impl AsyncTransaction for Session<'_> {
    type Error = tokio_postgres::Error;

    /// Refinery hands over a file and the insert of its history row.
    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        statements: T,
    ) -> Result<usize, tokio_postgres::Error> {
        let statements: Vec<&str> = statements.collect();
        match statements.first().and_then(|file| non_transactional(file)) {
            Some(Rerunnable { index }) => {
                // It waits for older transactions to end, and nobody queues behind it meanwhile.
                self.0.batch_execute("set lock_timeout = 0").await?;
                // A client that was killed meanwhile left an invalid index, which "if not exists" would keep.
                if is_invalid(self.0, index).await? {
                    self.0.batch_execute(&format!("drop index concurrently if exists {index}")).await?;
                }
                for statement in &statements {
                    self.0.batch_execute(statement).await?;
                }
                self.0.batch_execute(&format!("set lock_timeout = {}", LOCK_TIMEOUT.as_millis())).await?;
            }
            None => {
                let transaction = self.0.transaction().await?;
                for statement in &statements {
                    transaction.batch_execute(statement).await?;
                }
                transaction.commit().await?;
            }
        }
        Ok(statements.len())
    }
}

impl AsyncQuery<Vec<Migration>> for Session<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, tokio_postgres::Error> {
        AsyncQuery::<Vec<Migration>>::query(self.0, query).await
    }
}

impl AsyncMigrate for Session<'_> {}

/// Refuses a file that could not be run again after a kill.
pub fn check(migrations: &[Migration]) -> Result<(), MigrationError> {
    for migration in migrations {
        let sql = migration.sql().unwrap_or_default();
        if sql.starts_with(NO_TRANSACTION) && non_transactional(sql).is_none() {
            return Err(MigrationError::NotRerunnable(migration.to_string()));
        }
    }
    Ok(())
}

/// What the database said, if it was the database.
pub fn cause(error: &refinery::Error) -> Option<&tokio_postgres::Error> {
    match error.kind() {
        Kind::Connection(_, source) => source.downcast_ref(),
        _ => None,
    }
}

/// One statement about an index that may be run any number of times.
#[derive(Debug, PartialEq, Eq)]
struct Rerunnable<'f> {
    index: &'f str,
}

fn non_transactional(file: &str) -> Option<Rerunnable<'_>> {
    let file = file.strip_prefix(NO_TRANSACTION)?;
    let body_start = file.lines().take_while(|line| line.trim().is_empty() || line.starts_with("--"));
    let skipped: usize = body_start.map(|line| line.len() + 1).sum();
    let statement = file.get(skipped..)?.trim_end().trim_end_matches(';');
    if statement.contains(';') {
        return None;
    }
    let words: Vec<&str> = statement.split_whitespace().collect();
    let words: &[&str] = match words.as_slice() {
        ["create", "unique", "index", rest @ ..] | ["create" | "drop", "index", rest @ ..] => rest,
        _ => return None,
    };
    match words {
        ["concurrently", "if", "not", "exists", index, ..] | ["concurrently", "if", "exists", index] => {
            Some(Rerunnable { index })
        }
        _ => None,
    }
}

async fn is_invalid(client: &Client, index: &str) -> Result<bool, tokio_postgres::Error> {
    let sql = "select exists (select from pg_index where indexrelid = to_regclass($1::text) and not indisvalid) as invalid";
    Ok(client.query_one(sql, &[&index]).await?.get("invalid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_rerunnable_statement_may_run_without_a_transaction() {
        let index_of = |statement: &str| {
            let file = format!("{NO_TRANSACTION}\n-- why; because\n\n{statement}\n");
            non_transactional(&file).map(|rerunnable| rerunnable.index.to_owned())
        };
        let create = "create index concurrently if not exists a_b_idx on a (b);";
        assert_eq!(index_of(create).as_deref(), Some("a_b_idx"));
        let unique = "create unique index concurrently if not exists\n  a_b_key\n  on a (b)";
        assert_eq!(index_of(unique).as_deref(), Some("a_b_key"));
        assert_eq!(index_of("drop index concurrently if exists a_b_idx;").as_deref(), Some("a_b_idx"));
        for refused in [
            "create index concurrently a_b_idx on a (b);",
            "create index if not exists a_b_idx on a (b);",
            "create index concurrently if not exists a_idx on a (b); select 1;",
            "drop index a_b_idx;",
            "update a set b = 1;",
            "",
        ] {
            assert_eq!(index_of(refused), None, "{refused}");
        }
        assert_eq!(non_transactional(create), None, "without the first line it is an ordinary file");
    }
}
