//! The table `listing_scores`: what was found out about a listing, one figure a metric.

use lambda_http::http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::columns::Columns;
use super::idempotency_keys::insert_once;
use super::list::{KeyType, ListRequest, Sortable};
use super::listings_to_value::Snapshot;
use super::query::Query;
use super::{Database, Parameter};
use crate::error::OnConstraint;
use crate::http::{Caller, Created, Fields, IdempotencyKey, Page, Parameters};
use crate::valuation::Subject;
use crate::values::{Attributes, Text, Timestamp};
use crate::{Error, Result};

#[derive(Debug, Serialize, JsonSchema)]
pub struct ListingScore<'r> {
    pub id: i64,
    pub listing_id: i64,
    pub metric: &'r str,
    pub value: f64,
    /// What the value was found from.
    #[schemars(with = "Attributes")]
    pub snapshot: Json<&'r RawValue>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i32,
}

#[derive(Debug, JsonSchema)]
pub struct NewListingScore {
    metric: Text<1, 50>,
    /// Finite: JSON has no other numbers.
    value: f64,
    snapshot: Option<Attributes>,
}

impl NewListingScore {
    pub fn read(fields: &mut Fields) -> NewListingScore {
        NewListingScore {
            metric: fields.required("metric"),
            value: fields.required("value"),
            snapshot: fields.optional("snapshot"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Filter {
    metric: Option<Text<1, 50>>,
}

impl Filter {
    pub fn read(parameters: &mut Parameters) -> Filter {
        Filter { metric: parameters.optional("metric") }
    }
}

pub const SORTS: &[Sortable] = &[Sortable::column("created_at", KeyType::Time)];

const COLUMNS: &str = "id, listing_id, metric, value, snapshot, created_at, updated_at, version";

/// # Errors
/// `NotFound` when there is no such listing.
pub async fn list(db: &Database, listing_id: i64, request: &ListRequest<Filter>) -> Result<Page> {
    let query = query(&listing_id, request);
    let rows = db.read(&query.sql, &query.parameters).await?;
    // A listing that has scores is there.
    if rows.is_empty() && db.read("select from listings where id = $1", &[&listing_id]).await?.is_empty() {
        return Err(NO_LISTING);
    }
    Ok(request.page(&rows, ListingScore::of))
}

fn query<'a>(listing_id: &'a i64, request: &'a ListRequest<Filter>) -> Query<'a> {
    let mut query = Query::default();
    request.select(&mut query, COLUMNS, "listing_scores", None);
    query.and("listing_id = ?", listing_id);
    if let Some(metric) = &request.filter.metric {
        query.and("metric = ?", metric);
    }
    request.slice(&mut query, None);
    query
}

const NO_LISTING: Error = Error::NotFound("listing");

/// Puts a score in the place of the metric's earlier one, if there is one.
///
/// # Errors
/// `NotFound` when there is no such listing.
pub async fn put(
    db: &Database,
    caller: &Caller,
    key: Option<&IdempotencyKey>,
    listing_id: i64,
    new: &NewListingScore,
) -> Result<Created> {
    // A row that nobody has updated yet has no `xmax`.
    let sql = format!(
        "insert into listing_scores (listing_id, metric, value, snapshot)
         values ($1, $2, $3, coalesce($4::jsonb, '{{}}'))
         on conflict (listing_id, metric) do update set
             value = excluded.value,
             snapshot = excluded.snapshot,
             updated_at = now(),
             version = listing_scores.version + 1
         returning {COLUMNS}, xmax = 0 as created"
    );
    let parameters: [Parameter<'_>; 4] = [&listing_id, &new.metric, &new.value, &new.snapshot];
    insert_once(db, &caller.user_id, key, &sql, &parameters, |row| {
        let score = ListingScore::of(row);
        let collection = format!("/listings/{listing_id}/scores");
        let metric = utf8_percent_encode(score.metric, RESERVED);
        Created {
            status: if row.get("created") { StatusCode::CREATED } else { StatusCode::OK },
            location: format!("{collection}?metric={metric}"),
            ..Created::of(&collection, score.id, score.version, &score)
        }
    })
    .await
    .on_constraint("listing_scores_listing_id_fkey", || NO_LISTING)
}

/// What a listing's value is explained from.
#[derive(Debug)]
pub struct DealScore {
    pub subject: Subject,
    pub price_cents: Option<i64>,
    /// The metric `deal_score`, when there is one that tells of itself.
    pub score: Option<(f64, Snapshot)>,
    /// It is to be valued anew.
    pub waits: bool,
    /// Of the newest model; 0 before the first.
    pub model_version: i32,
    pub now: Timestamp,
}

/// # Errors
/// `NotFound` when there is no such listing.
pub async fn deal_score(db: &Database, listing_id: i64) -> Result<DealScore> {
    let sql =
        "select title, category, listings.condition::text, currency, lat, lng, price_cents, value, snapshot,
                   listings_to_value.listing_id is not null,
                   (select coalesce(max(version), 0) from valuation_models), now()
               from listings
               left join listing_scores
                   on listing_scores.listing_id = listings.id and listing_scores.metric = 'deal_score'
               left join listings_to_value on listings_to_value.listing_id = listings.id
               where listings.id = $1";
    let rows = db.read(sql, &[&listing_id]).await?;
    let mut columns = Columns::of(rows.first().ok_or(NO_LISTING)?);
    let subject = Subject {
        title: columns.take::<&str>().to_owned(),
        category: columns.take::<Option<&str>>().map(str::to_owned),
        condition: columns.take::<Option<&str>>().map(|name| name.parse().expect("the enum has no other")),
        currency: columns.take::<&str>().to_owned(),
        place: {
            let (lat, lng): (Option<f64>, Option<f64>) = (columns.take(), columns.take());
            lat.zip(lng)
        },
    };
    let price_cents = columns.take();
    let value: Option<f64> = columns.take();
    // Ingesters may write what they like into any metric.
    let snapshot: Option<Snapshot> = columns
        .take::<Option<Json<&RawValue>>>()
        .and_then(|Json(snapshot)| serde_json::from_str(snapshot.get()).ok());
    Ok(DealScore {
        subject,
        price_cents,
        score: value.zip(snapshot),
        waits: columns.take(),
        model_version: columns.take(),
        now: columns.take(),
    })
}

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl<'r> ListingScore<'r> {
    /// In the order of `COLUMNS`.
    pub fn of(row: &'r Row) -> ListingScore<'r> {
        let mut columns = Columns::of(row);
        ListingScore {
            id: columns.take(),
            listing_id: columns.take(),
            metric: columns.take(),
            value: columns.take(),
            snapshot: columns.take(),
            created_at: columns.take(),
            updated_at: columns.take(),
            version: columns.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::testing::{READER, TestDatabase, request};

    #[tokio::test]
    async fn a_page_of_a_listings_scores_is_a_range_of_an_index() {
        let database = TestDatabase::migrated().await;
        let fill = "
            insert into listings (source, source_id, title, url)
                select 's', i::text, 't', 'http://a' from generate_series(1, 20) i;
            insert into listing_scores (listing_id, metric, value, created_at)
                select 1 + i % 20, 'metric' || i, i, '2026-01-01Z'::timestamptz + (i * 31) % 900 * interval '1 minute'
                from generate_series(1, 20000) i;
            analyze listing_scores";
        database.owner().await.batch_execute(fill).await.expect("fills");
        let db = Database::new(database.config.clone(), Role::App);
        for sort in ["created_at", "-created_at"] {
            let mut path = format!("/listings/7/scores?sort={sort}&limit=2");
            for _page in 1..=2 {
                let request = request("GET", &path, READER, None);
                let parameters = Parameters::of(&request).expect("is a query");
                let request = ListRequest::read(parameters, SORTS, Filter::read).expect("is understood");
                let query = query(&7, &request);
                let rows = db.read(&format!("explain (costs off) {}", query.sql), &query.parameters).await;
                let plan: String = rows.expect("explains").iter().map(|row| row.get::<_, &str>(0)).collect();
                assert!(plan.contains("listing_scores_listing_id_created_at_idx"), "{plan}");
                assert!(plan.contains("Index Cond") && !plan.contains("Sort"), "{plan}");

                let page = list(&db, 7, &request).await.expect("answers").into_body().to_text();
                let page: serde_json::Value = serde_json::from_str(&page).expect("is JSON");
                path.push_str(&format!("&cursor={}", page["next_cursor"].as_str().expect("goes on")));
            }
        }
    }
}
