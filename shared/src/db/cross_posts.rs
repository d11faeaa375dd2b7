//! The table `cross_posts`: an item on a marketplace, from pending to sold or delisted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Database;
use super::columns::Columns;
use super::idempotency_keys::insert_once;
use super::list::{KeyType, ListRequest, Sortable};
use super::query::Query;
use crate::error::OnConstraint;
use crate::http::{Created, Fields, IdempotencyKey, IfMatch, Page, Parameters};
use crate::values::{Attributes, Platform, RowId, Text, Timestamp, WebUrl};
use crate::{Error, Result};

/// The steps between them are in `migrations/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CrossPostStatus {
    Pending,
    Live,
    Failed,
    Sold,
    Delisted,
}

impl CrossPostStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            CrossPostStatus::Pending => "pending",
            CrossPostStatus::Live => "live",
            CrossPostStatus::Failed => "failed",
            CrossPostStatus::Sold => "sold",
            CrossPostStatus::Delisted => "delisted",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct CrossPost<'r> {
    pub id: i64,
    pub my_item_id: i64,
    #[schemars(with = "Platform")]
    pub platform: &'r str,
    /// What the platform calls the post.
    pub external_id: Option<&'r str>,
    #[schemars(with = "Option<WebUrl>")]
    pub listing_url: Option<&'r str>,
    #[schemars(with = "CrossPostStatus")]
    pub status: &'r str,
    /// What the seller wants to keep with the post.
    #[schemars(with = "Attributes")]
    pub metadata: Json<&'r RawValue>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewCrossPost {
    /// One of the caller's own; it has at most one post per platform.
    my_item_id: RowId,
    platform: Platform,
    external_id: Option<Text<1, 120>>,
    listing_url: Option<WebUrl>,
    status: Option<CrossPostStatus>,
    metadata: Option<Attributes>,
}

impl NewCrossPost {
    pub fn read(fields: &mut Fields) -> NewCrossPost {
        NewCrossPost {
            my_item_id: fields.required("my_item_id"),
            platform: fields.required("platform"),
            external_id: fields.optional("external_id"),
            listing_url: fields.optional("listing_url"),
            status: fields.optional("status"),
            metadata: fields.optional("metadata"),
        }
    }
}

/// `None` leaves a field as it is, `Some(None)` clears it. A post stays with its item and its platform.
#[derive(Debug, JsonSchema)]
pub struct CrossPostPatch {
    external_id: Option<Option<Text<1, 120>>>,
    listing_url: Option<Option<WebUrl>>,
    status: Option<CrossPostStatus>,
    metadata: Option<Option<Attributes>>,
}

impl CrossPostPatch {
    pub fn read(fields: &mut Fields) -> CrossPostPatch {
        CrossPostPatch {
            external_id: fields.change_or_clear("external_id"),
            listing_url: fields.change_or_clear("listing_url"),
            status: fields.change("status"),
            metadata: fields.change_or_clear("metadata"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    my_item_id: Option<RowId>,
    platform: Option<Platform>,
    status: Option<CrossPostStatus>,
    external_id: Option<Text<1, 120>>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter {
            my_item_id: parameters.optional("my_item_id"),
            platform: parameters.optional("platform"),
            status: parameters.choice("status"),
            external_id: parameters.optional("external_id"),
        }
    }
}

pub const SORTS: &[Sortable] =
    &[Sortable::column("created_at", KeyType::Time), Sortable::column("updated_at", KeyType::Time)];

const COLUMNS: &str =
    "id, my_item_id, platform, external_id, listing_url, status::text as status, metadata, created_at,
    updated_at, version";

pub async fn list(db: &Database, user_id: &str, request: &ListRequest<Filter>) -> Result<Page> {
    let Filter { my_item_id, platform, status, external_id } = &request.filter;
    let status = status.map(CrossPostStatus::as_str);
    let mut query = Query::default();
    request.select(&mut query, COLUMNS, "cross_posts", None);
    query.and("user_id = ?", &user_id);
    if my_item_id.is_some() {
        query.and("my_item_id = ?", my_item_id);
    }
    if platform.is_some() {
        query.and("platform = ?", platform);
    }
    if status.is_some() {
        query.and("status = ?::text::cross_post_status", &status);
    }
    if external_id.is_some() {
        query.and("external_id = ?", external_id);
    }
    request.slice(&mut query, None);
    let rows = db.read_as(user_id, &query.sql, &query.parameters).await?;
    Ok(request.page(&rows, CrossPost::of))
}

/// The row of a [`CrossPost`].
pub async fn get(db: &Database, user_id: &str, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from cross_posts where id = $1 and user_id = $2");
    db.read_as(user_id, &sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("cross-post");

/// # Errors
/// `Fields` when the item is missing or another user's, which is not told apart; `Conflict` when the item has a post on
/// that platform, or when a post cannot begin with that status.
pub async fn insert(
    db: &Database,
    user_id: &str,
    key: Option<&IdempotencyKey>,
    new: &NewCrossPost,
) -> Result<Created> {
    let sql = format!(
        "insert into cross_posts (user_id, my_item_id, platform, external_id, listing_url, status, metadata)
         values ($1, $2, $3, $4, $5, coalesce($6::text::cross_post_status, 'pending'), coalesce($7::jsonb, '{{}}'))
         returning {COLUMNS}"
    );
    insert_once(
        db,
        user_id,
        key,
        &sql,
        &[
            &user_id,
            &new.my_item_id,
            &new.platform,
            &new.external_id,
            &new.listing_url,
            &new.status.map(CrossPostStatus::as_str),
            &new.metadata,
        ],
        |row| {
            let post = CrossPost::of(row);
            Created::of("/cross-posts", post.id, post.version, &post)
        },
    )
    .await
    .on_status_step("cross_posts")
    .on_constraint("cross_posts_my_item_id_user_id_fkey", || {
        Error::field("/my_item_id", "is not one of your items")
    })
    .on_constraint("cross_posts_my_item_id_user_id_platform_key", || {
        Error::conflict("the item has a cross-post on this platform")
    })
}

/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions; `Conflict` for a status that does not
/// follow from the one that it has.
pub async fn update(
    db: &Database,
    user_id: &str,
    id: i64,
    if_match: &IfMatch,
    patch: &CrossPostPatch,
) -> Result<Row> {
    let sql = format!(
        "update cross_posts set
             external_id = case when $4 then $5 else external_id end,
             listing_url = case when $6 then $7 else listing_url end,
             status = coalesce($8::text::cross_post_status, status),
             metadata = case when $10 then '{{}}' else coalesce(json_merge_patch(metadata, $9), metadata) end,
             updated_at = now(),
             version = version + 1
         where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
         returning {COLUMNS}"
    );
    let mut updated = db
        .write_as(
            user_id,
            &sql,
            &[
                &id,
                &user_id,
                &if_match.versions(),
                &patch.external_id.is_some(),
                &patch.external_id.as_ref().and_then(Option::as_ref),
                &patch.listing_url.is_some(),
                &patch.listing_url.as_ref().and_then(Option::as_ref),
                &patch.status.map(CrossPostStatus::as_str),
                &patch.metadata.as_ref().and_then(Option::as_ref),
                &matches!(patch.metadata, Some(None)),
            ],
        )
        .await
        .on_status_step("cross_posts")
        .on_constraint("cross_posts_metadata_check", || {
            Error::field("/metadata", "would become too large")
        })?;
    match updated.pop() {
        Some(row) => Ok(row),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

/// Errors as for [`update`]; `Conflict` for a post that has orders: they are history.
pub async fn delete(db: &Database, user_id: &str, id: i64, if_match: &IfMatch) -> Result<()> {
    let sql =
        "delete from cross_posts where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
               returning id";
    let deleted = db
        .write_as(user_id, sql, &[&id, &user_id, &if_match.versions()])
        .await
        .on_status_step("cross_posts")
        .on_constraint("orders_cross_post_id_user_id_fkey", || {
            Error::conflict("the cross-post has orders, which are history")
        })?;
    match deleted.first() {
        Some(_) => Ok(()),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

impl<'r> CrossPost<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> CrossPost<'r> {
        let mut columns = Columns::of(row);
        CrossPost {
            id: columns.take(),
            my_item_id: columns.take(),
            platform: columns.take(),
            external_id: columns.take(),
            listing_url: columns.take(),
            status: columns.take(),
            metadata: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}
