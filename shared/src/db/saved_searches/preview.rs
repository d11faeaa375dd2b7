//! What a saved search would find now.

use schemars::JsonSchema;
use serde::Serialize;
use tokio_postgres::Row;

use super::NOT_FOUND;
use crate::Result;
use crate::db::Database;
use crate::db::columns::Columns;
use crate::db::listings::{self, Listing};
use crate::db::query::Query;
use crate::http::{Page, PageRequest, Parameters, Position};
use crate::valuation::Band;
use crate::values::Timestamp;

/// A listing that matches, and how good a deal it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Match<'r> {
    #[serde(flatten)]
    pub listing: Listing<'r>,
    /// 0 to 100; `null` for what could not be valued.
    pub score: Option<f64>,
    #[schemars(with = "Option<Band>")]
    pub band: Option<&'r str>,
}

#[derive(Debug)]
pub struct PreviewRequest {
    page: PageRequest<Timestamp>,
}

impl PreviewRequest {
    /// # Errors
    /// 400 with all the parameters that are unknown or wrong.
    pub fn read(mut parameters: Parameters) -> Result<PreviewRequest> {
        let page = parameters.page();
        parameters.finish()?;
        Ok(PreviewRequest { page })
    }
}

/// The available listings that the search matches, paused or not, the newest first. In two statements: the second has only
/// the conditions that there are, with their values, so that the planner can tell which index has the fewest.
///
/// # Errors
/// `NotFound`.
pub async fn preview(db: &Database, user_id: &str, id: i64, request: &PreviewRequest) -> Result<Page> {
    let sql = "select include_query::text, exclude_query::text, category, currency, min_price_cents, max_price_cents,
                   min_condition::text, lat, lng, chord, min_score
               from saved_searches where id = $1 and user_id = $2";
    let row = db.read_as(user_id, sql, &[&id, &user_id]).await?.pop().ok_or(NOT_FOUND)?;
    let search = Search::of(&row);
    let query = search.query(&request.page);
    let rows = db.read(&query.sql, &query.parameters).await?;
    Ok(request.page.page(&rows, Match::of, |row| Position { key: row.get("created_at"), id: row.get("id") }))
}

struct Search<'r> {
    include: Option<&'r str>,
    exclude: Option<&'r str>,
    category: Option<&'r str>,
    currency: &'r str,
    min_price_cents: Option<i64>,
    max_price_cents: Option<i64>,
    min_condition: Option<&'r str>,
    /// Its centre's degrees, and the straight line that the radius spans.
    circle: Option<(f64, f64, f64)>,
    min_score: Option<f64>,
}

impl<'r> Search<'r> {
    fn of(row: &'r Row) -> Search<'r> {
        let mut columns = Columns::of(row);
        Search {
            include: columns.take(),
            exclude: columns.take(),
            category: columns.take(),
            currency: columns.take(),
            min_price_cents: columns.take(),
            max_price_cents: columns.take(),
            min_condition: columns.take(),
            circle: match (columns.take(), columns.take(), columns.take()) {
                (Some(lat), Some(lng), Some(chord)) => Some((lat, lng, chord)),
                _ => None,
            },
            min_score: columns.take(),
        }
    }

    /// As `listings_to_match` has it.
    fn query<'a>(&'a self, page: &'a PageRequest<Timestamp>) -> Query<'a> {
        let mut query = Query::default();
        query.push(&format!(
            "select {}, deal_score, deal_band
             from listings left join (select listing_id, score as deal_score, band::text as deal_band from deals) valued
                 on listing_id = id
             where available and deal_band is distinct from '{}'",
            listings::COLUMNS,
            Band::Verify.as_str(),
        ));
        if let Some(include) = &self.include {
            query.and("search @@ ?::text::tsquery", include);
        }
        if let Some(exclude) = &self.exclude {
            query.and("not search @@ ?::text::tsquery", exclude);
        }
        if let Some(category) = &self.category {
            query.and("category = ?", category);
        }
        if self.min_price_cents.is_some() || self.max_price_cents.is_some() {
            query.and("currency = ?", &self.currency);
            query.and("coalesce(price_cents, -1) >= coalesce(?::int8, 0)", &self.min_price_cents);
        }
        if let Some(most) = &self.max_price_cents {
            query.and("coalesce(price_cents, -1) <= ?", most);
        }
        if let Some(least) = &self.min_condition {
            query.and("condition >= ?::text::item_condition", least);
        }
        if let Some((lat, lng, chord)) = &self.circle {
            let (lat, lng, chord) = (query.bind(lat), query.bind(lng), query.bind(chord));
            let center = format!(
                "cube(array[cos(radians({lat}::float8)) * cos(radians({lng}::float8)),
                     cos(radians({lat})) * sin(radians({lng})), sin(radians({lat}))])"
            );
            query.push(&format!(
                " and place <@ cube_enlarge({center}, {chord}::float8, 3) and place <-> {center} <= {chord}"
            ));
        }
        if let Some(least) = &self.min_score {
            query.and("deal_score >= ?", least);
        }
        if let Some(position) = &page.position {
            let (key, id) = (query.bind(&position.key), query.bind(&position.id));
            query.push(&format!(" and (created_at, id) < ({key}, {id})"));
        }
        query.push(&format!(" order by created_at desc, id desc limit {}", page.limit.rows_to_fetch()));
        query
    }
}

impl<'r> Match<'r> {
    /// In the order of the statement.
    fn of(row: &'r Row) -> Match<'r> {
        let mut columns = Columns::of(row);
        let listing = Listing::read(&mut columns);
        let score: Option<f64> = columns.take();
        Match { listing, score: score.map(|score| (score * 100.0).round() / 100.0), band: columns.take() }
    }
}
