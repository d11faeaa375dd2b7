//! The table `listings`: what marketplaces offer.

mod batch;
mod list;

use schemars::JsonSchema;
use serde::Serialize;
use tokio_postgres::Row;

pub use self::batch::{ListingObservation, upsert};
pub use self::list::{Filter, ListRequest, Sort, SortKey, list};

use super::Database;
use super::columns::Columns;
use super::idempotency_keys::insert_once;
use crate::error::OnConstraint;
use crate::http::{Caller, Created, Fields, IdempotencyKey, IfMatch};
use crate::valuation::terms;
use crate::values::{Condition, Currency, Latitude, Longitude, Miles, Price, Text, Timestamp, WebUrl};
use crate::{Error, Result};

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Listing<'r> {
    pub id: i64,
    pub source: &'r str,
    pub source_id: &'r str,
    pub title: &'r str,
    pub description: Option<&'r str>,
    /// Minor units of `currency`; `null` is unknown, 0 is free.
    pub price_cents: Option<i64>,
    pub currency: &'r str,
    #[schemars(with = "Option<Condition>")]
    pub condition: Option<&'r str>,
    pub category: Option<&'r str>,
    pub url: &'r str,
    pub thumbnail_url: Option<&'r str>,
    pub lat: Option<f64>,
    pub lng: Option<f64>,
    pub location_text: Option<&'r str>,
    pub posted_at: Option<Timestamp>,
    pub available: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// From the place that a list was asked for; `null` for a listing without coordinates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_mi: Option<Option<f64>>,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewListing {
    source: Text<1, 50>,
    source_id: Text<1, 120>,
    title: Text<1, 255>,
    description: Option<Text<0, 100_000>>,
    price_cents: Option<Price>,
    currency: Option<Currency>,
    condition: Option<Condition>,
    category: Option<Text<1, 120>>,
    url: WebUrl,
    thumbnail_url: Option<WebUrl>,
    lat: Option<Latitude>,
    lng: Option<Longitude>,
    location_text: Option<Text<1, 255>>,
    posted_at: Option<Timestamp>,
    available: Option<bool>,
}

impl NewListing {
    pub fn read(fields: &mut Fields) -> NewListing {
        if fields.has("lat") != fields.has("lng") {
            fields.problem("lng", LAT_WITH_LNG);
        }
        NewListing {
            source: fields.required("source"),
            source_id: fields.required("source_id"),
            title: fields.required("title"),
            description: fields.optional("description"),
            price_cents: fields.optional("price_cents"),
            currency: fields.optional("currency"),
            condition: fields.optional("condition"),
            category: fields.optional("category"),
            url: fields.required("url"),
            thumbnail_url: fields.optional("thumbnail_url"),
            lat: fields.optional("lat"),
            lng: fields.optional("lng"),
            location_text: fields.optional("location_text"),
            posted_at: fields.optional("posted_at"),
            available: fields.optional("available"),
        }
    }
}

const LAT_WITH_LNG: &str = "must be given together with lat, or neither";

/// `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Debug, JsonSchema)]
pub struct ListingPatch {
    source: Option<Text<1, 50>>,
    source_id: Option<Text<1, 120>>,
    title: Option<Text<1, 255>>,
    description: Option<Option<Text<0, 100_000>>>,
    price_cents: Option<Option<Price>>,
    currency: Option<Currency>,
    condition: Option<Option<Condition>>,
    category: Option<Option<Text<1, 120>>>,
    url: Option<WebUrl>,
    thumbnail_url: Option<Option<WebUrl>>,
    lat: Option<Option<Latitude>>,
    lng: Option<Option<Longitude>>,
    location_text: Option<Option<Text<1, 255>>>,
    posted_at: Option<Option<Timestamp>>,
    available: Option<bool>,
    /// Whether anything is said at all.
    #[schemars(skip)]
    is_empty: bool,
}

impl ListingPatch {
    pub fn read(fields: &mut Fields) -> ListingPatch {
        ListingPatch {
            is_empty: fields.is_empty(),
            source: fields.change("source"),
            source_id: fields.change("source_id"),
            title: fields.change("title"),
            description: fields.change_or_clear("description"),
            price_cents: fields.change_or_clear("price_cents"),
            currency: fields.change("currency"),
            condition: fields.change_or_clear("condition"),
            category: fields.change_or_clear("category"),
            url: fields.change("url"),
            thumbnail_url: fields.change_or_clear("thumbnail_url"),
            lat: fields.change_or_clear("lat"),
            lng: fields.change_or_clear("lng"),
            location_text: fields.change_or_clear("location_text"),
            posted_at: fields.change_or_clear("posted_at"),
            available: fields.change("available"),
        }
    }
}

pub(super) const COLUMNS: &str =
    "id, source, source_id, title, description, price_cents, currency, condition::text as condition,
    category, url, thumbnail_url, lat, lng, location_text, posted_at, available,
    created_at, updated_at, last_seen_at, version";

/// The row of a [`Listing`].
pub async fn get(db: &Database, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from listings where id = $1");
    db.read(&sql, &[&id]).await?.pop().ok_or(Error::NotFound("listing"))
}

/// # Errors
/// `Conflict` when the source has a listing with that id already.
pub async fn insert(
    db: &Database,
    caller: &Caller,
    key: Option<&IdempotencyKey>,
    new: &NewListing,
) -> Result<Created> {
    let sql = format!(
        "insert into listings (source, source_id, title, description, price_cents, currency, condition, category,
             url, thumbnail_url, lat, lng, location_text, posted_at, available, terms)
         values ($1, $2, $3, $4, $5, coalesce($6, 'USD'), $7::text::item_condition, $8,
             $9, $10, $11, $12, $13, $14, coalesce($15, true), $16)
         returning {COLUMNS}"
    );
    let inserted = insert_once(
        db,
        &caller.user_id,
        key,
        &sql,
        &[
            &new.source,
            &new.source_id,
            &new.title,
            &new.description,
            &new.price_cents,
            &new.currency,
            &new.condition.map(Condition::as_str),
            &new.category,
            &new.url,
            &new.thumbnail_url,
            &new.lat,
            &new.lng,
            &new.location_text,
            &new.posted_at,
            &new.available,
            &terms(new.title.as_str()),
        ],
        |row| {
            let listing = Listing::of(row);
            Created::of("/listings", listing.id, listing.version, &listing)
        },
    )
    .await;
    named_constraints(inserted)
}

/// What is said of a listing is an observation of this moment: an older one that is delivered again does not undo it.
///
/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions; `Conflict` as for [`insert`].
pub async fn update(db: &Database, id: i64, if_match: &IfMatch, patch: &ListingPatch) -> Result<Row> {
    let sql = format!(
        "update listings set
             source = coalesce($3, source),
             source_id = coalesce($4, source_id),
             title = coalesce($5, title),
             description = case when $6 then $7 else description end,
             price_cents = case when $8 then $9 else price_cents end,
             currency = coalesce($10, currency),
             condition = case when $11 then $12::text::item_condition else condition end,
             category = case when $13 then $14 else category end,
             url = coalesce($15, url),
             thumbnail_url = case when $16 then $17 else thumbnail_url end,
             lat = case when $18 then $19 else lat end,
             lng = case when $20 then $21 else lng end,
             location_text = case when $22 then $23 else location_text end,
             posted_at = case when $24 then $25 else posted_at end,
             available = coalesce($26, available),
             terms = coalesce($27, terms),
             last_seen_at = case when $28 then last_seen_at else greatest(last_seen_at, now()) end,
             updated_at = now(),
             version = version + 1
         where id = $1 and ($2::int4[] is null or version = any ($2))
         returning {COLUMNS}"
    );
    let updated = db
        .write(
            &sql,
            &[
                &id,
                &if_match.versions(),
                &patch.source,
                &patch.source_id,
                &patch.title,
                &patch.description.is_some(),
                &patch.description.as_ref().and_then(Option::as_ref),
                &patch.price_cents.is_some(),
                &patch.price_cents.flatten(),
                &patch.currency,
                &patch.condition.is_some(),
                &patch.condition.flatten().map(Condition::as_str),
                &patch.category.is_some(),
                &patch.category.as_ref().and_then(Option::as_ref),
                &patch.url,
                &patch.thumbnail_url.is_some(),
                &patch.thumbnail_url.as_ref().and_then(Option::as_ref),
                &patch.lat.is_some(),
                &patch.lat.flatten(),
                &patch.lng.is_some(),
                &patch.lng.flatten(),
                &patch.location_text.is_some(),
                &patch.location_text.as_ref().and_then(Option::as_ref),
                &patch.posted_at.is_some(),
                &patch.posted_at.flatten(),
                &patch.available,
                &patch.title.as_ref().map(|title| terms(title.as_str())),
                &patch.is_empty,
            ],
        )
        .await;
    match named_constraints(updated)?.pop() {
        Some(row) => Ok(row),
        None => Err(if_match.missing_or_changed(get(db, id).await, Error::NotFound("listing"))),
    }
}

/// Deletes a listing with its scores. Errors as for [`update`].
pub async fn delete(db: &Database, id: i64, if_match: &IfMatch) -> Result<()> {
    let sql =
        "delete from listings where id = $1 and ($2::int4[] is null or version = any ($2)) returning id";
    match db.write(sql, &[&id, &if_match.versions()]).await?.first() {
        Some(_) => Ok(()),
        None => Err(if_match.missing_or_changed(get(db, id).await, Error::NotFound("listing"))),
    }
}

fn named_constraints<T>(outcome: Result<T>) -> Result<T> {
    let taken = || Error::conflict("the source has a listing with this source_id already");
    let half_a_place = || Error::field("/lng", LAT_WITH_LNG);
    outcome
        .on_constraint("listings_source_source_id_key", taken)
        .on_constraint("listings_lat_lng_check", half_a_place)
}

impl<'r> Listing<'r> {
    pub fn of(row: &'r Row) -> Listing<'r> {
        Listing::read(&mut Columns::of(row))
    }

    /// A row of a list that was asked for around a place.
    fn with_distance(row: &'r Row) -> Listing<'r> {
        let mut columns = Columns::of(row);
        let listing = Listing::read(&mut columns);
        let chord: Option<f64> = columns.take();
        Listing { distance_mi: Some(chord.map(Miles::over_ground)), ..listing }
    }

    /// In the order of `COLUMNS`.
    pub(super) fn read(columns: &mut Columns<'r>) -> Listing<'r> {
        Listing {
            id: columns.take(),
            source: columns.take(),
            source_id: columns.take(),
            title: columns.take(),
            description: columns.take(),
            price_cents: columns.take(),
            currency: columns.take(),
            condition: columns.take(),
            category: columns.take(),
            url: columns.take(),
            thumbnail_url: columns.take(),
            lat: columns.take(),
            lng: columns.take(),
            location_text: columns.take(),
            posted_at: columns.take(),
            available: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            last_seen_at: columns.take(),
            version: columns.take(),
            distance_mi: None,
        }
    }
}
