//! What a caller's preferences say of the feed.

use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::Result;
use crate::db::Database;
use crate::db::columns::Columns;
use crate::values::{Latitude, Longitude, Miles, Place};

/// What is not set restricts nothing.
#[derive(Debug, Default)]
pub struct Preferences<'r> {
    pub home: Option<Place>,
    pub radius: Option<Miles>,
    pub min_condition: Option<&'r str>,
    pub max_price_cents: Option<Json<&'r RawValue>>,
    /// For `websearch_to_tsquery`, as are those that are excluded.
    pub keywords_include: Option<String>,
    pub keywords_exclude: Option<String>,
}

/// The row of [`Preferences`], where the caller has set any. Of `user_prefs`, no more than the feed asks for.
pub async fn get(db: &Database, user_id: &str) -> Result<Option<Row>> {
    let sql =
        "select lat, lng, radius_mi, min_condition::text, max_price_cents, keywords_include, keywords_exclude
         from user_prefs where user_id = $1";
    Ok(db.read_as(user_id, sql, &[&user_id]).await?.pop())
}

impl<'r> Preferences<'r> {
    /// In the order of [`get`]'s statement.
    pub fn of(row: &'r Row) -> Preferences<'r> {
        let mut columns = Columns::of(row);
        let (lat, lng): (Option<f64>, Option<f64>) = (columns.take(), columns.take());
        let radius: Option<i32> = columns.take();
        let min_condition = columns.take();
        let Json(prices): Json<&RawValue> = columns.take();
        Preferences {
            home: lat.zip(lng).and_then(|(lat, lng)| {
                Some(Place::new(Latitude::try_from(lat).ok()?, Longitude::try_from(lng).ok()?))
            }),
            radius: radius.and_then(|miles| Miles::new(miles.into())),
            min_condition,
            max_price_cents: (prices.get() != "{}").then_some(Json(prices)),
            keywords_include: any_of(columns.take()),
            keywords_exclude: any_of(columns.take()),
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
