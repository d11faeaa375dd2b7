//! The table `orders`: what was sold by a cross-post, from pending to completed, cancelled or refunded.

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
use crate::values::{Attributes, Cents, Currency, Platform, RowId, Text, Timestamp};
use crate::{Error, Result};

/// The steps between them are in `migrations/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OrderStatus {
    Pending,
    Paid,
    Shipped,
    Completed,
    Cancelled,
    Refunded,
}

impl OrderStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Pending => "pending",
            OrderStatus::Paid => "paid",
            OrderStatus::Shipped => "shipped",
            OrderStatus::Completed => "completed",
            OrderStatus::Cancelled => "cancelled",
            OrderStatus::Refunded => "refunded",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Order<'r> {
    pub id: i64,
    pub cross_post_id: i64,
    /// The cross-post's.
    pub my_item_id: i64,
    /// The cross-post's.
    #[schemars(with = "Platform")]
    pub platform: &'r str,
    pub platform_order_id: &'r str,
    #[schemars(with = "OrderStatus")]
    pub status: &'r str,
    /// Minor units of `currency`.
    pub total_cents: i64,
    pub currency: &'r str,
    /// What the seller wants to keep with the order.
    #[schemars(with = "Attributes")]
    pub metadata: Json<&'r RawValue>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewOrder {
    /// One of the caller's own.
    cross_post_id: RowId,
    /// What the platform calls the order: once per platform.
    platform_order_id: Text<1, 120>,
    status: Option<OrderStatus>,
    total_cents: Cents,
    currency: Option<Currency>,
    metadata: Option<Attributes>,
}

impl NewOrder {
    pub fn read(fields: &mut Fields) -> NewOrder {
        NewOrder {
            cross_post_id: fields.required("cross_post_id"),
            platform_order_id: fields.required("platform_order_id"),
            status: fields.optional("status"),
            total_cents: fields.required("total_cents"),
            currency: fields.optional("currency"),
            metadata: fields.optional("metadata"),
        }
    }
}

/// `None` leaves a field as it is. What an order is for, and what the platform calls it, stays.
#[derive(Debug, JsonSchema)]
pub struct OrderPatch {
    status: Option<OrderStatus>,
    total_cents: Option<Cents>,
    currency: Option<Currency>,
    metadata: Option<Option<Attributes>>,
}

impl OrderPatch {
    pub fn read(fields: &mut Fields) -> OrderPatch {
        OrderPatch {
            status: fields.change("status"),
            total_cents: fields.change("total_cents"),
            currency: fields.change("currency"),
            metadata: fields.change_or_clear("metadata"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    cross_post_id: Option<RowId>,
    platform: Option<Platform>,
    status: Option<OrderStatus>,
    created_at_min: Option<Timestamp>,
    created_at_max: Option<Timestamp>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter {
            cross_post_id: parameters.optional("cross_post_id"),
            platform: parameters.optional("platform"),
            status: parameters.choice("status"),
            created_at_min: parameters.optional("created_at_min"),
            created_at_max: parameters.optional("created_at_max"),
        }
    }
}

pub const SORTS: &[Sortable] = &[
    Sortable::column("created_at", KeyType::Time),
    Sortable::column("updated_at", KeyType::Time),
    Sortable::column("total_cents", KeyType::Number),
];

const COLUMNS: &str = "id, cross_post_id,
    (select my_item_id from cross_posts
     where cross_posts.id = orders.cross_post_id and cross_posts.user_id = orders.user_id) as my_item_id,
    platform, platform_order_id, status::text as status, total_cents, currency, metadata, created_at, updated_at,
    version";

pub async fn list(db: &Database, user_id: &str, request: &ListRequest<Filter>) -> Result<Page> {
    let Filter { cross_post_id, platform, status, created_at_min, created_at_max } = &request.filter;
    let status = status.map(OrderStatus::as_str);
    let mut query = Query::default();
    request.select(&mut query, COLUMNS, "orders", None);
    query.and("user_id = ?", &user_id);
    if cross_post_id.is_some() {
        query.and("cross_post_id = ?", cross_post_id);
    }
    if platform.is_some() {
        query.and("platform = ?", platform);
    }
    if status.is_some() {
        query.and("status = ?::text::order_status", &status);
    }
    if created_at_min.is_some() {
        query.and("created_at >= ?", created_at_min);
    }
    if created_at_max.is_some() {
        query.and("created_at <= ?", created_at_max);
    }
    request.slice(&mut query, None);
    let rows = db.read_as(user_id, &query.sql, &query.parameters).await?;
    Ok(request.page(&rows, Order::of))
}

/// The row of an [`Order`].
pub async fn get(db: &Database, user_id: &str, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from orders where id = $1 and user_id = $2");
    db.read_as(user_id, &sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("order");

/// # Errors
/// `Fields` when the cross-post is missing or another user's, which is not told apart; `Conflict` when the user has
/// that order of the platform, or when an order cannot begin with that status.
pub async fn insert(
    db: &Database,
    user_id: &str,
    key: Option<&IdempotencyKey>,
    new: &NewOrder,
) -> Result<Created> {
    // The platform comes from the cross-post, by a trigger.
    let sql = format!(
        "insert into orders (user_id, cross_post_id, platform_order_id, status, total_cents, currency, metadata)
         values ($1, $2, $3, coalesce($4::text::order_status, 'pending'), $5, coalesce($6, 'USD'),
             coalesce($7::jsonb, '{{}}'))
         returning {COLUMNS}"
    );
    insert_once(
        db,
        user_id,
        key,
        &sql,
        &[
            &user_id,
            &new.cross_post_id,
            &new.platform_order_id,
            &new.status.map(OrderStatus::as_str),
            &new.total_cents,
            &new.currency,
            &new.metadata,
        ],
        |row| {
            let order = Order::of(row);
            Created::of("/orders", order.id, order.version, &order)
        },
    )
    .await
    .on_status_step("orders")
    .on_constraint("orders_cross_post_id_user_id_fkey", || {
        Error::field("/cross_post_id", "is not one of your cross-posts")
    })
    .on_constraint("orders_user_id_platform_platform_order_id_key", || {
        Error::conflict("there is an order with this platform_order_id on this platform")
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
    patch: &OrderPatch,
) -> Result<Row> {
    let sql = format!(
        "update orders set
             status = coalesce($4::text::order_status, status),
             total_cents = coalesce($5, total_cents),
             currency = coalesce($6, currency),
             metadata = case when $8 then '{{}}' else coalesce(json_merge_patch(metadata, $7), metadata) end,
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
                &patch.status.map(OrderStatus::as_str),
                &patch.total_cents,
                &patch.currency,
                &patch.metadata.as_ref().and_then(Option::as_ref),
                &matches!(patch.metadata, Some(None)),
            ],
        )
        .await
        .on_status_step("orders")
        .on_constraint("orders_metadata_check", || Error::field("/metadata", "would become too large"))?;
    match updated.pop() {
        Some(row) => Ok(row),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

/// Errors as for [`update`]; `Conflict` for an order that is neither pending nor cancelled, which a trigger refuses.
pub async fn delete(db: &Database, user_id: &str, id: i64, if_match: &IfMatch) -> Result<()> {
    let sql =
        "delete from orders where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
               returning id";
    let deleted =
        db.write_as(user_id, sql, &[&id, &user_id, &if_match.versions()]).await.on_status_step("orders")?;
    match deleted.first() {
        Some(_) => Ok(()),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

impl<'r> Order<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> Order<'r> {
        let mut columns = Columns::of(row);
        Order {
            id: columns.take(),
            cross_post_id: columns.take(),
            my_item_id: columns.take(),
            platform: columns.take(),
            platform_order_id: columns.take(),
            status: columns.take(),
            total_cents: columns.take(),
            currency: columns.take(),
            metadata: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}
