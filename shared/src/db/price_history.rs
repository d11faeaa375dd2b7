//! The table `price_history`: every price that a listing was seen at.

use schemars::JsonSchema;
use serde::Serialize;
use tokio_postgres::Row;

use super::Database;
use super::columns::Columns;
use super::query::Query;
use crate::http::{Page, PageRequest, Parameters, Position};
use crate::values::Timestamp;
use crate::{Error, Result};

/// A price that differs from the one before it, or is the first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PriceChange<'r> {
    /// When it was first seen.
    pub observed_at: Timestamp,
    /// Minor units of `currency`; `null` is unknown, 0 is free.
    pub price_cents: Option<i64>,
    pub currency: &'r str,
}

/// A page looks through at most this many observations, however few changes are among them.
const LOOKED_THROUGH: usize = 1_000;

#[derive(Debug)]
pub struct ListRequest {
    page: PageRequest<Timestamp>,
}

impl ListRequest {
    /// # Errors
    /// 400 with all the parameters that are unknown or wrong.
    pub fn read(mut parameters: Parameters) -> Result<ListRequest> {
        let page = parameters.page();
        parameters.finish()?;
        Ok(ListRequest { page })
    }
}

/// The changes of a listing's price, the newest first.
///
/// # Errors
/// `NotFound` when there is no such listing.
pub async fn list(db: &Database, listing_id: i64, request: &ListRequest) -> Result<Page> {
    let query = query(&listing_id, request);
    let rows = db.read(&query.sql, &query.parameters).await?;
    // A listing that has a history is there.
    if rows.is_empty() && db.read("select from listings where id = $1", &[&listing_id]).await?.is_empty() {
        return Err(Error::NotFound("listing"));
    }
    let (changes, end) = match rows.split_last() {
        Some((last, changes)) if !last.get::<_, bool>("is_change") => (changes, Some(last)),
        _ => (rows.as_slice(), None),
    };
    let position = |row: &Row| Position { key: row.get(0), id: listing_id };
    Ok(request.page.page_up_to(changes, end, PriceChange::of, position))
}

/// The changes, and the last observation that was looked at when there are more.
///
/// The observations are a range of both columns of the key, in its order: no other index is one.
fn query<'a>(listing_id: &'a i64, request: &'a ListRequest) -> Query<'a> {
    let mut query = Query::default();
    let listing_id = query.bind(listing_id);
    let before = match &request.page.position {
        Some(position) => query.bind(&position.key),
        None => "'infinity'".to_owned(),
    };
    // One more than is looked at: it is what the last of them is compared with.
    let (fetched, limit) = (LOOKED_THROUGH + 1, request.page.limit.rows_to_fetch());
    query.push(&format!(
        "select observed_at, price_cents, currency, is_change from (
             select listing_id, observed_at, price_cents, currency, row_number() over newest as place,
                 lead(observed_at) over newest is null
                     or (price_cents, currency) is distinct from
                        (lead(price_cents) over newest, lead(currency) over newest) as is_change
             from (
                 select listing_id, observed_at, price_cents, currency from price_history
                 where (listing_id, observed_at) >= ({listing_id}, '-infinity')
                     and (listing_id, observed_at) < ({listing_id}, {before})
                 order by listing_id desc, observed_at desc limit {fetched}
             ) as observed
             window newest as (order by listing_id desc, observed_at desc)
         ) as compared
         where place <= {LOOKED_THROUGH} and (is_change or place = {LOOKED_THROUGH})
         order by listing_id desc, observed_at desc limit {limit}"
    ));
    query
}

/// Deletes observations that neither begin nor end the time that a price was asked, once they are days old: until then
/// an older observation may still come in between. How many; at most so many at once.
pub async fn thin(db: &Database, most: i64) -> Result<u64> {
    let sql = "
        with between as (
            select listing_id, observed_at from price_history
            cross join lateral (
                select price_cents, currency from price_history earlier
                where earlier.listing_id = price_history.listing_id
                    and earlier.observed_at < price_history.observed_at
                order by earlier.observed_at desc limit 1) before
            cross join lateral (
                select price_cents, currency from price_history later
                where later.listing_id = price_history.listing_id and later.observed_at > price_history.observed_at
                order by later.observed_at limit 1) after
            where observed_at >= now() - interval '30 days' and observed_at < now() - interval '2 days'
                and (price_history.price_cents, price_history.currency)
                    is not distinct from (before.price_cents, before.currency)
                and (price_history.price_cents, price_history.currency)
                    is not distinct from (after.price_cents, after.currency)
            limit $1
        ),
        thinned as (
            delete from price_history using between
            where price_history.listing_id = between.listing_id and price_history.observed_at = between.observed_at
            returning 1
        )
        select count(*) from thinned";
    let thinned: i64 = db.write(sql, &[&most]).await?[0].get(0);
    Ok(thinned.unsigned_abs())
}

impl<'r> PriceChange<'r> {
    fn of(row: &'r Row) -> PriceChange<'r> {
        let mut columns = Columns::of(row);
        PriceChange { observed_at: columns.take(), price_cents: columns.take(), currency: columns.take() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::Role;
    use crate::testing::{READER, TestDatabase, request};

    fn asked(query: &str) -> ListRequest {
        let request = request("GET", &format!("/listings/1/price-history?{query}"), READER, None);
        Parameters::of(&request).and_then(ListRequest::read).expect("is understood")
    }

    /// The prices of a page, how many observations were read for it, and the cursor.
    async fn page(db: &Database, asked_for: &str) -> (Vec<i64>, i64, Option<String>) {
        let request = asked(asked_for);
        let query = query(&1, &request);
        let explain = format!("explain (analyze, costs off, format json) {}", query.sql);
        let plan: Value = db.read(&explain, &query.parameters).await.expect("explains")[0].get(0);
        let text = plan.to_string();
        assert!(text.contains("price_history_pkey") && text.contains("Index Cond"), "{text}");
        assert!(!text.contains("\"Sort\"") && !text.contains("Seq Scan"), "{text}");
        let mut node = &plan[0]["Plan"];
        while let Some(inner) = node["Plans"].get(0) {
            node = inner;
        }
        let read = node["Actual Rows"].as_f64().expect("is a number") as i64;

        let page = list(db, 1, &request).await.expect("answers").into_body().to_text();
        let page: Value = serde_json::from_str(&page).expect("is JSON");
        let items = page["items"].as_array().expect("is a list");
        let prices = items.iter().map(|item| item["price_cents"].as_i64().expect("is a number")).collect();
        (prices, read, page["next_cursor"].as_str().map(str::to_owned))
    }

    #[tokio::test]
    async fn a_page_is_a_bounded_range_of_an_index_however_rare_changes_are() {
        let database = TestDatabase::migrated().await;
        let fill = "
            insert into listings (source, source_id, title, url, price_cents, last_seen_at)
                select 's', i::text, 't', 'http://a', 0, '2026-01-01Z' from generate_series(1, 20) i;
            insert into price_history (listing_id, observed_at, price_cents, currency)
                select 1 + i % 20, '2026-01-01Z'::timestamptz + i * interval '1 second', i / 50000, 'USD'
                from generate_series(1, 100000) i;
            vacuum analyze price_history";
        for statement in fill.split(';') {
            database.owner().await.batch_execute(statement).await.expect("fills");
        }
        let db = Database::new(database.config.clone(), Role::App);
        let (mut prices, mut pages, mut query) = (Vec::new(), 0, "limit=2".to_owned());
        loop {
            let (more, read, next) = page(&db, &query).await;
            assert!(read <= 1_001, "{read} observations were read");
            prices.extend(more);
            pages += 1;
            let Some(next) = next else { break };
            query = format!("limit=2&cursor={next}");
        }
        // 5,001 observations of it, each price once.
        assert_eq!((prices, pages), (vec![2, 1, 0], 6));
    }
}
