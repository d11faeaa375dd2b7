//! Lists of listings: filters, sorts, and the one statement that a page takes.

use std::borrow::Cow;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

use super::{COLUMNS, Listing};
use crate::Result;
use crate::db::Database;
use crate::db::query::Query;
use crate::http::{Page, PageRequest, Parameters, Position};
use crate::values::{Cents, Condition, Currency, Miles, Place, SearchText, Text, Timestamp};

/// What `GET /listings` was asked for.
#[derive(Debug)]
pub struct ListRequest {
    pub filter: Filter,
    pub sort: Sort,
    pub page: PageRequest<SortKey>,
}

#[derive(Debug, Default)]
pub struct Filter {
    source: Option<Text<1, 50>>,
    category: Option<Text<1, 120>>,
    condition: Option<Condition>,
    available: Option<bool>,
    price_cents_min: Option<Cents>,
    price_cents_max: Option<Cents>,
    currency: Option<Currency>,
    near: Option<Place>,
    radius_mi: Option<Miles>,
    q: Option<SearchText>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    by: SortBy,
    descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortBy {
    CreatedAt,
    PostedAt,
    PriceCents,
    LastSeenAt,
    Distance,
    Relevance,
}

/// What a row is sorted by, as a cursor keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum SortKey {
    Time(Option<Timestamp>),
    Price(Option<Cents>),
    /// See [`Place`].
    Chord(Option<f64>),
    /// How well the row answers the search.
    Rank(f64),
}

impl FromStr for Sort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Sort, Self::Err> {
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let by = match name {
            "created_at" => SortBy::CreatedAt,
            "posted_at" => SortBy::PostedAt,
            "price_cents" => SortBy::PriceCents,
            "last_seen_at" => SortBy::LastSeenAt,
            "distance" => SortBy::Distance,
            "relevance" => SortBy::Relevance,
            _ => {
                return Err(
                    "must be one of created_at, posted_at, price_cents, last_seen_at, distance, relevance, or one with -",
                );
            }
        };
        Ok(Sort { by, descending })
    }
}

impl ListRequest {
    /// # Errors
    /// 400 with all the parameters that are unknown or wrong.
    pub fn read(mut parameters: Parameters) -> Result<ListRequest> {
        let searches = parameters.has("q");
        let filter = Filter {
            source: parameters.optional("source"),
            category: parameters.optional("category"),
            condition: parameters.optional("condition"),
            available: parameters.optional("available"),
            price_cents_min: parameters.optional("price_cents_min"),
            price_cents_max: parameters.optional("price_cents_max"),
            currency: parameters.optional("currency"),
            near: parameters.optional("near"),
            radius_mi: parameters.optional("radius_mi"),
            q: parameters.optional("q"),
        };
        let newest_first = Sort { by: SortBy::CreatedAt, descending: true };
        let sort = parameters.optional("sort").unwrap_or(newest_first);
        if filter.near.is_none() && filter.radius_mi.is_some() {
            parameters.problem("radius_mi", "needs near");
        }
        if filter.near.is_none() && sort.by == SortBy::Distance {
            parameters.problem("sort", "by distance needs near");
        }
        if !searches && sort.by == SortBy::Relevance {
            parameters.problem("sort", "by relevance needs q");
        }
        let page: PageRequest<SortKey> = parameters.page();
        if page.position.as_ref().is_some_and(|position| !sort.has_key(&position.key)) {
            parameters.problem("cursor", "is not a cursor of this list");
        }
        parameters.finish()?;
        Ok(ListRequest { filter, sort, page })
    }
}

/// One round trip, one index range: see the indexes in `migrations/`.
pub async fn list(db: &Database, request: &ListRequest) -> Result<Page> {
    let bounds = Bounds::of(request);
    let query = bounds.query(request);
    let rows = db.read(&query.sql, &query.parameters).await?;
    let listing = if request.filter.near.is_some() { Listing::with_distance } else { Listing::of };
    Ok(request.page.page(&rows, listing, |row| Position { key: request.sort.key(row), id: row.get("id") }))
}

impl Filter {
    fn is_of_price_alone(&self) -> bool {
        // Each by its name: a filter that is added must be decided on.
        let Filter {
            source,
            category,
            condition,
            available,
            currency,
            radius_mi,
            q,
            near: _,
            price_cents_min: _,
            price_cents_max: _,
        } = self;
        (source.is_none() && category.is_none() && condition.is_none() && available.is_none())
            && (currency.is_none() && radius_mi.is_none() && q.is_none())
    }
}

impl Sort {
    fn has_key(self, key: &SortKey) -> bool {
        matches!(
            (self.by, key),
            (SortBy::CreatedAt | SortBy::LastSeenAt, SortKey::Time(Some(_)))
                | (SortBy::PostedAt, SortKey::Time(_))
                | (SortBy::PriceCents, SortKey::Price(_))
                | (SortBy::Distance, SortKey::Chord(_))
                | (SortBy::Relevance, SortKey::Rank(_))
        )
    }

    fn key(self, row: &Row) -> SortKey {
        match self.by {
            SortBy::CreatedAt => SortKey::Time(row.get("created_at")),
            SortBy::LastSeenAt => SortKey::Time(row.get("last_seen_at")),
            SortBy::PostedAt => SortKey::Time(row.get("posted_at")),
            SortBy::PriceCents => {
                let cents: Option<i64> = row.get("price_cents");
                SortKey::Price(cents.and_then(|cents| cents.try_into().ok()))
            }
            SortBy::Distance => SortKey::Chord(row.get("sort_chord")),
            SortBy::Relevance => SortKey::Rank(row.get("rank")),
        }
    }
}

/// Values that a request implies, kept for as long as its statement refers to them.
struct Bounds {
    condition: Option<&'static str>,
    /// A filter on the price; a price that is unknown is in no range.
    price: Option<(Cents, Cents)>,
    /// Whatever the prices are, a range of their index is the best plan, in its order.
    by_price_alone: bool,
    near: Option<Vec<f64>>,
    /// What rows sorted by distance are nearest to: for the farthest first, the other end of the earth.
    center: Option<Vec<f64>>,
    radius_chord: Option<f64>,
}

impl Bounds {
    fn of(request: &ListRequest) -> Bounds {
        let Filter { price_cents_min, price_cents_max, near, radius_mi, .. } = request.filter;
        let center = if request.sort.descending { near.map(Place::antipode) } else { near };
        Bounds {
            condition: request.filter.condition.map(Condition::as_str),
            price: (price_cents_min.is_some() || price_cents_max.is_some())
                .then(|| (price_cents_min.unwrap_or(Cents::ZERO), price_cents_max.unwrap_or(Cents::MAX))),
            by_price_alone: request.sort.by == SortBy::PriceCents && request.filter.is_of_price_alone(),
            near: near.map(|place| place.vector().to_vec()),
            center: center.map(|place| place.vector().to_vec()),
            radius_chord: radius_mi.map(Miles::chord),
        }
    }

    fn query<'a>(&'a self, request: &'a ListRequest) -> Query<'a> {
        match request.sort.by {
            SortBy::Distance => self.nearest(request),
            _ => self.sorted(request),
        }
    }

    /// One range of the sort's index; by relevance, all that the search finds.
    fn sorted<'a>(&'a self, request: &'a ListRequest) -> Query<'a> {
        let mut query = Query::default();
        let search = request.filter.q.as_ref().map(|q| query.search(q));
        let (key, null) = self.sort_key(request.sort, search.as_deref());
        query.push(&format!("select {COLUMNS}"));
        if let Some(near) = &self.near {
            let near = query.bind(near);
            query.push(&format!(", place <-> cube({near}::float8[]) as chord"));
        }
        if request.sort.by == SortBy::Relevance {
            query.push(&format!(", {key} as rank"));
        }
        query.push(" from listings where true");
        self.filter(&request.filter, search.as_deref(), &mut query);

        let (after, direction) = if request.sort.descending { ("<", "desc") } else { (">", "asc") };
        if let Some(position) = &request.page.position {
            let value = match &position.key {
                SortKey::Time(Some(moment)) => query.bind(moment),
                SortKey::Price(Some(price)) => self.price_value(query.bind(price)),
                SortKey::Rank(rank) => query.bind(rank),
                SortKey::Time(None) | SortKey::Price(None) | SortKey::Chord(_) => null.to_owned(),
            };
            let id = query.bind(&position.id);
            query.push(&format!(" and ({key}, id) {after} ({value}, {id})"));
        }
        // Written out rather than a parameter: the planner must know that few rows are wanted.
        let limit = request.page.limit.rows_to_fetch();
        query.push(&format!(" order by {key} {direction}, id {direction} limit {limit}"));
        query
    }

    /// What the sort's index holds, and what stands there for null. See `migrations/`.
    fn sort_key(&self, sort: Sort, search: Option<&str>) -> (Cow<'static, str>, &'static str) {
        if let (SortBy::Relevance, Some(search)) = (sort.by, search) {
            return (format!("ts_rank(search, {search})::float8").into(), "");
        }
        let (key, null) = match (sort.by, sort.descending) {
            (SortBy::LastSeenAt, _) => ("last_seen_at", ""),
            (SortBy::PostedAt, false) => ("coalesce(posted_at, 'infinity')", "'infinity'"),
            (SortBy::PostedAt, true) => ("coalesce(posted_at, '-infinity')", "'-infinity'"),
            // Within a range of prices none is null, so the filter's own index serves both directions.
            (SortBy::PriceCents, false) if self.price.is_none() => {
                ("coalesce(price_cents, 9223372036854775807)", "9223372036854775807")
            }
            (SortBy::PriceCents, _) => ("coalesce(price_cents, -1)", "-1"),
            (SortBy::CreatedAt | SortBy::Distance | SortBy::Relevance, _) => ("created_at", ""),
        };
        (key.into(), null)
    }

    /// PostgreSQL plans a statement anew each time that a plan for its values seems cheaper than one for any, as with
    /// prices. Where only one plan is good it does not get to see them: planning takes longer than the page.
    fn price_value(&self, placeholder: String) -> String {
        if self.by_price_alone { format!("(select {placeholder}::int8)") } else { placeholder }
    }

    /// The nearest rows by the place's index, and after them those without a place.
    fn nearest<'a>(&'a self, request: &'a ListRequest) -> Query<'a> {
        let mut query = Query::default();
        let limit = request.page.limit.rows_to_fetch();
        let position = request.page.position.as_ref();
        let search = request.filter.q.as_ref().map(|q| query.search(q));

        query.push("select * from (");
        if !matches!(position, Some(Position { key: SortKey::Chord(None), .. })) {
            let (near, center) = (query.bind(&self.near), query.bind(&self.center));
            let distance = format!("place <-> cube({center}::float8[])");
            query.push(&format!(
                "(select {COLUMNS}, place <-> cube({near}::float8[]) as chord, {distance} as sort_chord
                  from listings where place is not null"
            ));
            self.filter(&request.filter, search.as_deref(), &mut query);
            if let Some(Position { key: SortKey::Chord(Some(chord)), id }) = position {
                let (chord, id) = (query.bind(chord), query.bind(id));
                query.push(&format!(" and ({distance}, id) > ({chord}, {id})"));
            }
            // The index knows distances only; rows at the same one are put in order outside.
            query.push(&format!(" order by {distance} fetch first {limit} rows with ties)"));
            if self.radius_chord.is_some() {
                // What has no place is in no circle.
                query.push(&format!(") as nearest order by sort_chord, id limit {limit}"));
                return query;
            }
            query.push(" union all ");
        }
        query.push(&format!("(select {COLUMNS}, null::float8 as chord, null::float8 as sort_chord from listings where place is null"));
        self.filter(&request.filter, search.as_deref(), &mut query);
        if let Some(Position { key: SortKey::Chord(None), id }) = position {
            query.and("id > ?", id);
        }
        query.push(&format!(" order by id limit {limit})) as nearest order by sort_chord, id limit {limit}"));
        query
    }

    fn filter<'a>(&'a self, filter: &'a Filter, search: Option<&str>, query: &mut Query<'a>) {
        if let Some(source) = &filter.source {
            query.and("source = ?", source);
        }
        if let Some(category) = &filter.category {
            query.and("category = ?", category);
        }
        if let Some(condition) = &self.condition {
            query.and("condition = ?::text::item_condition", condition);
        }
        match filter.available {
            // Written out, so that the index of the few that are not can be used.
            Some(true) => query.push(" and available"),
            Some(false) => query.push(" and not available"),
            None => {}
        }
        if let Some((least, most)) = &self.price {
            let least = self.price_value(query.bind(least));
            let most = self.price_value(query.bind(most));
            query.push(&match self.by_price_alone {
                // The same in the index's own terms, of which the planner does not take two for a narrow range, that
                // might as well be sorted.
                true => format!(
                    " and (coalesce(price_cents, -1), id) >= ({least}, 0)
                      and (coalesce(price_cents, -1), id) <= ({most}, {})",
                    i64::MAX
                ),
                false => format!(
                    " and coalesce(price_cents, -1) >= {least} and coalesce(price_cents, -1) <= {most}"
                ),
            });
        }
        if let Some(currency) = &filter.currency {
            query.and("currency = ?", currency);
        }
        if let (Some(near), Some(chord)) = (&self.near, &self.radius_chord) {
            let (near, chord) = (query.bind(near), query.bind(chord));
            // The box is what an index can find, the distance what was asked for.
            query.push(&format!(
                " and place <@ cube_enlarge(cube({near}::float8[]), {chord}, 3)
                  and place <-> cube({near}::float8[]) <= {chord}"
            ));
        }
        if let Some(search) = search {
            query.push(&format!(" and search @@ {search}"));
        }
    }
}

#[cfg(test)]
mod tests;
