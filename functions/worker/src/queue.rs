//! The Redis stream that carries jobs to workers. It may lose everything: PostgreSQL has the jobs.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisError, cmd};
use shared::cache::{Cache, JOBS_STREAM};
use shared::db::jobs::JobKind;

const GROUP: &str = "worker";
/// Longer than a lease: whoever has such a message is gone, or does without it.
const ABANDONED_AFTER: Duration = Duration::from_secs(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    id: String,
    pub job: i64,
    pub kind: JobKind,
}

/// One consumer of the group.
#[derive(Debug)]
pub struct Consumer<'a> {
    cache: &'a Cache,
    name: String,
    /// For reads, which wait at the server; all else goes by the cache's own connection.
    connection: Option<MultiplexedConnection>,
}

/// A stream with nobody reading it was found, and a group made: it may have lost what was in it.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Messages(Vec<Message>),
    StartedAnew,
}

type Entries = Vec<(String, Option<Vec<String>>)>;

impl<'a> Consumer<'a> {
    pub fn new(cache: &'a Cache, name: String) -> Consumer<'a> {
        Consumer { cache, name, connection: None }
    }

    /// At most `most` messages that nobody has read; waits for the first of them for up to a second.
    pub async fn read(&mut self, most: usize, wait: Duration) -> Result<Read, RedisError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.cache.connection_that_waits(LONGEST_WAIT).await?,
        };
        let wait = wait.clamp(Duration::from_millis(1), LONGEST_WAIT).as_millis();
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.name).arg("COUNT").arg(most);
        read.arg("BLOCK").arg(wait as usize).arg("STREAMS").arg(JOBS_STREAM).arg(">");
        // Not put back after a failure: what the server may answer later belongs to nobody.
        let answer: Result<Option<Vec<(String, Entries)>>, _> = read.query_async(&mut connection).await;
        match answer {
            Ok(streams) => {
                self.connection = Some(connection);
                let entries = streams.into_iter().flatten().flat_map(|(_, entries)| entries).collect();
                Ok(Read::Messages(messages(self.cache, entries).await?))
            }
            Err(error) if error.code() == Some("NOGROUP") => {
                self.connection = Some(connection);
                self.create_group().await?;
                Ok(Read::StartedAnew)
            }
            Err(error) => Err(error),
        }
    }

    /// From the stream's beginning: what was added before there was a group counts.
    async fn create_group(&self) -> Result<(), RedisError> {
        let mut create = cmd("XGROUP");
        create.arg("CREATE").arg(JOBS_STREAM).arg(GROUP).arg("0").arg("MKSTREAM");
        match self.cache.query::<()>(create).await {
            // Another worker made it at this moment.
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            outcome => outcome,
        }
    }

    /// Messages of workers that are gone.
    pub async fn abandoned(&self) -> Result<Vec<Message>, RedisError> {
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(JOBS_STREAM).arg(GROUP).arg(&self.name);
        claim.arg(ABANDONED_AFTER.as_millis() as usize).arg("0").arg("COUNT").arg(100);
        let answer: Result<(String, Entries), _> = match self.cache.query::<redis::Value>(claim).await {
            // A third part lists what is no longer in the stream.
            Ok(redis::Value::Array(parts)) => {
                redis::from_redis_value(redis::Value::Array(parts.into_iter().take(2).collect()))
                    .map_err(RedisError::from)
            }
            Ok(_) => Ok(Default::default()),
            Err(error) if error.code() == Some("NOGROUP") => Ok(Default::default()),
            Err(error) => Err(error),
        };
        messages(self.cache, answer?.1).await
    }

    /// Leaves the group; what this consumer still has, others find abandoned.
    pub async fn leave(&self) -> Result<(), RedisError> {
        // Deleting a consumer would forget what it has: only one that has nothing goes.
        let mut pending = cmd("XPENDING");
        pending.arg(JOBS_STREAM).arg(GROUP).arg("-").arg("+").arg(1).arg(&self.name);
        let pending: Vec<redis::Value> = self.cache.query(pending).await?;
        if pending.is_empty() {
            let mut leave = cmd("XGROUP");
            leave.arg("DELCONSUMER").arg(JOBS_STREAM).arg(GROUP).arg(&self.name);
            self.cache.query::<()>(leave).await?;
        }
        Ok(())
    }
}

/// Takes messages whose jobs are done, or are no longer to be done, out of group and stream.
pub async fn remove(cache: &Cache, messages: &[Message]) -> Result<(), RedisError> {
    replace(cache, messages, false).await
}

/// Puts messages behind all others, for when there is no room for what they carry.
pub async fn put_back(cache: &Cache, messages: &[Message]) -> Result<(), RedisError> {
    replace(cache, messages, true).await
}

async fn replace(cache: &Cache, messages: &[Message], again: bool) -> Result<(), RedisError> {
    if messages.is_empty() {
        return Ok(());
    }
    let mut pipeline = Pipeline::new();
    pipeline.atomic();
    for message in messages {
        pipeline.cmd("XACK").arg(JOBS_STREAM).arg(GROUP).arg(&message.id).ignore();
        pipeline.cmd("XDEL").arg(JOBS_STREAM).arg(&message.id).ignore();
        if again {
            let add = pipeline.cmd("XADD").arg(JOBS_STREAM).arg("*");
            add.arg("job").arg(message.job).arg("kind").arg(message.kind.as_str()).ignore();
        }
    }
    cache.query(pipeline).await
}

/// Those of these jobs that no message stands for which is still to be read. What was read and not done is its reader's, or
/// its reader is gone: then it is not to be waited for either.
///
/// # Errors
/// When Redis does not answer.
pub async fn missing(cache: &Cache, jobs: &[(i64, JobKind)]) -> Result<Vec<(i64, JobKind)>, RedisError> {
    let mut range = cmd("XRANGE");
    range.arg(JOBS_STREAM).arg(last_delivered(cache).await?).arg("+").arg("COUNT").arg(20_000);
    let entries: Entries = cache.query(range).await?;
    let there: HashSet<i64> = entries.into_iter().filter_map(message).map(|message| message.job).collect();
    Ok(jobs.iter().copied().filter(|(id, _)| !there.contains(id)).collect())
}

/// After which message the group goes on, as the beginning of a range.
async fn last_delivered(cache: &Cache) -> Result<String, RedisError> {
    let mut about = cmd("XINFO");
    about.arg("GROUPS").arg(JOBS_STREAM);
    let groups: Vec<HashMap<String, redis::Value>> = match cache.query(about).await {
        // There is no stream.
        Err(error) if error.code() == Some("ERR") => Vec::new(),
        answer => answer?,
    };
    let named = |group: &HashMap<String, redis::Value>, field: &str| {
        group.get(field).and_then(|value| redis::from_redis_value::<String>(value.clone()).ok())
    };
    let ours = groups.iter().find(|group| named(group, "name").as_deref() == Some(GROUP));
    let id = ours.and_then(|group| named(group, "last-delivered-id"));
    Ok(id.map_or("-".into(), |id| format!("({id}")))
}

/// What is no message of ours is removed, and counted in the log.
async fn messages(cache: &Cache, entries: Entries) -> Result<Vec<Message>, RedisError> {
    let mut messages = Vec::with_capacity(entries.len());
    for (id, fields) in entries {
        match message((id.clone(), fields)) {
            Some(message) => messages.push(message),
            None => {
                tracing::warn!(id, "a message that names no job was removed");
                let mut pipeline = Pipeline::new();
                pipeline.atomic().cmd("XACK").arg(JOBS_STREAM).arg(GROUP).arg(&id).ignore();
                pipeline.cmd("XDEL").arg(JOBS_STREAM).arg(&id).ignore();
                cache.query::<()>(pipeline).await?;
            }
        }
    }
    Ok(messages)
}

fn message((id, fields): (String, Option<Vec<String>>)) -> Option<Message> {
    let fields = fields?;
    let field = |name: &str| fields.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str());
    Some(Message { id, job: field("job")?.parse().ok()?, kind: field("kind")?.parse().ok()? })
}
