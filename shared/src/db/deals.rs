//! The table `deals`: every available listing that could be valued, in the order that callers meet them in.

mod feed;
mod map;
mod postings;
mod preferences;

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

pub use self::map::cell;
pub use self::postings::{PostedDeal, postings};

use self::feed::Feed;
use self::preferences::Preferences;
use super::Database;
use super::columns::Columns;
use super::listings::Listing;
use crate::Result;
use crate::http::{Page, PageRequest, Parameters, Position};
use crate::valuation::Band;
use crate::values::{Cents, Miles, Place, Text};

/// What a listing loses to one that is a day newer, in points of its score.
const POINTS_A_DAY: f64 = 0.5;

/// Ranks are whole multiples of a fraction of a point. With penalties that are too (see [`map`]), no sum of them is
/// rounded: a place in the order is the same number from wherever it is looked at.
const PARTS_OF_A_POINT: f64 = 1_048_576.0;

/// Score and freshness in one number that time does not change: what is newer starts higher. `fresh_since` is in days
/// since 1970.
pub fn rank(score: f64, fresh_since: f64) -> f64 {
    ((score + POINTS_A_DAY * fresh_since) * PARTS_OF_A_POINT).round() / PARTS_OF_A_POINT
}

/// A listing, and what makes it a deal.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deal<'r> {
    #[serde(flatten)]
    pub listing: Listing<'r>,
    /// 0 to 100: how likely it is asked for much less than it goes for.
    pub score: f64,
    #[schemars(with = "Band")]
    pub band: &'r str,
    /// What it would sell for next, in minor units of `currency`.
    pub fair_price_cents: Option<i64>,
    /// Nine of ten sell for at least this, and at most `high_cents`.
    pub low_cents: Option<i64>,
    pub high_cents: Option<i64>,
    /// How many sales of the very same thing the evidence is worth.
    pub effective_comps: Option<f64>,
    pub reasons: Vec<String>,
}

/// What a score's snapshot tells of them. Who may write scores may write anything there: what cannot be read is unknown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Figures {
    fair_price_cents: Option<i64>,
    low_cents: Option<i64>,
    high_cents: Option<i64>,
    effective_comps: Option<f64>,
    reasons: Vec<String>,
}

/// What `GET /deals` was asked for.
#[derive(Debug)]
pub struct FeedRequest {
    filter: Filter,
    page: PageRequest<f64>,
}

#[derive(Debug)]
struct Filter {
    category: Option<Text<1, 120>>,
    near: Option<Place>,
    radius_mi: Option<Miles>,
    min_score: Option<f64>,
    band: Option<Band>,
    max_price_cents: Option<Cents>,
}

impl FeedRequest {
    /// # Errors
    /// 400 with all the parameters that are unknown or wrong.
    pub fn read(mut parameters: Parameters) -> Result<FeedRequest> {
        let filter = Filter {
            category: parameters.optional("category"),
            near: parameters.optional("near"),
            radius_mi: parameters.optional("radius_mi"),
            min_score: parameters.optional("min_score").map(|MinScore(score)| score),
            band: parameters.optional("band"),
            max_price_cents: parameters.optional("max_price_cents"),
        };
        let page = parameters.page();
        parameters.finish()?;
        Ok(FeedRequest { filter, page })
    }
}

struct MinScore(f64);

impl FromStr for MinScore {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<MinScore, Self::Err> {
        match text.parse() {
            Ok(score) if (0.0..=100.0).contains(&score) => Ok(MinScore(score)),
            _ => Err("must be a number from 0 to 100"),
        }
    }
}

/// The best deals for a caller, by what was asked for and, where nothing was, by their preferences. A cursor is a place
/// in the order: preferences that change between two pages change what comes after it.
///
/// # Errors
/// 400 for a radius around nowhere.
pub async fn list(db: &Database, user_id: &str, request: &FeedRequest) -> Result<Page> {
    let row = preferences::get(db, user_id).await?;
    let preferences = row.as_ref().map(Preferences::of).unwrap_or_default();
    let feed = Feed::of(&request.filter, preferences)?;
    let query = feed.query(&request.page);
    let rows = db.read(&query.sql, &query.parameters).await?;
    Ok(request.page.page(&rows, Deal::of, |row| Position { key: row.get("final"), id: row.get("id") }))
}

impl<'r> Deal<'r> {
    /// In the order of the feed's statement.
    fn of(row: &'r Row) -> Deal<'r> {
        let mut columns = Columns::of(row);
        let listing = Listing::read(&mut columns);
        let chord: Option<f64> = columns.take();
        let score: f64 = columns.take();
        let band = columns.take();
        let snapshot: Option<&str> = columns.take();
        let figures: Figures =
            snapshot.and_then(|snapshot| serde_json::from_str(snapshot).ok()).unwrap_or_default();
        Deal {
            listing: Listing { distance_mi: Some(chord.map(Miles::over_ground)), ..listing },
            score: (score * 100.0).round() / 100.0,
            band,
            fair_price_cents: figures.fair_price_cents,
            low_cents: figures.low_cents,
            high_cents: figures.high_cents,
            effective_comps: figures.effective_comps,
            reasons: figures.reasons,
        }
    }
}
