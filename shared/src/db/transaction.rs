//! Several statements of a user's that happen together or not at all.

use tokio::sync::MutexGuard;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;

use super::{Connection, DEADLINE, Database, Parameter};
use crate::{Error, Result};

/// Neither committed nor rolled back, it is rolled back by the end of its connection.
#[derive(Debug)]
pub struct Transaction<'d> {
    database: &'d Database,
    slot: MutexGuard<'d, Option<Connection>>,
    connection: Connection,
    deadline: Instant,
}

impl Database {
    /// Begins a transaction behind the fence of row-level security.
    pub async fn begin(&self, user_id: &str) -> Result<Transaction<'_>> {
        let deadline = Instant::now() + DEADLINE;
        within(self, deadline, async {
            let mut slot = self.connection.lock().await;
            let mut connection = self.checkout(slot.take()).await?;
            if connection.begin(user_id).await.is_err() {
                connection = self.checkout(None).await?;
                connection.begin(user_id).await?;
            }
            Ok(Transaction { database: self, slot, connection, deadline })
        })
        .await
    }
}

impl Transaction<'_> {
    pub async fn query(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>> {
        let connection = &mut self.connection;
        within(self.database, self.deadline, async {
            let statements = connection.prepare_all(None, sql).await?;
            connection.run(&statements, None, parameters).await
        })
        .await
    }

    /// # Errors
    /// When the connection was lost meanwhile, nobody knows whether it happened.
    pub async fn commit(self) -> Result<()> {
        self.end("commit").await
    }

    pub async fn rollback(self) -> Result<()> {
        self.end("rollback").await
    }

    async fn end(mut self, how: &'static str) -> Result<()> {
        let client = &self.connection.client;
        within(self.database, self.deadline, async { Ok(client.batch_execute(how).await?) }).await?;
        *self.slot = Some(self.connection);
        Ok(())
    }
}

async fn within<T>(db: &Database, deadline: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
    let begun = std::time::Instant::now();
    let outcome = timeout_at(deadline, work).await.unwrap_or(Err(Error::Deadline));
    db.count(begun);
    outcome
}
