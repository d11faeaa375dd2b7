//! The table `snap_jobs`: photos on their way to a draft of an item.

mod work;

use std::borrow::Cow;

use lambda_http::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Database;
use super::columns::Columns;
use super::idempotency_keys::{insert_once, write_once};
use super::list::{KeyType, ListRequest, Sortable};
use super::query::Query;
use crate::error::OnConstraint;
use crate::http::{Created, Fields, IdempotencyKey, IfMatch, Page, Parameters};
use crate::values::{Attributes, Condition, Photo, Text, Timestamp};
use crate::{Error, Result};

pub use self::work::{Draft, Photos, finish, photos};

/// The steps between them are in `migrations/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum SnapJobStatus {
    Queued,
    Processing,
    Ready,
    Failed,
}

impl SnapJobStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            SnapJobStatus::Queued => "queued",
            SnapJobStatus::Processing => "processing",
            SnapJobStatus::Ready => "ready",
            SnapJobStatus::Failed => "failed",
        }
    }
}

/// Who said what the photos show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RecognizedBy {
    /// Only what the seller says was read: the photos were not looked at.
    Notes,
    /// A model looked at the photos.
    Vision,
}

impl RecognizedBy {
    pub fn as_str(self) -> &'static str {
        match self {
            RecognizedBy::Notes => "notes",
            RecognizedBy::Vision => "vision",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct SnapJob<'r> {
    pub id: i64,
    #[schemars(with = "SnapJobStatus")]
    pub status: &'r str,
    #[schemars(with = "Vec<Photo>")]
    pub photos: Json<&'r RawValue>,
    /// What the seller says of the thing.
    pub notes: Option<&'r str>,
    pub detected_category: Option<&'r str>,
    #[schemars(with = "Attributes")]
    pub detected_attributes: Json<&'r RawValue>,
    #[schemars(with = "Option<Condition>")]
    pub condition_guess: Option<&'r str>,
    /// Minor units of `suggested_currency`; `null` without one.
    pub suggested_price_cents: Option<i64>,
    pub suggested_currency: &'r str,
    pub suggested_title: Option<&'r str>,
    pub suggested_description: Option<&'r str>,
    #[schemars(with = "Option<RecognizedBy>")]
    pub recognized_by: Option<&'r str>,
    /// How sure it is, 0 to 1; what the notes alone say is a guess.
    pub confidence: Option<f64>,
    /// The draft that was made of it; `null` before, and when it was deleted.
    pub item_id: Option<i64>,
    /// The work on it, at `/jobs/{id}`; `null` when that is long over.
    pub job_id: Option<i64>,
    /// Why it failed, and what to do about it.
    pub failure_reason: Option<&'r str>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewSnapJob {
    #[schemars(length(min = 1, max = 12))]
    photos: Vec<Photo>,
    notes: Option<Text<1, 5000>>,
}

impl NewSnapJob {
    pub fn read(fields: &mut Fields, user_id: &str) -> NewSnapJob {
        NewSnapJob {
            photos: fields.required_array("photos", 1..=12, |photo: &Photo| {
                if photo.is_open_to(user_id) { Ok(()) } else { Err("must be one of your own uploads") }
            }),
            notes: fields.optional("notes"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    status: Option<SnapJobStatus>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter { status: parameters.choice("status") }
    }
}

pub const SORTS: &[Sortable] =
    &[Sortable::column("created_at", KeyType::Time), Sortable::column("updated_at", KeyType::Time)];

const COLUMNS: &str =
    "id, status::text as status, input_photos, notes, detected_category, detected_attributes,
    condition_guess::text as condition_guess, suggested_price_cents, suggested_currency, suggested_title,
    suggested_description, recognized_by, confidence, item_id, job_id, failure_reason, created_at, updated_at, version";

pub async fn list(db: &Database, user_id: &str, request: &ListRequest<Filter>) -> Result<Page> {
    let status = request.filter.status.map(SnapJobStatus::as_str);
    let mut query = Query::default();
    request.select(&mut query, COLUMNS, "snap_jobs", None);
    query.and("user_id = ?", &user_id);
    if status.is_some() {
        query.and("status = ?::text::snap_job_status", &status);
    }
    request.slice(&mut query, None);
    let rows = db.read_as(user_id, &query.sql, &query.parameters).await?;
    Ok(request.page(&rows, SnapJob::of))
}

/// The row of a [`SnapJob`].
pub async fn get(db: &Database, user_id: &str, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from snap_jobs where id = $1 and user_id = $2");
    db.read_as(user_id, &sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("snap job");

pub async fn insert(
    db: &Database,
    user_id: &str,
    key: Option<&IdempotencyKey>,
    new: &NewSnapJob,
) -> Result<Created> {
    let sql = format!(
        "insert into snap_jobs (user_id, input_photos, notes) values ($1, $2, $3) returning {COLUMNS}"
    );
    insert_once(db, user_id, key, &sql, &[&user_id, &Json(&new.photos), &new.notes], created).await
}

fn created(row: &Row) -> Created {
    let job = SnapJob::of(row);
    Created { job_id: job.job_id, ..Created::of("/snap-jobs", job.id, job.version, &job) }
}

/// Queues a job that failed once more. A trigger makes new work of it.
///
/// # Errors
/// `NotFound`; `Conflict` for a job that has not failed.
pub async fn retry(db: &Database, user_id: &str, key: Option<&IdempotencyKey>, id: i64) -> Result<Created> {
    let sql = format!(
        "update snap_jobs set status = 'queued', failure_reason = null, job_id = null, updated_at = now(),
             version = version + 1
         where id = $1 and user_id = $2 and status = 'failed'
         returning {COLUMNS}"
    );
    let answer = |row: &Row| Created { status: StatusCode::OK, ..created(row) };
    if let Some(retried) = write_once(db, user_id, key, &sql, &[&id, &user_id], answer).await? {
        return Ok(retried);
    }
    let row = get(db, user_id, id).await?;
    let status = SnapJob::of(&row).status;
    Err(Error::Conflict(Cow::Owned(format!("cannot be retried while {status}; allowed: failed"))))
}

/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions; `Conflict` for a job that is being processed,
/// which a trigger refuses.
pub async fn delete(db: &Database, user_id: &str, id: i64, if_match: &IfMatch) -> Result<()> {
    let sql =
        "delete from snap_jobs where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
               returning id";
    let deleted = db
        .write_as(user_id, sql, &[&id, &user_id, &if_match.versions()])
        .await
        .on_status_step("snap_jobs")?;
    match deleted.first() {
        Some(_) => Ok(()),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

impl<'r> SnapJob<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> SnapJob<'r> {
        let mut columns = Columns::of(row);
        SnapJob {
            id: columns.take(),
            status: columns.take(),
            photos: columns.take(),
            notes: columns.take(),
            detected_category: columns.take(),
            detected_attributes: columns.take(),
            condition_guess: columns.take(),
            suggested_price_cents: columns.take(),
            suggested_currency: columns.take(),
            suggested_title: columns.take(),
            suggested_description: columns.take(),
            recognized_by: columns.take(),
            confidence: columns.take(),
            item_id: columns.take(),
            job_id: columns.take(),
            failure_reason: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}
