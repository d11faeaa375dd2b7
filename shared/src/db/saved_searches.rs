//! The table `saved_searches`: what a user wants to be told of. How listings are matched is in `listings_to_match`.

mod preview;

use schemars::JsonSchema;
use serde::Serialize;
use tokio_postgres::Row;

pub use self::preview::{Match, PreviewRequest, preview};

use super::Database;
use super::columns::Columns;
use super::idempotency_keys::insert_once;
use super::list::{KeyType, ListRequest, Sortable};
use super::query::Query;
use super::user_prefs::{NotifyChannel, NotifyDelivery, notify_channels};
use crate::error::OnConstraint;
use crate::http::{Created, Fields, IdempotencyKey, IfMatch, Page, Parameters};
use crate::values::{Condition, Currency, Latitude, Longitude, Price, Score, Text, Timestamp, WholeMiles};
use crate::{Error, Result};

/// A word, or several in this order.
pub type Word = Text<1, 50>;
const MOST_WORDS: usize = 10;

#[derive(Debug, Serialize, JsonSchema)]
pub struct SavedSearch<'r> {
    pub id: i64,
    pub name: &'r str,
    /// All of them in the title, each a word or a phrase.
    pub words_include: Vec<&'r str>,
    /// None of them in the title or the description.
    pub words_exclude: Vec<&'r str>,
    pub category: Option<&'r str>,
    /// Of the prices.
    pub currency: &'r str,
    /// What has no price is found only when none is asked for.
    pub min_price_cents: Option<i64>,
    pub max_price_cents: Option<i64>,
    #[schemars(with = "Option<Condition>")]
    pub min_condition: Option<&'r str>,
    /// The centre of the circle, together with `lng` and `radius_mi`.
    pub lat: Option<f64>,
    pub lng: Option<f64>,
    pub radius_mi: Option<i32>,
    /// What could not be valued is found only without it.
    pub min_score: Option<f64>,
    /// Beside the inbox; `null` is as the preferences say.
    #[schemars(with = "Option<Vec<NotifyChannel>>")]
    pub channels: Option<Vec<&'r str>>,
    /// `null` is as the preferences say.
    #[schemars(with = "Option<NotifyDelivery>")]
    pub delivery: Option<&'r str>,
    /// Nothing is told of it.
    pub paused: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewSavedSearch {
    name: Text<1, 100>,
    #[schemars(length(max = 10))]
    words_include: Option<Vec<Word>>,
    #[schemars(length(max = 10))]
    words_exclude: Option<Vec<Word>>,
    category: Option<Text<1, 120>>,
    currency: Option<Currency>,
    min_price_cents: Option<Price>,
    max_price_cents: Option<Price>,
    min_condition: Option<Condition>,
    lat: Option<Latitude>,
    lng: Option<Longitude>,
    radius_mi: Option<WholeMiles>,
    min_score: Option<Score>,
    #[schemars(length(max = 3), extend("uniqueItems" = true))]
    channels: Option<Vec<NotifyChannel>>,
    delivery: Option<NotifyDelivery>,
    paused: Option<bool>,
}

impl NewSavedSearch {
    pub fn read(fields: &mut Fields) -> NewSavedSearch {
        let circle = ["lat", "lng", "radius_mi"];
        if let Some(missing) = circle.iter().find(|name| !fields.has(name))
            && circle.iter().any(|name| fields.has(name))
        {
            fields.problem(missing, WHOLE_CIRCLE);
        }
        NewSavedSearch {
            name: fields.required("name"),
            words_include: words(fields, "words_include").flatten(),
            words_exclude: words(fields, "words_exclude").flatten(),
            category: fields.optional("category"),
            currency: fields.optional("currency"),
            min_price_cents: fields.optional("min_price_cents"),
            max_price_cents: fields.optional("max_price_cents"),
            min_condition: fields.optional("min_condition"),
            lat: fields.optional("lat"),
            lng: fields.optional("lng"),
            radius_mi: fields.optional("radius_mi"),
            min_score: fields.optional("min_score"),
            channels: notify_channels(fields, "channels").flatten(),
            delivery: fields.optional("delivery"),
            paused: fields.optional("paused"),
        }
    }
}

const WHOLE_CIRCLE: &str = "must be given together with lat, lng and radius_mi, or none of them";

fn words(fields: &mut Fields, name: &str) -> Option<Option<Vec<Word>>> {
    fields.array(name, 0..=MOST_WORDS, |_| Ok(()))
}

/// `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Debug, JsonSchema)]
pub struct SavedSearchPatch {
    name: Option<Text<1, 100>>,
    #[schemars(length(max = 10))]
    words_include: Option<Option<Vec<Word>>>,
    #[schemars(length(max = 10))]
    words_exclude: Option<Option<Vec<Word>>>,
    category: Option<Option<Text<1, 120>>>,
    currency: Option<Currency>,
    min_price_cents: Option<Option<Price>>,
    max_price_cents: Option<Option<Price>>,
    min_condition: Option<Option<Condition>>,
    lat: Option<Option<Latitude>>,
    lng: Option<Option<Longitude>>,
    radius_mi: Option<Option<WholeMiles>>,
    min_score: Option<Option<Score>>,
    #[schemars(length(max = 3), extend("uniqueItems" = true))]
    channels: Option<Option<Vec<NotifyChannel>>>,
    delivery: Option<Option<NotifyDelivery>>,
    paused: Option<bool>,
}

impl SavedSearchPatch {
    pub fn read(fields: &mut Fields) -> SavedSearchPatch {
        SavedSearchPatch {
            name: fields.change("name"),
            words_include: words(fields, "words_include"),
            words_exclude: words(fields, "words_exclude"),
            category: fields.change_or_clear("category"),
            currency: fields.change("currency"),
            min_price_cents: fields.change_or_clear("min_price_cents"),
            max_price_cents: fields.change_or_clear("max_price_cents"),
            min_condition: fields.change_or_clear("min_condition"),
            lat: fields.change_or_clear("lat"),
            lng: fields.change_or_clear("lng"),
            radius_mi: fields.change_or_clear("radius_mi"),
            min_score: fields.change_or_clear("min_score"),
            channels: notify_channels(fields, "channels"),
            delivery: fields.change_or_clear("delivery"),
            paused: fields.change("paused"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    paused: Option<bool>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter { paused: parameters.optional("paused") }
    }
}

pub const SORTS: &[Sortable] = &[
    Sortable::column("created_at", KeyType::Time),
    Sortable::column("updated_at", KeyType::Time),
    Sortable::column("name", KeyType::Text),
];

const COLUMNS: &str =
    "id, name, words_include, words_exclude, category, currency, min_price_cents, max_price_cents,
    min_condition::text as min_condition, lat, lng, radius_mi, min_score, channels, delivery, paused, created_at,
    updated_at, version";

pub async fn list(db: &Database, user_id: &str, request: &ListRequest<Filter>) -> Result<Page> {
    let mut query = Query::default();
    request.select(&mut query, COLUMNS, "saved_searches", None);
    query.and("user_id = ?", &user_id);
    if request.filter.paused.is_some() {
        query.and("paused = ?", &request.filter.paused);
    }
    request.slice(&mut query, None);
    let rows = db.read_as(user_id, &query.sql, &query.parameters).await?;
    Ok(request.page(&rows, SavedSearch::of))
}

/// The row of a [`SavedSearch`].
pub async fn get(db: &Database, user_id: &str, id: i64) -> Result<Row> {
    let sql = format!("select {COLUMNS} from saved_searches where id = $1 and user_id = $2");
    db.read_as(user_id, &sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("saved search");

/// # Errors
/// `Conflict` for more than a user may have; `Fields` for a range of prices that begins after its end.
pub async fn insert(
    db: &Database,
    user_id: &str,
    key: Option<&IdempotencyKey>,
    new: &NewSavedSearch,
) -> Result<Created> {
    let sql = format!(
        "insert into saved_searches (user_id, name, words_include, words_exclude, category, currency, min_price_cents,
             max_price_cents, min_condition, lat, lng, radius_mi, min_score, channels, delivery, paused)
         values ($1, $2, coalesce($3, '{{}}'::text[]), coalesce($4, '{{}}'::text[]), $5, coalesce($6, 'USD'), $7, $8,
             $9::text::item_condition, $10, $11, $12, $13, $14, $15, coalesce($16, false))
         returning {COLUMNS}"
    );
    let inserted = insert_once(
        db,
        user_id,
        key,
        &sql,
        &[
            &user_id,
            &new.name,
            &new.words_include,
            &new.words_exclude,
            &new.category,
            &new.currency,
            &new.min_price_cents,
            &new.max_price_cents,
            &new.min_condition.map(Condition::as_str),
            &new.lat,
            &new.lng,
            &new.radius_mi,
            &new.min_score,
            &new.channels.as_deref().map(names),
            &new.delivery.map(NotifyDelivery::as_str),
            &new.paused,
        ],
        |row| {
            let search = SavedSearch::of(row);
            Created::of("/saved-searches", search.id, search.version, &search)
        },
    )
    .await;
    named_constraints(inserted)
}

/// # Errors
/// `NotFound`; `PreconditionFailed` when the row has none of the versions; `Fields` when what is changed does not go with
/// what is left.
pub async fn update(
    db: &Database,
    user_id: &str,
    id: i64,
    if_match: &IfMatch,
    patch: &SavedSearchPatch,
) -> Result<Row> {
    let sql = format!(
        "update saved_searches set
             name = coalesce($4, name),
             words_include = case when $5 then coalesce($6, '{{}}'::text[]) else words_include end,
             words_exclude = case when $7 then coalesce($8, '{{}}'::text[]) else words_exclude end,
             category = case when $9 then $10 else category end,
             currency = coalesce($11, currency),
             min_price_cents = case when $12 then $13 else min_price_cents end,
             max_price_cents = case when $14 then $15 else max_price_cents end,
             min_condition = case when $16 then $17::text::item_condition else min_condition end,
             lat = case when $18 then $19 else lat end,
             lng = case when $20 then $21 else lng end,
             radius_mi = case when $22 then $23 else radius_mi end,
             min_score = case when $24 then $25 else min_score end,
             channels = case when $26 then $27 else channels end,
             delivery = case when $28 then $29 else delivery end,
             paused = coalesce($30, paused),
             updated_at = now(),
             version = version + 1
         where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
         returning {COLUMNS}"
    );
    let updated = db
        .write_as(
            user_id,
            &sql,
            &[
                &id,
                &user_id,
                &if_match.versions(),
                &patch.name,
                &patch.words_include.is_some(),
                &patch.words_include.as_ref().and_then(Option::as_ref),
                &patch.words_exclude.is_some(),
                &patch.words_exclude.as_ref().and_then(Option::as_ref),
                &patch.category.is_some(),
                &patch.category.as_ref().and_then(Option::as_ref),
                &patch.currency,
                &patch.min_price_cents.is_some(),
                &patch.min_price_cents.flatten(),
                &patch.max_price_cents.is_some(),
                &patch.max_price_cents.flatten(),
                &patch.min_condition.is_some(),
                &patch.min_condition.flatten().map(Condition::as_str),
                &patch.lat.is_some(),
                &patch.lat.flatten(),
                &patch.lng.is_some(),
                &patch.lng.flatten(),
                &patch.radius_mi.is_some(),
                &patch.radius_mi.flatten(),
                &patch.min_score.is_some(),
                &patch.min_score.flatten(),
                &patch.channels.is_some(),
                &patch.channels.as_ref().and_then(|channels| channels.as_deref().map(names)),
                &patch.delivery.is_some(),
                &patch.delivery.flatten().map(NotifyDelivery::as_str),
                &patch.paused,
            ],
        )
        .await;
    match named_constraints(updated)?.pop() {
        Some(row) => Ok(row),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

/// What was told of it stays. Errors as for [`update`].
pub async fn delete(db: &Database, user_id: &str, id: i64, if_match: &IfMatch) -> Result<()> {
    let sql =
        "delete from saved_searches where id = $1 and user_id = $2 and ($3::int4[] is null or version = any ($3))
               returning id";
    match db.write_as(user_id, sql, &[&id, &user_id, &if_match.versions()]).await?.first() {
        Some(_) => Ok(()),
        None => Err(if_match.missing_or_changed(get(db, user_id, id).await, NOT_FOUND)),
    }
}

fn names(channels: &[NotifyChannel]) -> Vec<&'static str> {
    channels.iter().map(|channel| channel.as_str()).collect()
}

fn named_constraints<T>(outcome: Result<T>) -> Result<T> {
    outcome
        .on_constraint("saved_searches_most_check", || {
            Error::conflict("there are 100 saved searches already; delete one first")
        })
        .on_constraint("saved_searches_min_max_price_cents_check", || {
            Error::field("/max_price_cents", "must not be below min_price_cents")
        })
        .on_constraint("saved_searches_lat_lng_radius_mi_check", || Error::field("/radius_mi", WHOLE_CIRCLE))
}

impl<'r> SavedSearch<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> SavedSearch<'r> {
        let mut columns = Columns::of(row);
        SavedSearch {
            id: columns.take(),
            name: columns.take(),
            words_include: columns.take(),
            words_exclude: columns.take(),
            category: columns.take(),
            currency: columns.take(),
            min_price_cents: columns.take(),
            max_price_cents: columns.take(),
            min_condition: columns.take(),
            lat: columns.take(),
            lng: columns.take(),
            radius_mi: columns.take(),
            min_score: columns.take(),
            channels: columns.take(),
            delivery: columns.take(),
            paused: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}
