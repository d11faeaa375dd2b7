//! Takes jobs from the queue and has them done, until the time is up.

mod attempt;
mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use shared::App;
use shared::cache::describe;
use shared::db::jobs::{self, JobKind, Leased};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use self::attempt::Attempts;
pub use self::attempt::Leases;
pub use self::upkeep::requeue;
use crate::job::{Failure, Outcome};
use crate::queue::{self, Consumer, Message, Read};

/// How long a run takes jobs, and how long it lasts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names this run among the stream's consumers: no other has it.
    pub name: String,
    pub takes_until: Instant,
    /// What is not done by then is given back.
    pub ends_by: Instant,
    /// Ends as soon as nothing is to be done, now or within some seconds.
    pub stops_when_empty: bool,
    pub longest_attempt: fn(JobKind) -> Duration,
}

/// What a run did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Attempts that were begun, of all kinds.
    pub attempts: usize,
    /// Whether a job could not be ended: then the process has to.
    #[serde(skip)]
    pub is_stuck: bool,
}

/// How many of a kind are done at once: a photo takes memory, a message waits for somebody else.
fn at_once(kind: JobKind) -> usize {
    match kind {
        JobKind::Snap => 4,
        JobKind::Delivery => 16,
    }
}

pub fn longest_attempt(kind: JobKind) -> Duration {
    match kind {
        JobKind::Snap => Duration::from_secs(40),
        JobKind::Delivery => Duration::from_secs(20),
    }
}

/// Messages taken from the stream in one go.
const MOST_READ: usize = 16;
const UPKEEP_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at a Redis that does not answer, or at a queue of what there is no room for.
const PAUSE: Duration = Duration::from_secs(1);
const SHORT_PAUSE: Duration = Duration::from_millis(100);
/// How long a run that ends when the queue is empty waits before it believes that.
const EMPTY_FOR: Duration = Duration::from_millis(100);
/// Jobs that come so soon are waited for.
const SOON: i32 = 10;

/// Runs until the time is up, `leases` say that the process ends, or a job cannot be ended.
pub async fn run<P, R>(app: &'static App, leases: &Arc<Leases>, options: &Options, perform: P) -> Report
where
    P: Fn(Leased) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Outcome, Failure>> + Send + 'static,
{
    let room: HashMap<JobKind, Arc<Semaphore>> =
        JobKind::ALL.map(|kind| (kind, Arc::new(Semaphore::new(at_once(kind))))).into();
    let is_stuck = Arc::new(AtomicBool::new(false));
    let attempts = Attempts {
        app,
        leases: Arc::clone(leases),
        is_stuck: Arc::clone(&is_stuck),
        longest: options.longest_attempt,
    };
    let mut consumer = Consumer::new(&app.cache, options.name.clone());
    let mut upkeep = upkeep::Upkeep::default();
    let mut next_upkeep = Instant::now();
    let mut running = JoinSet::new();
    let mut report = Report::default();
    let mut is_down = false;

    while Instant::now() < options.takes_until
        && !leases.are_given_back()
        && !is_stuck.load(Ordering::Relaxed)
    {
        while running.try_join_next().is_some() {}
        let mut messages = Vec::new();
        if Instant::now() >= next_upkeep {
            messages = upkeep.run(app, &consumer).await;
            next_upkeep = Instant::now() + UPKEEP_EVERY;
        }
        let places: usize = room.values().map(|room| room.available_permits()).sum();
        if places == 0 {
            let _ = tokio::time::timeout_at(next_upkeep, running.join_next()).await;
            continue;
        }
        let mut wait = next_upkeep.min(options.takes_until).saturating_duration_since(Instant::now());
        if options.stops_when_empty {
            wait = wait.min(EMPTY_FOR);
        }
        match consumer.read(places.min(MOST_READ), wait).await {
            Ok(Read::Messages(read)) => {
                is_down = false;
                messages.extend(read);
            }
            Ok(Read::StartedAnew) => upkeep.redis_lost_everything(),
            Err(error) => {
                if !is_down {
                    tracing::warn!(error = describe(&error), "no queue to read: jobs wait in the database");
                }
                is_down = true;
                sleep(PAUSE).await;
            }
        }
        if messages.is_empty() && options.stops_when_empty && running.is_empty() && !is_down {
            match jobs::is_anything_due(&app.db, SOON).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => tracing::warn!(cause = error.cause(), "the database does not tell what is due"),
            }
        }
        let mut left_over: Vec<Message> = Vec::new();
        let mut begun = 0;
        for message in messages {
            match Arc::clone(&room[&message.kind]).try_acquire_owned() {
                Ok(place) => {
                    let work = attempts.attend(message, perform.clone());
                    running.spawn(async move {
                        work.await;
                        drop(place);
                    });
                    begun += 1;
                }
                Err(_) => left_over.push(message),
            }
        }
        report.attempts += begun;
        if !left_over.is_empty() {
            if let Err(error) = queue::put_back(&app.cache, &left_over).await {
                tracing::warn!(error = describe(&error), "messages wait to be found abandoned");
            }
            if begun == 0 {
                sleep(SHORT_PAUSE).await;
            }
        }
    }

    let drained = async { while running.join_next().await.is_some() {} };
    if timeout_at(options.ends_by, drained).await.is_err() {
        running.abort_all();
        leases.give_back(app).await;
    }
    if let Err(error) = consumer.leave().await {
        tracing::debug!(error = describe(&error), "this consumer stays in its group");
    }
    report.is_stuck = is_stuck.load(Ordering::Relaxed);
    report
}

#[cfg(test)]
mod tests;
