//! The table `jobs`: work in the background. A row is made in the statement that causes it, by trigger: the insert of a
//! snap job or of a delivery makes its job.

mod work;

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use super::columns::Columns;
use super::list::{KeyType, ListRequest, Sortable};
use super::query::Query;
use super::{Database, Parameter};
use crate::http::{Fields, IfMatch, Page, Parameters};
use crate::values::Timestamp;
use crate::{Error, Result};

pub use self::work::{
    Attempt, FINISHED, Leased, RENEWED_AFTER, announced, count_dead, fail, finish_without_effect,
    is_anything_due, lost, postpone, purge, release, renew, reschedule_lost, take, to_announce,
};

/// What a job is for; the row that it is for has its id as `job_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum JobKind {
    /// Photos of a row of `snap_jobs`, to be made a draft of.
    Snap,
    /// A message, a row of `deliveries`.
    Delivery,
}

impl JobKind {
    pub const ALL: [JobKind; 2] = [JobKind::Snap, JobKind::Delivery];

    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Snap => "snap",
            JobKind::Delivery => "delivery",
        }
    }
}

impl FromStr for JobKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<JobKind, UnknownKind> {
        JobKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// Of another release, perhaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum JobStatus {
    /// Waits for a worker, or for its time.
    Queued,
    Running,
    Done,
    /// Failed for good.
    Dead,
}

impl JobStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Queued => "queued",
            JobStatus::Running => "running",
            JobStatus::Done => "done",
            JobStatus::Dead => "dead",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Job<'r> {
    pub id: i64,
    #[schemars(with = "JobKind")]
    pub kind: &'r str,
    #[schemars(with = "JobStatus")]
    pub status: &'r str,
    /// How often it was tried; at most five times.
    pub attempts: i32,
    /// Not before this moment.
    pub run_at: Timestamp,
    /// Why it failed last, or for good.
    pub reason: Option<&'r str>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    #[serde(skip)]
    pub version: i32,
}

/// Of a job that is dead: to be tried again.
#[derive(Debug, JsonSchema)]
pub struct JobPatch {
    status: Option<Again>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Again {
    Queued,
}

impl JobPatch {
    pub fn read(fields: &mut Fields) -> JobPatch {
        JobPatch { status: fields.change("status") }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    status: Option<JobStatus>,
    kind: Option<JobKind>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter { status: parameters.choice("status"), kind: parameters.choice("kind") }
    }
}

pub const SORTS: &[Sortable] = &[Sortable::column("created_at", KeyType::Time)];

const COLUMNS: &str =
    "id, kind::text as kind, status::text as status, attempts, run_at, reason, created_at, updated_at,
    started_at, finished_at, version";

/// Lets a transaction of an administrator see the dead jobs of everyone, as a policy says.
const AS_ADMINISTRATOR: &str = "select set_config('deals.admin', 'on', true)";

/// Whose jobs are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    Own,
    /// And the dead ones of everyone, for an administrator.
    AndAllDead,
}

async fn read(
    db: &Database,
    user_id: &str,
    view: View,
    sql: &str,
    parameters: &[Parameter<'_>],
) -> Result<Vec<Row>> {
    if view == View::Own {
        return db.read_as(user_id, sql, parameters).await;
    }
    let mut transaction = db.begin(user_id).await?;
    transaction.query(AS_ADMINISTRATOR, &[]).await?;
    let rows = transaction.query(sql, parameters).await?;
    transaction.commit().await?;
    Ok(rows)
}

pub async fn list(db: &Database, user_id: &str, view: View, request: &ListRequest<Filter>) -> Result<Page> {
    let Filter { status, kind } = &request.filter;
    let (status, kind) = (status.map(JobStatus::as_str), kind.map(JobKind::as_str));
    let mut query = Query::default();
    request.select(&mut query, COLUMNS, "jobs", None);
    match view {
        View::Own => query.and("user_id = ?", &user_id),
        View::AndAllDead => query.and("(user_id = ? or status = 'dead')", &user_id),
    }
    if status.is_some() {
        query.and("status = ?::text::job_status", &status);
    }
    if kind.is_some() {
        query.and("kind = ?::text::job_kind", &kind);
    }
    request.slice(&mut query, None);
    let rows = read(db, user_id, view, &query.sql, &query.parameters).await?;
    Ok(request.page(&rows, Job::of))
}

/// The row of a [`Job`].
pub async fn get(db: &Database, user_id: &str, view: View, id: i64) -> Result<Row> {
    let whose = match view {
        View::Own => "user_id = $2",
        View::AndAllDead => "(user_id = $2 or status = 'dead')",
    };
    let sql = format!("select {COLUMNS} from jobs where id = $1 and {whose}");
    read(db, user_id, view, &sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("job");

/// Gives a dead job, of whichever user, five attempts more. What it is for shows that, by trigger, and so it happens in the
/// name of its user.
///
/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions; `Conflict` for a job that is not dead.
pub async fn retry(
    db: &Database,
    user_id: &str,
    id: i64,
    if_match: &IfMatch,
    patch: &JobPatch,
) -> Result<Row> {
    if patch.status.is_none() {
        return get(db, user_id, View::AndAllDead, id).await;
    }
    let in_the_name_of_its_user = "
        select set_config('deals.user_id', user_id, true) from jobs
        where id = $1 and ($2::int4[] is null or version = any ($2)) and status = 'dead'";
    let again = format!(
        "update jobs set status = 'queued', attempts = 0, run_at = now(), announced_at = now(), finished_at = null,
             updated_at = now(), version = version + 1
         where id = $1 and ($2::int4[] is null or version = any ($2)) and status = 'dead'
         returning {COLUMNS}"
    );
    let mut transaction = db.begin(user_id).await?;
    transaction.query(AS_ADMINISTRATOR, &[]).await?;
    transaction.query(in_the_name_of_its_user, &[&id, &if_match.versions()]).await?;
    let retried = transaction.query(&again, &[&id, &if_match.versions()]).await?.pop();
    transaction.commit().await?;
    if let Some(row) = retried {
        return Ok(row);
    }
    let current = get(db, user_id, View::AndAllDead, id).await?;
    if if_match.versions().is_some_and(|versions| !versions.contains(&current.get("version"))) {
        return Err(Error::PreconditionFailed);
    }
    Err(Error::conflict("only a dead job can be tried again"))
}

impl<'r> Job<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> Job<'r> {
        let mut columns = Columns::of(row);
        Job {
            id: columns.take(),
            kind: columns.take(),
            status: columns.take(),
            attempts: columns.take(),
            run_at: columns.take(),
            reason: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            started_at: columns.take(),
            finished_at: columns.take(),
            version: columns.take(),
        }
    }
}
