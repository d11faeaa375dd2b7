//! The table `my_items`: what a seller has, from draft to sold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Database;
use super::columns::Columns;
use super::idempotency_keys::insert_once;
use super::list::{KeyType, ListRequest, RELEVANCE, Sortable};
use super::query::Query;
use crate::error::OnConstraint;
use crate::http::{Created, Fields, IdempotencyKey, IfMatch, Page, Parameters};
use crate::values::{Attributes, Cents, Condition, Currency, SearchText, Text, Timestamp};
use crate::{Error, Result};

/// The steps between them are in `migrations/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum MyItemStatus {
    Draft,
    Available,
    Sold,
    Archived,
}

impl MyItemStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            MyItemStatus::Draft => "draft",
            MyItemStatus::Available => "available",
            MyItemStatus::Sold => "sold",
            MyItemStatus::Archived => "archived",
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct MyItem<'r> {
    pub id: i64,
    pub title: &'r str,
    pub description: Option<&'r str>,
    pub category: Option<&'r str>,
    /// What buyers may want to know, such as brand, model or size.
    #[schemars(with = "Attributes")]
    pub attributes: Json<&'r RawValue>,
    #[schemars(with = "Option<Condition>")]
    pub condition: Option<&'r str>,
    /// Minor units of `currency`; `null` is not decided yet, 0 is free.
    pub price_cents: Option<i64>,
    pub currency: &'r str,
    #[schemars(with = "MyItemStatus")]
    pub status: &'r str,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewMyItem {
    title: Text<1, 255>,
    description: Option<Text<0, 100_000>>,
    category: Option<Text<1, 120>>,
    attributes: Option<Attributes>,
    condition: Option<Condition>,
    price_cents: Option<Cents>,
    currency: Option<Currency>,
    status: Option<MyItemStatus>,
}

impl NewMyItem {
    pub fn read(fields: &mut Fields) -> NewMyItem {
        NewMyItem {
            title: fields.required("title"),
            description: fields.optional("description"),
            category: fields.optional("category"),
            attributes: fields.optional("attributes"),
            condition: fields.optional("condition"),
            price_cents: fields.optional("price_cents"),
            currency: fields.optional("currency"),
            status: fields.optional("status"),
        }
    }
}

/// `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Debug, JsonSchema)]
pub struct MyItemPatch {
    title: Option<Text<1, 255>>,
    description: Option<Option<Text<0, 100_000>>>,
    category: Option<Option<Text<1, 120>>>,
    attributes: Option<Option<Attributes>>,
    condition: Option<Option<Condition>>,
    price_cents: Option<Option<Cents>>,
    currency: Option<Currency>,
    status: Option<MyItemStatus>,
}

impl MyItemPatch {
    pub fn read(fields: &mut Fields) -> MyItemPatch {
        MyItemPatch {
            title: fields.change("title"),
            description: fields.change_or_clear("description"),
            category: fields.change_or_clear("category"),
            attributes: fields.change_or_clear("attributes"),
            condition: fields.change_or_clear("condition"),
            price_cents: fields.change_or_clear("price_cents"),
            currency: fields.change("currency"),
            status: fields.change("status"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    status: Option<MyItemStatus>,
    category: Option<Text<1, 120>>,
    condition: Option<Condition>,
    q: Option<SearchText>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter {
            status: parameters.choice("status"),
            category: parameters.optional("category"),
            condition: parameters.optional("condition"),
            q: parameters.optional("q"),
        }
    }
}

pub const SORTS: &[Sortable] = &[
    Sortable::column("created_at", KeyType::Time),
    Sortable::column("updated_at", KeyType::Time),
    Sortable::column("title", KeyType::Text),
    Sortable {
        name: "price_cents",
        ascending: "coalesce(price_cents, 9223372036854775807)",
        descending: "coalesce(price_cents, -1)",
        key: KeyType::Number,
    },
    RELEVANCE,
];

const COLUMNS: &str =
    "id, title, description, category, attributes, condition::text as condition, price_cents, currency,
    status::text as status, created_at, updated_at, version";

pub async fn list(db: &Database, user_id: &str, request: &ListRequest<Filter>) -> Result<Page> {
    let Filter { status, category, condition, q } = &request.filter;
    let (status, condition) = (status.map(MyItemStatus::as_str), condition.map(Condition::as_str));
    let mut query = Query::default();
    let search = q.as_ref().map(|q| query.search(q));
    request.select(&mut query, COLUMNS, "my_items", search.as_deref());
    query.and("user_id = ?", &user_id);
    if status.is_some() {
        query.and("status = ?::text::my_item_status", &status);
    }
    if category.is_some() {
        query.and("category = ?", category);
    }
    if condition.is_some() {
        query.and("condition = ?::text::item_condition", &condition);
    }
    request.slice(&mut query, search.as_deref());
    let rows = db.read_as(user_id, &query.sql, &query.parameters).await?;
    Ok(request.page(&rows, MyItem::of))
}

/// The row of a [`MyItem`].
pub async fn get(db: &Database, user_id: &str, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from my_items where id = $1 and user_id = $2");
    db.read_as(user_id, &sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("item");

/// # Errors
/// `Conflict` when an item cannot begin with that status.
pub async fn insert(
    db: &Database,
    user_id: &str,
    key: Option<&IdempotencyKey>,
    new: &NewMyItem,
) -> Result<Created> {
    let sql = format!(
        "insert into my_items (user_id, title, description, category, attributes, condition, price_cents, currency,
             status)
         values ($1, $2, $3, $4, coalesce($5::jsonb, '{{}}'), $6::text::item_condition, $7, coalesce($8, 'USD'),
             coalesce($9::text::my_item_status, 'draft'))
         returning {COLUMNS}"
    );
    insert_once(
        db,
        user_id,
        key,
        &sql,
        &[
            &user_id,
            &new.title,
            &new.description,
            &new.category,
            &new.attributes,
            &new.condition.map(Condition::as_str),
            &new.price_cents,
            &new.currency,
            &new.status.map(MyItemStatus::as_str),
        ],
        |row| {
            let item = MyItem::of(row);
            Created::of("/my-items", item.id, item.version, &item)
        },
    )
    .await
    .on_status_step("my_items")
}

/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions; `Conflict` for a status that does not
/// follow from the one that it has.
pub async fn update(
    db: &Database,
    user_id: &str,
    id: i64,
    if_match: &IfMatch,
    patch: &MyItemPatch,
) -> Result<Row> {
    let sql = format!(
        "update my_items set
             title = coalesce($4, title),
             description = case when $5 then $6 else description end,
             category = case when $7 then $8 else category end,
             attributes = case when $16 then '{{}}' else coalesce(json_merge_patch(attributes, $9), attributes) end,
             condition = case when $10 then $11::text::item_condition else condition end,
             price_cents = case when $12 then $13 else price_cents end,
             currency = coalesce($14, currency),
             status = coalesce($15::text::my_item_status, status),
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
                &patch.title,
                &patch.description.is_some(),
                &patch.description.as_ref().and_then(Option::as_ref),
                &patch.category.is_some(),
                &patch.category.as_ref().and_then(Option::as_ref),
                &patch.attributes.as_ref().and_then(Option::as_ref),
                &patch.condition.is_some(),
                &patch.condition.flatten().map(Condition::as_str),
                &patch.price_cents.is_some(),
                &patch.price_cents.flatten(),
                &patch.currency,
                &patch.status.map(MyItemStatus::as_str),
                &matches!(patch.attributes, Some(None)),
            ],
        )
        .await
        .on_status_step("my_items")
        .on_constraint("my_items_attributes_check", || {
            Error::field("/attributes", "would become too large")
        })?;
    match updated.pop() {
        Some(row) => Ok(row),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

/// Errors as for [`update`]; `Conflict` for an item that was posted: its posts and orders are history.
pub async fn delete(db: &Database, user_id: &str, id: i64, if_match: &IfMatch) -> Result<()> {
    let sql =
        "delete from my_items where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
               returning id";
    let deleted = db
        .write_as(user_id, sql, &[&id, &user_id, &if_match.versions()])
        .await
        .on_constraint("cross_posts_my_item_id_user_id_fkey", || {
            Error::conflict("the item has been posted; archive it instead")
        })?;
    match deleted.first() {
        Some(_) => Ok(()),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

impl<'r> MyItem<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> MyItem<'r> {
        let mut columns = Columns::of(row);
        MyItem {
            id: columns.take(),
            title: columns.take(),
            description: columns.take(),
            category: columns.take(),
            attributes: columns.take(),
            condition: columns.take(),
            price_cents: columns.take(),
            currency: columns.take(),
            status: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}
