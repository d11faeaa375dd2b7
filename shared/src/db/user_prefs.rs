//! The table `user_prefs`: what a user looks for, and when and how they want to be told. One row a user, or none: then
//! nothing is set, which restricts nothing, and the version is 0.

mod fields;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Json;

pub use self::fields::{
    Keywords, MaxPrices, MaxPricesPatch, NotifyChannel, QuietHours, QuietHoursPatch, notify_channels,
};

use super::Database;
use super::columns::Columns;
use crate::error::OnConstraint;
use crate::http::{Fields, IfMatch};
use crate::values::{Condition, Latitude, Longitude, Text, TimeZone, Timestamp, WholeMiles};
use crate::{Error, Result};

#[derive(Debug, Serialize, JsonSchema)]
pub struct UserPrefs<'r> {
    /// Home, together with `lng`.
    pub lat: Option<f64>,
    pub lng: Option<f64>,
    /// A label alone: where home is, `lat` and `lng` say.
    pub city: Option<&'r str>,
    /// Around home.
    pub radius_mi: Option<i32>,
    #[schemars(with = "Option<Condition>")]
    pub min_condition: Option<&'r str>,
    /// Highest prices by category, in minor units.
    #[schemars(with = "MaxPrices")]
    pub max_price_cents: Json<&'r RawValue>,
    #[schemars(with = "Keywords")]
    pub keywords_include: Json<&'r RawValue>,
    #[schemars(with = "Keywords")]
    pub keywords_exclude: Json<&'r RawValue>,
    /// Beside the inbox, which everyone has.
    #[schemars(with = "Vec<NotifyChannel>")]
    pub notify_channels: Json<&'r RawValue>,
    #[schemars(with = "Option<TimeZone>")]
    pub time_zone: Option<&'r str>,
    pub quiet_hours: Option<QuietHours>,
    /// `null` as long as nothing was set.
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    #[serde(skip)]
    pub version: i32,
}

/// All of them: what is left out is not set.
#[derive(Debug, JsonSchema)]
pub struct NewUserPrefs {
    lat: Option<Latitude>,
    lng: Option<Longitude>,
    city: Option<Text<1, 255>>,
    radius_mi: Option<WholeMiles>,
    min_condition: Option<Condition>,
    max_price_cents: Option<MaxPrices>,
    #[schemars(length(max = 50))]
    keywords_include: Option<Keywords>,
    #[schemars(length(max = 50))]
    keywords_exclude: Option<Keywords>,
    #[schemars(length(max = 3), extend("uniqueItems" = true))]
    notify_channels: Option<Vec<NotifyChannel>>,
    time_zone: Option<TimeZone>,
    quiet_hours: Option<QuietHours>,
}

impl NewUserPrefs {
    pub fn read(fields: &mut Fields) -> NewUserPrefs {
        if fields.has("lat") != fields.has("lng") {
            fields.problem("lng", LAT_WITH_LNG);
        }
        if fields.has("radius_mi") && !fields.has("lat") {
            fields.problem("radius_mi", RADIUS_WITH_PLACE);
        }
        NewUserPrefs {
            lat: fields.optional("lat"),
            lng: fields.optional("lng"),
            city: fields.optional("city"),
            radius_mi: fields.optional("radius_mi"),
            min_condition: fields.optional("min_condition"),
            max_price_cents: MaxPrices::read(fields, "max_price_cents").flatten(),
            keywords_include: fields::keywords(fields, "keywords_include").flatten(),
            keywords_exclude: fields::keywords(fields, "keywords_exclude").flatten(),
            notify_channels: fields::notify_channels(fields, "notify_channels").flatten(),
            time_zone: fields.optional("time_zone"),
            quiet_hours: fields.nested("quiet_hours", QuietHours::read).flatten(),
        }
    }
}

const LAT_WITH_LNG: &str = "must be given together with lat, or neither";
const RADIUS_WITH_PLACE: &str = "needs lat and lng";

/// `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Debug, JsonSchema)]
pub struct UserPrefsPatch {
    lat: Option<Option<Latitude>>,
    lng: Option<Option<Longitude>>,
    city: Option<Option<Text<1, 255>>>,
    radius_mi: Option<Option<WholeMiles>>,
    min_condition: Option<Option<Condition>>,
    max_price_cents: Option<Option<MaxPricesPatch>>,
    #[schemars(length(max = 50))]
    keywords_include: Option<Option<Keywords>>,
    #[schemars(length(max = 50))]
    keywords_exclude: Option<Option<Keywords>>,
    #[schemars(length(max = 3), extend("uniqueItems" = true))]
    notify_channels: Option<Option<Vec<NotifyChannel>>>,
    time_zone: Option<Option<TimeZone>>,
    quiet_hours: Option<Option<QuietHoursPatch>>,
}

impl UserPrefsPatch {
    pub fn read(fields: &mut Fields) -> UserPrefsPatch {
        UserPrefsPatch {
            lat: fields.change_or_clear("lat"),
            lng: fields.change_or_clear("lng"),
            city: fields.change_or_clear("city"),
            radius_mi: fields.change_or_clear("radius_mi"),
            min_condition: fields.change_or_clear("min_condition"),
            max_price_cents: MaxPricesPatch::read(fields, "max_price_cents"),
            keywords_include: fields::keywords(fields, "keywords_include"),
            keywords_exclude: fields::keywords(fields, "keywords_exclude"),
            notify_channels: fields::notify_channels(fields, "notify_channels"),
            time_zone: fields.change_or_clear("time_zone"),
            quiet_hours: fields.nested("quiet_hours", QuietHoursPatch::read),
        }
    }
}

/// Without a row, all are null, but for these.
const COLUMNS: &str = "lat, lng, city, radius_mi, min_condition::text as min_condition,
    coalesce(max_price_cents, '{}') as max_price_cents, coalesce(keywords_include, '[]') as keywords_include,
    coalesce(keywords_exclude, '[]') as keywords_exclude, coalesce(notify_channels, '[]') as notify_channels,
    time_zone, quiet_hours_start, quiet_hours_end, created_at, updated_at, coalesce(version, 0) as version";

/// The row of a [`UserPrefs`], of nulls where there is none.
pub async fn get(db: &Database, user_id: &str) -> Result<Row> {
    let sql = format!(
        "select {COLUMNS} from (values ($1::text)) caller (user_id) left join user_prefs using (user_id)"
    );
    db.read_as(user_id, &sql, &[&user_id]).await?.pop().ok_or(Error::NotFound("preferences"))
}

/// Puts the preferences in the place of those that there are.
///
/// # Errors
/// As for [`update`].
pub async fn replace(db: &Database, user_id: &str, if_match: &IfMatch, new: NewUserPrefs) -> Result<Row> {
    let everything = UserPrefsPatch {
        lat: Some(new.lat),
        lng: Some(new.lng),
        city: Some(new.city),
        radius_mi: Some(new.radius_mi),
        min_condition: Some(new.min_condition),
        max_price_cents: Some(new.max_price_cents.map(MaxPricesPatch::from)),
        keywords_include: Some(new.keywords_include),
        keywords_exclude: Some(new.keywords_exclude),
        notify_channels: Some(new.notify_channels),
        time_zone: Some(new.time_zone),
        quiet_hours: Some(new.quiet_hours.map(QuietHoursPatch::from)),
    };
    write(db, user_id, if_match, &everything, true).await
}

/// # Errors
/// `PreconditionFailed` when the preferences have none of the versions; `Fields` when what is changed does not go with
/// what is left.
pub async fn update(db: &Database, user_id: &str, if_match: &IfMatch, patch: &UserPrefsPatch) -> Result<Row> {
    write(db, user_id, if_match, patch, false).await
}

/// `afresh` leaves nothing of the objects that a patch would add to.
async fn write(
    db: &Database,
    user_id: &str,
    if_match: &IfMatch,
    patch: &UserPrefsPatch,
    afresh: bool,
) -> Result<Row> {
    // The constraints hold for the row that is proposed, even where it becomes an update: so the patch is first laid on
    // the row that was there. The update lays it on the row that is there now, after another may have written.
    // `set_config` answers with the time zone's own spelling and refuses one that there is not; it ends with the transaction.
    let sql = format!(
        "insert into user_prefs (user_id, lat, lng, city, radius_mi, min_condition, max_price_cents, keywords_include,
             keywords_exclude, notify_channels, time_zone, quiet_hours_start, quiet_hours_end)
         select user_id,
             case when $3 then $4 else lat end,
             case when $5 then $6 else lng end,
             case when $7 then $8 else city end,
             case when $9 then $10 else radius_mi end,
             case when $11 then $12::text::item_condition else min_condition end,
             jsonb_strip_nulls(case when $13 then '{{}}' else coalesce(max_price_cents, '{{}}') end || $14::jsonb),
             coalesce($15, keywords_include, '[]'),
             coalesce($16, keywords_exclude, '[]'),
             coalesce($17, notify_channels, '[]'),
             case when $19::text is not null then set_config('TimeZone', $19, true) when not $18 then time_zone end,
             coalesce($21, case when not $20 then quiet_hours_start end),
             coalesce($22, case when not $20 then quiet_hours_end end)
         from (values ($1::text)) caller (user_id) left join user_prefs using (user_id)
         where $2::int4[] is null or coalesce(version, 0) = any ($2)
         on conflict (user_id) do update set
             lat = case when $3 then $4 else user_prefs.lat end,
             lng = case when $5 then $6 else user_prefs.lng end,
             city = case when $7 then $8 else user_prefs.city end,
             radius_mi = case when $9 then $10 else user_prefs.radius_mi end,
             min_condition = case when $11 then $12::text::item_condition else user_prefs.min_condition end,
             max_price_cents = jsonb_strip_nulls(case when $13 then '{{}}' else user_prefs.max_price_cents end || $14),
             keywords_include = coalesce($15, user_prefs.keywords_include),
             keywords_exclude = coalesce($16, user_prefs.keywords_exclude),
             notify_channels = coalesce($17, user_prefs.notify_channels),
             time_zone = case when $18 then excluded.time_zone else user_prefs.time_zone end,
             quiet_hours_start = coalesce($21, case when not $20 then user_prefs.quiet_hours_start end),
             quiet_hours_end = coalesce($22, case when not $20 then user_prefs.quiet_hours_end end),
             updated_at = now(),
             version = user_prefs.version + 1
         where $2::int4[] is null or user_prefs.version = any ($2)
         returning {COLUMNS}"
    );
    let prices = patch.max_price_cents.as_ref().and_then(Option::as_ref);
    let quiet_hours = patch.quiet_hours.flatten();
    let written = db
        .write_as(
            user_id,
            &sql,
            &[
                &user_id,
                &if_match.versions(),
                &patch.lat.is_some(),
                &patch.lat.flatten(),
                &patch.lng.is_some(),
                &patch.lng.flatten(),
                &patch.city.is_some(),
                &patch.city.as_ref().and_then(Option::as_ref),
                &patch.radius_mi.is_some(),
                &patch.radius_mi.flatten(),
                &patch.min_condition.is_some(),
                &patch.min_condition.flatten().map(Condition::as_str),
                &(afresh || matches!(patch.max_price_cents, Some(None))),
                &Json(prices.unwrap_or(&MaxPricesPatch::default())),
                &list(&patch.keywords_include),
                &list(&patch.keywords_exclude),
                &list(&patch.notify_channels),
                &patch.time_zone.is_some(),
                &patch.time_zone.as_ref().and_then(Option::as_ref),
                &(afresh || matches!(patch.quiet_hours, Some(None))),
                &quiet_hours.and_then(|hours| hours.start),
                &quiet_hours.and_then(|hours| hours.end),
            ],
        )
        .await
        .map_err(told_of_time_zone)
        .on_constraint("user_prefs_lat_lng_check", || Error::field("/lng", LAT_WITH_LNG))
        .on_constraint("user_prefs_radius_mi_lat_check", || Error::field("/radius_mi", RADIUS_WITH_PLACE))
        .on_constraint("user_prefs_max_price_cents_check", || {
            Error::field("/max_price_cents", "must have at most 100 members, those that are there included")
        })
        .on_constraint("user_prefs_quiet_hours_start_end_check", || {
            Error::field("/quiet_hours", "must have both start and end")
        })
        .on_constraint("user_prefs_quiet_hours_end_check", || {
            Error::field("/quiet_hours/end", "must not be the same as start")
        })?
        .pop();
    written.ok_or(Error::PreconditionFailed)
}

/// A list that is cleared is empty.
fn list<T: Serialize>(change: &Option<Option<Vec<T>>>) -> Option<Json<&[T]>> {
    change.as_ref().map(|values| Json(values.as_deref().unwrap_or_default()))
}

fn told_of_time_zone(error: Error) -> Error {
    match &error {
        Error::Database(cause) if cause.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => {
            Error::field("/time_zone", "is not a time zone of the IANA database")
        }
        _ => error,
    }
}

impl<'r> UserPrefs<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> UserPrefs<'r> {
        let mut columns = Columns::of(row);
        UserPrefs {
            lat: columns.take(),
            lng: columns.take(),
            city: columns.take(),
            radius_mi: columns.take(),
            min_condition: columns.take(),
            max_price_cents: columns.take(),
            keywords_include: columns.take(),
            keywords_exclude: columns.take(),
            notify_channels: columns.take(),
            time_zone: columns.take(),
            quiet_hours: match (columns.take(), columns.take()) {
                (Some(start), Some(end)) => Some(QuietHours { start, end }),
                _ => None,
            },
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}
