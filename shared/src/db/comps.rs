//! The table `comps`: comparable sales, what things went for elsewhere.

mod batch;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

pub use self::batch::{CompObservation, upsert};

use super::Database;
use super::columns::Columns;
use super::idempotency_keys::insert_once;
use super::list::{KeyType, ListRequest, RELEVANCE, Sortable};
use super::query::Query;
use crate::error::OnConstraint;
use crate::http::{Caller, Created, Fields, IdempotencyKey, IfMatch, Page, Parameters};
use crate::valuation::terms;
use crate::values::{
    Attributes, Cents, CompKind, Condition, Currency, Latitude, Longitude, Price, SearchText, Text, Timestamp,
};
use crate::{Error, Result};

#[derive(Debug, Serialize, JsonSchema)]
pub struct Comp<'r> {
    pub id: i64,
    pub category: &'r str,
    pub title: &'r str,
    /// Minor units of `currency`.
    pub price_cents: i64,
    pub currency: &'r str,
    #[schemars(with = "Option<Condition>")]
    pub condition: Option<&'r str>,
    /// Whether the price was paid, or asked.
    #[schemars(with = "CompKind")]
    pub kind: &'r str,
    pub source: &'r str,
    /// What the source calls it.
    pub source_id: Option<&'r str>,
    /// When it had this price.
    pub observed_at: Timestamp,
    pub lat: Option<f64>,
    pub lng: Option<f64>,
    /// What its source says of it beyond that.
    #[schemars(with = "Attributes")]
    pub metadata: Json<&'r RawValue>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewComp {
    category: Text<1, 120>,
    title: Text<1, 255>,
    price_cents: Price,
    currency: Option<Currency>,
    condition: Option<Condition>,
    kind: Option<CompKind>,
    source: Text<1, 50>,
    source_id: Option<Text<1, 120>>,
    observed_at: Option<Timestamp>,
    lat: Option<Latitude>,
    lng: Option<Longitude>,
    metadata: Option<Attributes>,
}

impl NewComp {
    pub fn title(&self) -> &str {
        self.title.as_str()
    }

    pub fn read(fields: &mut Fields) -> NewComp {
        if fields.has("lat") != fields.has("lng") {
            fields.problem("lng", LAT_WITH_LNG);
        }
        NewComp {
            category: fields.required("category"),
            title: fields.required("title"),
            price_cents: fields.required("price_cents"),
            currency: fields.optional("currency"),
            condition: fields.optional("condition"),
            kind: fields.optional("kind"),
            source: fields.required("source"),
            source_id: fields.optional("source_id"),
            observed_at: fields.optional("observed_at"),
            lat: fields.optional("lat"),
            lng: fields.optional("lng"),
            metadata: fields.optional("metadata"),
        }
    }
}

const LAT_WITH_LNG: &str = "must be given together with lat, or neither";

/// `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Debug, JsonSchema)]
pub struct CompPatch {
    category: Option<Text<1, 120>>,
    title: Option<Text<1, 255>>,
    price_cents: Option<Price>,
    currency: Option<Currency>,
    condition: Option<Option<Condition>>,
    kind: Option<CompKind>,
    source: Option<Text<1, 50>>,
    source_id: Option<Option<Text<1, 120>>>,
    observed_at: Option<Timestamp>,
    lat: Option<Option<Latitude>>,
    lng: Option<Option<Longitude>>,
    metadata: Option<Option<Attributes>>,
}

impl CompPatch {
    pub fn read(fields: &mut Fields) -> CompPatch {
        CompPatch {
            category: fields.change("category"),
            title: fields.change("title"),
            price_cents: fields.change("price_cents"),
            currency: fields.change("currency"),
            condition: fields.change_or_clear("condition"),
            kind: fields.change("kind"),
            source: fields.change("source"),
            source_id: fields.change_or_clear("source_id"),
            observed_at: fields.change("observed_at"),
            lat: fields.change_or_clear("lat"),
            lng: fields.change_or_clear("lng"),
            metadata: fields.change_or_clear("metadata"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    category: Option<Text<1, 120>>,
    source: Option<Text<1, 50>>,
    condition: Option<&'static str>,
    kind: Option<&'static str>,
    currency: Option<Currency>,
    price_cents_min: Option<Cents>,
    price_cents_max: Option<Cents>,
    observed_at_min: Option<Timestamp>,
    observed_at_max: Option<Timestamp>,
    q: Option<SearchText>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter {
            category: parameters.optional("category"),
            source: parameters.optional("source"),
            condition: parameters.optional("condition").map(Condition::as_str),
            kind: parameters.optional("kind").map(CompKind::as_str),
            currency: parameters.optional("currency"),
            price_cents_min: parameters.optional("price_cents_min"),
            price_cents_max: parameters.optional("price_cents_max"),
            observed_at_min: parameters.optional("observed_at_min"),
            observed_at_max: parameters.optional("observed_at_max"),
            q: parameters.optional("q"),
        }
    }
}

pub const SORTS: &[Sortable] = &[
    Sortable::column("observed_at", KeyType::Time),
    Sortable::column("created_at", KeyType::Time),
    Sortable::column("price_cents", KeyType::Number),
    RELEVANCE,
];

const COLUMNS: &str =
    "id, category, title, price_cents, currency, condition::text as condition, kind::text as kind,
    source, source_id, observed_at, lat, lng, metadata, created_at, updated_at, version";

pub async fn list(db: &Database, request: &ListRequest<Filter>) -> Result<Page> {
    let query = query(request);
    let rows = db.read(&query.sql, &query.parameters).await?;
    Ok(request.page(&rows, Comp::of))
}

fn query(request: &ListRequest<Filter>) -> Query<'_> {
    let filter = &request.filter;
    let mut query = Query::default();
    let search = filter.q.as_ref().map(|q| query.search(q));
    request.select(&mut query, COLUMNS, "comps", search.as_deref());
    if let Some(category) = &filter.category {
        query.and("category = ?", category);
    }
    if let Some(source) = &filter.source {
        query.and("source = ?", source);
    }
    if let Some(condition) = &filter.condition {
        query.and("condition = ?::text::item_condition", condition);
    }
    if let Some(kind) = &filter.kind {
        query.and("kind = ?::text::comp_kind", kind);
    }
    if let Some(currency) = &filter.currency {
        query.and("currency = ?", currency);
    }
    if let Some(least) = &filter.price_cents_min {
        query.and("price_cents >= ?", least);
    }
    if let Some(most) = &filter.price_cents_max {
        query.and("price_cents <= ?", most);
    }
    if let Some(earliest) = &filter.observed_at_min {
        query.and("observed_at >= ?", earliest);
    }
    if let Some(latest) = &filter.observed_at_max {
        query.and("observed_at <= ?", latest);
    }
    request.slice(&mut query, search.as_deref());
    query
}

/// The row of a [`Comp`].
pub async fn get(db: &Database, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from comps where id = $1");
    db.read(&sql, &[&id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("comp");

/// # Errors
/// `Conflict` when the source has a comp with that id already.
pub async fn insert(
    db: &Database,
    caller: &Caller,
    key: Option<&IdempotencyKey>,
    new: &NewComp,
) -> Result<Created> {
    let sql = format!(
        "insert into comps (category, title, price_cents, currency, condition, source, observed_at, metadata,
             kind, source_id, lat, lng, terms)
         values ($1, $2, $3, coalesce($4, 'USD'), $5::text::item_condition, $6, coalesce($7, now()),
             coalesce($8::jsonb, '{{}}'), $9::text::comp_kind, $10, $11, $12, $13)
         returning {COLUMNS}"
    );
    let inserted = insert_once(
        db,
        &caller.user_id,
        key,
        &sql,
        &[
            &new.category,
            &new.title,
            &new.price_cents,
            &new.currency,
            &new.condition.map(Condition::as_str),
            &new.source,
            &new.observed_at,
            &new.metadata,
            &new.kind.unwrap_or_default().as_str(),
            &new.source_id,
            &new.lat,
            &new.lng,
            &terms(new.title.as_str()),
        ],
        |row| {
            let comp = Comp::of(row);
            Created::of("/comps", comp.id, comp.version, &comp)
        },
    )
    .await;
    named_constraints(inserted)
}

/// The row of a [`Comp`], and the title that it had, as `title_before`.
///
/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions; `Conflict` as for [`insert`].
pub async fn update(db: &Database, id: i64, if_match: &IfMatch, patch: &CompPatch) -> Result<Row> {
    let sql = format!(
        "update comps set
             category = coalesce($3, category),
             title = coalesce($4, title),
             price_cents = coalesce($5, price_cents),
             currency = coalesce($6, currency),
             condition = case when $7 then $8::text::item_condition else condition end,
             source = coalesce($9, source),
             observed_at = coalesce($10, observed_at),
             metadata = case when $12 then '{{}}' else coalesce(json_merge_patch(metadata, $11), metadata) end,
             kind = coalesce($13::text::comp_kind, kind),
             source_id = case when $14 then $15 else source_id end,
             lat = case when $16 then $17 else lat end,
             lng = case when $18 then $19 else lng end,
             terms = coalesce($20, terms),
             updated_at = now(),
             version = version + 1
         where id = $1 and ($2::int4[] is null or version = any ($2))
         returning {COLUMNS}, (select was.title from comps as was where was.id = comps.id) as title_before"
    );
    let updated = db
        .write(
            &sql,
            &[
                &id,
                &if_match.versions(),
                &patch.category,
                &patch.title,
                &patch.price_cents,
                &patch.currency,
                &patch.condition.is_some(),
                &patch.condition.flatten().map(Condition::as_str),
                &patch.source,
                &patch.observed_at,
                &patch.metadata.as_ref().and_then(Option::as_ref),
                &matches!(patch.metadata, Some(None)),
                &patch.kind.map(CompKind::as_str),
                &patch.source_id.is_some(),
                &patch.source_id.as_ref().and_then(Option::as_ref),
                &patch.lat.is_some(),
                &patch.lat.flatten(),
                &patch.lng.is_some(),
                &patch.lng.flatten(),
                &patch.title.as_ref().map(|title| terms(title.as_str())),
            ],
        )
        .await;
    match named_constraints(updated)?.pop() {
        Some(row) => Ok(row),
        None => Err(if_match.missing_or_changed(get(db, id).await, NOT_FOUND)),
    }
}

/// Deletes a comp, whose title it returns. Errors as for [`update`].
pub async fn delete(db: &Database, id: i64, if_match: &IfMatch) -> Result<String> {
    let sql =
        "delete from comps where id = $1 and ($2::int4[] is null or version = any ($2)) returning title";
    match db.write(sql, &[&id, &if_match.versions()]).await?.first() {
        Some(row) => Ok(row.get(0)),
        None => Err(if_match.missing_or_changed(get(db, id).await, NOT_FOUND)),
    }
}

fn named_constraints<T>(outcome: Result<T>) -> Result<T> {
    let taken = || Error::conflict("the source has a comp with this source_id already");
    outcome
        .on_constraint("comps_source_source_id_key", taken)
        .on_constraint("comps_lat_lng_check", || Error::field("/lng", LAT_WITH_LNG))
        .on_constraint("comps_metadata_check", || Error::field("/metadata", "would become too large"))
}

impl<'r> Comp<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> Comp<'r> {
        let mut columns = Columns::of(row);
        Comp {
            id: columns.take(),
            category: columns.take(),
            title: columns.take(),
            price_cents: columns.take(),
            currency: columns.take(),
            condition: columns.take(),
            kind: columns.take(),
            source: columns.take(),
            source_id: columns.take(),
            observed_at: columns.take(),
            lat: columns.take(),
            lng: columns.take(),
            metadata: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}

#[cfg(test)]
mod tests;
