//! One attempt at a job, watched from outside: whatever the job does, it ends, and the lease holds meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::App;
use shared::cache::describe;
use shared::db::jobs::{self, Attempt, JobKind, Leased, RENEWED_AFTER};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::job::{Failure, Outcome};
use crate::queue::{self, Message};

/// How long a job may go on after it was told to end: one that never waits for anything is not ended by that.
const TO_END: Duration = Duration::from_secs(1);

/// The jobs that this process has, to be given back when it ends.
#[derive(Debug, Default)]
pub struct Leases {
    tokens: Mutex<HashMap<i64, String>>,
    given_back: AtomicBool,
}

impl Leases {
    /// Gives all back to other workers; nothing is taken any more.
    pub async fn give_back(&self, app: &App) {
        self.given_back.store(true, Ordering::Relaxed);
        let tokens: Vec<String> = self.tokens().values().cloned().collect();
        if tokens.is_empty() {
            return;
        }
        tracing::info!(jobs = tokens.len(), "jobs are given back");
        if let Err(error) = jobs::release(&app.db, &tokens).await {
            tracing::warn!(cause = error.cause(), "jobs wait for their leases to end");
        }
    }

    pub fn are_given_back(&self) -> bool {
        self.given_back.load(Ordering::Relaxed)
    }

    fn add(&self, job: &Leased) {
        self.tokens().insert(job.id, job.lease_token.clone());
    }

    fn remove(&self, job: &Leased) {
        self.tokens().remove(&job.id);
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<i64, String>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all attempts of a run share.
#[derive(Debug, Clone)]
pub struct Attempts {
    pub app: &'static App,
    pub leases: Arc<Leases>,
    pub is_stuck: Arc<AtomicBool>,
    pub longest: fn(JobKind) -> Duration,
}

impl Attempts {
    /// Has the job of a message done, if it still is to be done, and takes the message away.
    pub fn attend<P, R>(&self, message: Message, perform: P) -> impl Future<Output = ()> + Send + use<P, R>
    where
        P: Fn(Leased) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Outcome, Failure>> + Send + 'static,
    {
        let this = self.clone();
        async move {
            match jobs::take(&this.app.db, message.job).await {
                Ok(Some(job)) => this.attempt(&job, perform).await,
                // Done, dead, or not yet due; or another worker has it.
                Ok(None) => {}
                Err(error) => {
                    // The message is found abandoned, or the job overdue.
                    tracing::warn!(job = message.job, cause = error.cause(), "a job could not be taken");
                    return;
                }
            }
            if let Err(error) = queue::remove(&this.app.cache, &[message]).await {
                tracing::warn!(error = describe(&error), "a message waits to be found abandoned");
            }
        }
    }

    async fn attempt<P, R>(&self, job: &Leased, perform: P)
    where
        P: Fn(Leased) -> R,
        R: Future<Output = Result<Outcome, Failure>> + Send + 'static,
    {
        self.leases.add(job);
        let outcome = self.watch(job, perform(job.clone())).await;
        self.leases.remove(job);
        let (id, kind, attempt) = (job.id, job.kind.as_str(), job.attempts);
        let db = &self.app.db;
        let settled = match outcome {
            Ok(Outcome::Done) => {
                tracing::info!(id, kind, attempt, "a job is done");
                return;
            }
            Err(Failure::LostLease) => {
                tracing::warn!(id, kind, attempt, "another worker has the job by now");
                return;
            }
            Ok(Outcome::Later(moment)) => jobs::postpone(db, job, moment).await,
            Err(Failure::Retry(reason)) => {
                tracing::warn!(id, kind, attempt, "a job failed, and is tried again up to five times");
                jobs::fail(db, job, Attempt::Again, &shortened(&reason)).await
            }
            Err(Failure::RetryAfter(reason, wait)) => {
                tracing::warn!(id, kind, attempt, "a job failed, and is tried again when the receiver said");
                jobs::fail(db, job, Attempt::AgainAfter(wait), &shortened(&reason)).await
            }
            Err(Failure::Final(reason)) => {
                tracing::warn!(id, kind, attempt, "a job failed for good");
                jobs::fail(db, job, Attempt::Last, &shortened(&reason)).await
            }
        };
        if let Err(error) = settled {
            // Then its lease ends, and it counts as an attempt.
            tracing::warn!(id, kind, cause = error.cause(), "what came of a job could not be written");
        }
    }

    async fn watch(
        &self,
        job: &Leased,
        work: impl Future<Output = Result<Outcome, Failure>> + Send + 'static,
    ) -> Result<Outcome, Failure> {
        let longest = (self.longest)(job.kind);
        // Ended when this is dropped.
        let mut attempt = JoinSet::new();
        attempt.spawn(work);
        let mut too_long = std::pin::pin!(sleep(longest));
        let mut renewal = interval(RENEWED_AFTER);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewal.reset();
        loop {
            tokio::select! {
                ended = attempt.join_next() => return match ended {
                    Some(Ok(outcome)) => outcome,
                    // What it said is in the log.
                    Some(Err(_)) | None => Err(Failure::Retry("an internal error: it panicked".into())),
                },
                () = &mut too_long => {
                    attempt.abort_all();
                    if timeout(TO_END, attempt.join_next()).await.is_err() {
                        tracing::error!(id = job.id, kind = job.kind.as_str(), "a job does not end: the process will");
                        self.is_stuck.store(true, Ordering::Relaxed);
                    }
                    return Err(Failure::Retry(format!("it took longer than {} s", longest.as_secs_f32())));
                }
                _ = renewal.tick() => match jobs::renew(&self.app.db, job).await {
                    Ok(true) => {}
                    Ok(false) => return Err(Failure::LostLease),
                    Err(error) => tracing::warn!(id = job.id, cause = error.cause(), "a lease could not be renewed"),
                },
            }
        }
    }
}

fn shortened(reason: &str) -> String {
    reason.chars().take(1000).collect()
}
