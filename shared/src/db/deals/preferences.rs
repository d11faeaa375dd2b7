//! What a caller's preferences say of the feed.

use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::db::user_prefs::UserPrefs;
use crate::values::{Latitude, Longitude, Miles, Place};

/// What is not set restricts nothing.
#[derive(Debug)]
pub struct Preferences<'r> {
    pub home: Option<Place>,
    pub radius: Option<Miles>,
    pub min_condition: Option<&'r str>,
    pub max_price_cents: Option<Json<&'r RawValue>>,
    /// For `websearch_to_tsquery`, as are those that are excluded.
    pub keywords_include: Option<String>,
    pub keywords_exclude: Option<String>,
}

impl<'r> Preferences<'r> {
    /// Of a row of [`UserPrefs`].
    pub fn of(row: &'r Row) -> Preferences<'r> {
        let preferences = UserPrefs::of(row);
        let degrees = preferences.lat.zip(preferences.lng);
        let Json(prices) = preferences.max_price_cents;
        Preferences {
            home: degrees.and_then(|(lat, lng)| {
                Some(Place::new(Latitude::try_from(lat).ok()?, Longitude::try_from(lng).ok()?))
            }),
            radius: preferences.radius_mi.and_then(|miles| Miles::new(miles.into())),
            min_condition: preferences.min_condition,
            max_price_cents: (prices.get() != "{}").then_some(Json(prices)),
            keywords_include: any_of(preferences.keywords_include),
            keywords_exclude: any_of(preferences.keywords_exclude),
        }
    }
}

/// Each word as a phrase, in which nothing has a meaning of its own.
fn any_of(Json(keywords): Json<&RawValue>) -> Option<String> {
    let keywords: Vec<String> = serde_json::from_str(keywords.get()).unwrap_or_default();
    let phrases: Vec<String> =
        keywords.iter().map(|keyword| format!("\"{}\"", keyword.replace('"', " "))).collect();
    (!phrases.is_empty()).then(|| phrases.join(" or "))
}
