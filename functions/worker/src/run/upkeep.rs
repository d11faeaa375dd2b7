//! What keeps jobs going, each second: those of lost workers, and those that Redis does not know of.

use redis::RedisError;
use shared::cache::describe;
use shared::db::{Database, jobs};
use shared::{App, Error};
use tokio::time::{Duration, Instant};

use crate::queue::{self, Consumer, Message};

const LOOKS_FOR_ABANDONED_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Upkeep {
    /// Whether Redis may have lost what it was told just now.
    lost: bool,
    looked_for_abandoned: Option<Instant>,
    is_down: bool,
}

impl Upkeep {
    pub fn redis_lost_everything(&mut self) {
        self.lost = true;
    }

    /// Messages of workers that are gone, to be attended to.
    pub async fn run(&mut self, app: &App, consumer: &Consumer<'_>) -> Vec<Message> {
        match self.try_run(app, consumer).await {
            Ok(messages) => {
                self.is_down = false;
                messages
            }
            Err(error) => {
                if !self.is_down {
                    tracing::warn!(error, "jobs are not looked after at the moment");
                }
                self.is_down = true;
                Vec::new()
            }
        }
    }

    async fn try_run(&mut self, app: &App, consumer: &Consumer<'_>) -> Result<Vec<Message>, String> {
        if self.lost {
            let all = jobs::lost(&app.db).await.map_err(cause)?;
            announce(app, &all).await?;
            self.lost = false;
        }
        requeue(app).await?;
        if self.looked_for_abandoned.is_some_and(|moment| moment.elapsed() < LOOKS_FOR_ABANDONED_EVERY) {
            return Ok(Vec::new());
        }
        let messages = consumer.abandoned().await.map_err(told)?;
        self.looked_for_abandoned = Some(Instant::now());
        Ok(messages)
    }
}

/// Takes jobs from workers that are lost, and tells Redis of those that it does not know; how many these were.
///
/// # Errors
/// In words for the log, when PostgreSQL or Redis does not answer.
pub async fn requeue(app: &App) -> Result<usize, String> {
    let rescheduled = jobs::reschedule_lost(&app.db).await.map_err(cause)?;
    if rescheduled > 0 {
        tracing::warn!(jobs = rescheduled, "workers were lost before their jobs were done");
    }
    let overdue = jobs::to_announce(&app.db).await.map_err(cause)?;
    announce(app, &overdue).await
}

async fn announce(app: &App, all: &[(i64, jobs::JobKind)]) -> Result<usize, String> {
    if all.is_empty() {
        return Ok(0);
    }
    let missing = queue::missing(&app.cache, all).await.map_err(told)?;
    app.cache.add(&missing).await.map_err(told)?;
    note(&app.db, all).await.map_err(cause)?;
    Ok(missing.len())
}

async fn note(db: &Database, all: &[(i64, jobs::JobKind)]) -> shared::Result<()> {
    let ids: Vec<i64> = all.iter().map(|(id, _)| *id).collect();
    jobs::announced(db, &ids).await
}

fn cause(error: Error) -> String {
    error.cause()
}

fn told(error: RedisError) -> String {
    describe(&error)
}
