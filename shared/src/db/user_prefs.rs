//! The table `user_prefs`: what a user looks for, and when and how they want to be told. One row a user, or none: then
//! nothing is set, which restricts nothing, and the version is 0.

mod fields;
mod targets;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Json;

pub use self::fields::{
    DailyCap, Keywords, MaxPrices, MaxPricesPatch, NotifyChannel, NotifyDelivery, QuietHours,
    QuietHoursPatch, notify_channels,
};
use self::targets::{Change, Secrets, TargetsPatch};
pub use self::targets::{TargetHints, Targets, open, rotate};

use super::Database;
use super::columns::Columns;
use crate::error::OnConstraint;
use crate::http::{Caller, Fields, IfMatch};
use crate::seal::Keys;
use crate::values::{
    Condition, DiscordWebhookUrl, EmailAddress, Latitude, Longitude, Text, TimeOfDay, TimeZone, Timestamp,
    WebhookUrl, WholeMiles,
};
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
    #[schemars(with = "Option<EmailAddress>")]
    pub email: Option<&'r str>,
    #[schemars(with = "TargetHints")]
    pub target_hints: Json<&'r RawValue>,
    #[schemars(with = "Option<NotifyDelivery>")]
    pub delivery: Option<&'r str>,
    pub digest_at: Option<TimeOfDay>,
    #[schemars(with = "Option<DailyCap>")]
    pub daily_cap: Option<i32>,
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
    email: Option<EmailAddress>,
    #[schemars(extend("writeOnly" = true))]
    discord_webhook_url: Option<DiscordWebhookUrl>,
    #[schemars(extend("writeOnly" = true))]
    webhook_url: Option<WebhookUrl>,
    #[schemars(length(min = 1, max = 2), extend("writeOnly" = true))]
    webhook_secrets: Option<Secrets>,
    delivery: Option<NotifyDelivery>,
    digest_at: Option<TimeOfDay>,
    daily_cap: Option<DailyCap>,
}

impl NewUserPrefs {
    pub fn read(fields: &mut Fields) -> NewUserPrefs {
        if fields.has("lat") != fields.has("lng") {
            fields.problem("lng", LAT_WITH_LNG);
        }
        if fields.has("radius_mi") && !fields.has("lat") {
            fields.problem("radius_mi", RADIUS_WITH_PLACE);
        }
        targets::check_signed(fields);
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
            email: fields.optional("email"),
            discord_webhook_url: fields.optional("discord_webhook_url"),
            webhook_url: fields.optional("webhook_url"),
            webhook_secrets: targets::webhook_secrets(fields, "webhook_secrets").flatten(),
            delivery: fields.optional("delivery"),
            digest_at: fields.optional("digest_at"),
            daily_cap: fields.optional("daily_cap"),
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
    email: Option<Option<EmailAddress>>,
    #[schemars(extend("writeOnly" = true))]
    discord_webhook_url: Option<Option<DiscordWebhookUrl>>,
    #[schemars(extend("writeOnly" = true))]
    webhook_url: Option<Option<WebhookUrl>>,
    #[schemars(length(min = 1, max = 2), extend("writeOnly" = true))]
    webhook_secrets: Option<Option<Secrets>>,
    delivery: Option<Option<NotifyDelivery>>,
    digest_at: Option<Option<TimeOfDay>>,
    daily_cap: Option<Option<DailyCap>>,
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
            email: fields.change_or_clear("email"),
            discord_webhook_url: fields.change_or_clear("discord_webhook_url"),
            webhook_url: fields.change_or_clear("webhook_url"),
            webhook_secrets: targets::webhook_secrets(fields, "webhook_secrets"),
            delivery: fields.change_or_clear("delivery"),
            digest_at: fields.change_or_clear("digest_at"),
            daily_cap: fields.change_or_clear("daily_cap"),
        }
    }

    /// # Errors
    /// An address that the caller's token does not say is theirs.
    pub fn check_email(&self, caller: &Caller) -> Result<()> {
        match &self.email {
            Some(Some(address)) if !caller.has_verified(address) => Err(Error::field(
                "/email",
                "must be the verified address of who is signed in: the claims email and email_verified of the token",
            )),
            _ => Ok(()),
        }
    }

    fn targets(&self) -> TargetsPatch {
        TargetsPatch {
            discord_webhook_url: self.discord_webhook_url.clone(),
            webhook_url: self.webhook_url.clone(),
            webhook_secrets: self.webhook_secrets.clone(),
        }
    }
}

/// Everything that is not given is cleared.
impl From<NewUserPrefs> for UserPrefsPatch {
    fn from(new: NewUserPrefs) -> UserPrefsPatch {
        UserPrefsPatch {
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
            email: Some(new.email),
            discord_webhook_url: Some(new.discord_webhook_url),
            webhook_url: Some(new.webhook_url),
            webhook_secrets: Some(new.webhook_secrets),
            delivery: Some(new.delivery),
            digest_at: Some(new.digest_at),
            daily_cap: Some(new.daily_cap),
        }
    }
}

/// Without a row, all are null, but for these.
const COLUMNS: &str = "lat, lng, city, radius_mi, min_condition::text as min_condition,
    coalesce(max_price_cents, '{}') as max_price_cents, coalesce(keywords_include, '[]') as keywords_include,
    coalesce(keywords_exclude, '[]') as keywords_exclude, coalesce(notify_channels, '[]') as notify_channels,
    time_zone, quiet_hours_start, quiet_hours_end, email, coalesce(target_hints, '{}') as target_hints, delivery, digest_at,
    daily_cap, created_at, updated_at, coalesce(version, 0) as version";

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
pub async fn replace(
    db: &Database,
    keys: Option<&Keys>,
    user_id: &str,
    if_match: &IfMatch,
    everything: &UserPrefsPatch,
) -> Result<Row> {
    let targets = everything.targets().change(db, keys, user_id).await?;
    write(db, user_id, if_match, everything, &targets, true).await
}

/// How often a change of some of the targets is made again because another has changed others.
const MOST_TRIES: usize = 5;

/// # Errors
/// `PreconditionFailed` when the preferences have none of the versions; `Fields` when what is changed does not go with
/// what is left, or there are no keys to seal it with.
pub async fn update(
    db: &Database,
    keys: Option<&Keys>,
    user_id: &str,
    if_match: &IfMatch,
    patch: &UserPrefsPatch,
) -> Result<Row> {
    let targets = patch.targets();
    let mut change = targets.change(db, keys, user_id).await?;
    for _ in 1..MOST_TRIES {
        match write(db, user_id, if_match, patch, &change, false).await {
            Err(Error::PreconditionFailed) if change.based_on.is_some() => {
                let again = targets.change(db, keys, user_id).await?;
                if again.based_on == change.based_on {
                    return Err(Error::PreconditionFailed);
                }
                change = again;
            }
            written => return written,
        }
    }
    write(db, user_id, if_match, patch, &change, false).await
}

/// `afresh` leaves nothing of the objects that a patch would add to.
async fn write(
    db: &Database,
    user_id: &str,
    if_match: &IfMatch,
    patch: &UserPrefsPatch,
    targets: &Change,
    afresh: bool,
) -> Result<Row> {
    // The constraints hold for the row that is proposed, even where it becomes an update: so the patch is first laid on
    // the row that was there. The update lays it on the row that is there now, after another may have written.
    // `set_config` answers with the time zone's own spelling and refuses one that there is not; it ends with the transaction.
    let sql = format!(
        "insert into user_prefs (user_id, lat, lng, city, radius_mi, min_condition, max_price_cents, keywords_include,
             keywords_exclude, notify_channels, time_zone, quiet_hours_start, quiet_hours_end, email, targets, target_hints,
             delivery, digest_at, daily_cap)
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
             coalesce($22, case when not $20 then quiet_hours_end end),
             case when $23 then $24 else email end,
             case when $25 then $26::bytea else targets end,
             case when $25 then $27::jsonb else coalesce(target_hints, '{{}}') end,
             case when $30 then $31 else delivery end,
             case when $32 then $33 else digest_at end,
             case when $34 then $35 else daily_cap end
         from (values ($1::text)) caller (user_id) left join user_prefs using (user_id)
         where ($2::int4[] is null or coalesce(version, 0) = any ($2))
             and (not $28 or targets is not distinct from $29::bytea)
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
             email = case when $23 then $24 else user_prefs.email end,
             targets = case when $25 then $26 else user_prefs.targets end,
             target_hints = case when $25 then $27 else user_prefs.target_hints end,
             delivery = case when $30 then $31 else user_prefs.delivery end,
             digest_at = case when $32 then $33 else user_prefs.digest_at end,
             daily_cap = case when $34 then $35 else user_prefs.daily_cap end,
             updated_at = now(),
             version = user_prefs.version + 1
         where ($2::int4[] is null or user_prefs.version = any ($2))
             and (not $28 or user_prefs.targets is not distinct from $29)
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
                &patch.email.is_some(),
                &patch.email.as_ref().and_then(Option::as_ref),
                &targets.is_change,
                &targets.sealed,
                &targets.hints,
                &targets.based_on.is_some(),
                &targets.based_on.as_ref().and_then(Option::as_ref),
                &patch.delivery.is_some(),
                &patch.delivery.flatten().map(NotifyDelivery::as_str),
                &patch.digest_at.is_some(),
                &patch.digest_at.flatten(),
                &patch.daily_cap.is_some(),
                &patch.daily_cap.flatten(),
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
            email: columns.take(),
            target_hints: columns.take(),
            delivery: columns.take(),
            digest_at: columns.take(),
            daily_cap: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}
