//! The table `notifications`: what a user was told, or is about to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Database;
use super::columns::Columns;
use super::list::{KeyType, ListRequest, Sortable};
use super::query::Query;
use crate::http::{Fields, IfMatch, Page, Parameters};
use crate::values::{Attributes, RowId, Text, Timestamp};
use crate::{Error, Result};

/// The steps between them are in `migrations/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum NotificationStatus {
    Pending,
    Sent,
    Failed,
}

impl NotificationStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            NotificationStatus::Pending => "pending",
            NotificationStatus::Sent => "sent",
            NotificationStatus::Failed => "failed",
        }
    }
}

/// What a notification says of its listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum NotificationKind {
    New,
    Cheaper,
    Good,
}

impl NotificationKind {
    pub fn as_str(self) -> &'static str {
        match self {
            NotificationKind::New => "new",
            NotificationKind::Cheaper => "cheaper",
            NotificationKind::Good => "good",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Notification<'r> {
    pub id: i64,
    /// `null` when it is about no listing, or about one that is gone.
    pub listing_id: Option<i64>,
    /// Of what is about a listing: it is new, cheaper than what was told of it before, or newly good.
    #[schemars(with = "Option<NotificationKind>")]
    pub kind: Option<&'r str>,
    /// What found it; `null` for a search that is gone.
    pub saved_search_id: Option<i64>,
    pub channel: &'r str,
    #[schemars(with = "Attributes")]
    pub payload: Json<&'r RawValue>,
    #[schemars(with = "NotificationStatus")]
    pub status: &'r str,
    /// What became of its messages, by channel: `status`, `reason`, `at`.
    #[schemars(with = "Attributes")]
    pub deliveries: Json<&'r RawValue>,
    pub sent_at: Option<Timestamp>,
    pub read: bool,
    pub read_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

/// `None` leaves it as it is.
#[derive(Debug, JsonSchema)]
pub struct NotificationPatch {
    read: Option<bool>,
}

impl NotificationPatch {
    pub fn read(fields: &mut Fields) -> NotificationPatch {
        NotificationPatch { read: fields.change("read") }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    read: Option<bool>,
    kind: Option<NotificationKind>,
    status: Option<NotificationStatus>,
    channel: Option<Text<1, 50>>,
    listing_id: Option<RowId>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter {
            read: parameters.optional("read"),
            kind: parameters.choice("kind"),
            status: parameters.choice("status"),
            channel: parameters.optional("channel"),
            listing_id: parameters.optional("listing_id"),
        }
    }
}

pub const SORTS: &[Sortable] = &[Sortable::column("created_at", KeyType::Time)];

/// What its user deleted is kept, empty, so that they are not told again: to them it is gone.
const KEPT: &str = "deleted_at is null";

const COLUMNS: &str = "id, listing_id, kind::text as kind, saved_search_id, channel, payload, status::text as status, deliveries,
    sent_at, read_at, created_at, updated_at, version";

pub async fn list(db: &Database, user_id: &str, request: &ListRequest<Filter>) -> Result<Page> {
    let Filter { read, kind, status, channel, listing_id } = &request.filter;
    let (kind, status) = (kind.map(NotificationKind::as_str), status.map(NotificationStatus::as_str));
    let mut query = Query::default();
    request.select(&mut query, COLUMNS, "notifications", None);
    query.and("user_id = ?", &user_id);
    query.push(&format!(" and {KEPT}"));
    match read {
        None => {}
        Some(true) => query.push(" and read_at is not null"),
        Some(false) => query.push(" and read_at is null"),
    }
    if kind.is_some() {
        query.and("kind = ?::text::notification_kind", &kind);
    }
    if status.is_some() {
        query.and("status = ?::text::notification_status", &status);
    }
    if channel.is_some() {
        query.and("channel = ?", channel);
    }
    if listing_id.is_some() {
        query.and("listing_id = ?", listing_id);
    }
    request.slice(&mut query, None);
    let rows = db.read_as(user_id, &query.sql, &query.parameters).await?;
    Ok(request.page(&rows, Notification::of))
}

/// The row of a [`Notification`].
pub async fn get(db: &Database, user_id: &str, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from notifications where id = $1 and user_id = $2 and {KEPT}");
    db.read_as(user_id, &sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("notification");

/// What was read before keeps the moment.
///
/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions.
pub async fn update(
    db: &Database,
    user_id: &str,
    id: i64,
    if_match: &IfMatch,
    patch: &NotificationPatch,
) -> Result<Row> {
    let sql = format!(
        "update notifications set
             read_at = case when $4 then coalesce(read_at, now()) when not $4 then null else read_at end,
             updated_at = now(),
             version = version + 1
         where id = $1 and user_id = $2 and {KEPT} and ($3::int4[] is null or version = any ($3))
         returning {COLUMNS}"
    );
    let mut updated = db.write_as(user_id, &sql, &[&id, &user_id, &if_match.versions(), &patch.read]).await?;
    match updated.pop() {
        Some(row) => Ok(row),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

/// Errors as for [`update`].
pub async fn delete(db: &Database, user_id: &str, id: i64, if_match: &IfMatch) -> Result<()> {
    let sql = format!(
        "update notifications set
             deleted_at = now(),
             payload = '{{}}',
             deliveries = '{{}}',
             awaits_digest = false,
             -- Nor is it unread.
             read_at = coalesce(read_at, now()),
             updated_at = now(),
             version = version + 1
         where id = $1 and user_id = $2 and {KEPT} and ($3::int4[] is null or version = any ($3))
         returning id"
    );
    match db.write_as(user_id, &sql, &[&id, &user_id, &if_match.versions()]).await?.first() {
        Some(_) => Ok(()),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

/// Deletes notifications of half a year ago, at most 5,000 of them; how many there were. For a worker.
pub async fn purge(db: &Database) -> Result<usize> {
    let sql = "
        delete from notifications where id in (
            select id from notifications where created_at < now() - interval '180 days' order by created_at limit 5000)
        returning id";
    Ok(db.write(sql, &[]).await?.len())
}

impl<'r> Notification<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> Notification<'r> {
        let mut columns = Columns::of(row);
        let notification = Notification {
            id: columns.take(),
            listing_id: columns.take(),
            kind: columns.take(),
            saved_search_id: columns.take(),
            channel: columns.take(),
            payload: columns.take(),
            status: columns.take(),
            deliveries: columns.take(),
            sent_at: columns.take(),
            read: false,
            read_at: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        };
        Notification { read: notification.read_at.is_some(), ..notification }
    }
}
