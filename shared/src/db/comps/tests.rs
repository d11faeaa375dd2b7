//! What lists of comparable sales find, and how they are found.

use serde_json::Value;
use tokio_postgres::Client;

use super::{Filter, ListRequest, SORTS, list, query};
use crate::Role;
use crate::db::Database;
use crate::http::Parameters;
use crate::testing::{READER, TestDatabase, request};

/// Comparable sales that differ in everything, with ties in every sort and few of each `rare` value; and as
/// many words as a market has, by which the planner guesses how many a beginning finds.
async fn fill(owner: &Client) {
    let sql = "
        insert into comps (category, title, price_cents, currency, condition, kind, source, observed_at, created_at)
        select case when i % 499 = 0 then 'rare' else 'category' || i % 10 end,
               (array['red couch', 'blue sofa', 'oak table', 'sofa and couch'])[1 + i % 4]
                   || ' word' || i % 400 || case when i % 499 = 1 then ' with a rarity' else '' end,
               (i * 37) % 900 * 100,
               case when i % 499 = 2 then 'CHF' else 'USD' end,
               case when i % 499 = 3 then 'poor' when i % 3 > 0 then 'good' end::item_condition,
               case when i % 499 = 5 then 'asking' else 'sold' end::comp_kind,
               case when i % 499 = 4 then 'rare' else 'source' || i % 4 end,
               '2026-01-01Z'::timestamptz + (i * 31) % 9000 * interval '1 minute',
               '2026-06-01Z'::timestamptz + (i * 17) % 9000 * interval '1 minute'
        from generate_series(1, 20000) as i";
    owner.batch_execute(sql).await.expect("fills");
    owner.batch_execute("vacuum analyze comps").await.expect("analyzes");
}

fn asked(query: &str) -> ListRequest<Filter> {
    let request = request("GET", &format!("/comps?{query}"), READER, None);
    Parameters::of(&request)
        .and_then(|parameters| ListRequest::read(parameters, SORTS, Filter::read))
        .unwrap_or_else(|error| panic!("{query}: {error:?}"))
}

async fn page(db: &Database, query: &str) -> (Vec<i64>, Option<String>) {
    let page = list(db, &asked(query)).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let page: Value = serde_json::from_str(&page.into_body().to_text()).expect("is JSON");
    let items = page["items"].as_array().expect("is a list");
    let ids = items.iter().map(|item| item["id"].as_i64().expect("is a number")).collect();
    (ids, page["next_cursor"].as_str().map(str::to_owned))
}

async fn walk(db: &Database, query: &str) -> Vec<i64> {
    let (mut ids, mut next) = page(db, query).await;
    while let Some(cursor) = next {
        let (more, after) = page(db, &format!("{query}&cursor={cursor}")).await;
        ids.extend(more);
        next = after;
    }
    ids
}

async fn explain(db: &Database, asked_for: &str) -> String {
    let request = asked(asked_for);
    let query = query(&request);
    let sql = format!("explain (costs off) {}", query.sql);
    let rows = db.read(&sql, &query.parameters).await.expect("explains");
    rows.iter().map(|row| format!("{}\n", row.get::<_, &str>(0))).collect()
}

#[tokio::test]
async fn every_filter_finds_what_plain_sql_finds_in_every_sort() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    let db = Database::new(database.config.clone(), Role::App);
    for (filter, condition) in [
        ("category=rare", "category = 'rare'"),
        ("source=rare", "source = 'rare'"),
        ("condition=poor", "condition = 'poor'"),
        ("kind=asking", "kind = 'asking'"),
        ("currency=CHF", "currency = 'CHF'"),
        ("price_cents_min=89000", "price_cents >= 89000"),
        ("price_cents_max=0", "price_cents = 0"),
        ("observed_at_min=2026-01-07T04:00:00Z", "observed_at >= '2026-01-07 04:00Z'"),
        ("observed_at_max=2026-01-01T01:30:00.5%2B01:00", "observed_at <= '2026-01-01 00:30:00.5Z'"),
        ("q=rarit*+couch", "title ~ 'rarity' and title ~ 'couch'"),
        (
            "category=category3&source=source3&q=%22sofa+and+couch%22&price_cents_max=5000",
            "category = 'category3' and title ~ 'sofa and couch' and price_cents <= 5000",
        ),
    ] {
        let mut sorts = vec!["observed_at", "created_at", "price_cents"];
        let rank = "ts_rank(search, to_tsquery('english', 'rarit:*') && to_tsquery('english', 'couch'))";
        if filter.starts_with("q=") {
            sorts.push("relevance");
        }
        for sort in sorts {
            let column = if sort == "relevance" { rank } else { sort };
            for (sign, direction) in [("", "asc"), ("-", "desc")] {
                let sql = format!(
                    "select id from comps where {condition} order by {column} {direction}, id {direction}"
                );
                let rows = owner.query(&sql, &[]).await.expect(&sql);
                let expected: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
                assert!(!expected.is_empty(), "{filter}");
                let walked = walk(&db, &format!("{filter}&sort={sign}{sort}&limit=17")).await;
                assert_eq!(walked, expected, "{filter}, {sign}{sort}");
            }
        }
    }
}

#[tokio::test]
async fn every_sort_and_every_page_of_it_is_a_range_of_an_index() {
    let database = TestDatabase::migrated().await;
    fill(&database.owner().await).await;
    let db = Database::new(database.config.clone(), Role::App);
    for (sort, index) in [
        ("observed_at", "comps_observed_at_idx"),
        ("-observed_at", "comps_observed_at_idx"),
        ("created_at", "comps_created_at_idx"),
        ("-created_at", "comps_created_at_idx"),
        ("price_cents", "comps_price_cents_idx"),
        ("-price_cents", "comps_price_cents_idx"),
        ("price_cents&price_cents_min=30000", "comps_price_cents_idx"),
        ("-observed_at&observed_at_max=2026-01-04T00:00:00Z", "comps_observed_at_idx"),
        ("-observed_at&category=rare", "comps_category_observed_at_idx"),
        ("-observed_at&source=rare", "comps_source_observed_at_idx"),
        ("-observed_at&condition=poor", "comps_condition_observed_at_idx"),
        ("-observed_at&kind=asking", "comps_kind_observed_at_idx"),
        ("-observed_at&currency=CHF", "comps_currency_observed_at_idx"),
    ] {
        let mut query = format!("sort={sort}&limit=2");
        for page_number in 1..=2 {
            let plan = explain(&db, &query).await;
            assert!(plan.contains(index) && !plan.contains("Sort"), "page {page_number} of {sort}:\n{plan}");
            assert!(page_number == 1 || plan.contains("Index Cond"), "page {page_number} of {sort}:\n{plan}");
            let (_, next) = page(&db, &query).await;
            query.push_str(&format!("&cursor={}", next.expect("has a second page")));
        }
    }
    for q in ["q=rarity", "q=rari*"] {
        let plan = explain(&db, &format!("{q}&sort=-relevance")).await;
        assert!(plan.contains("comps_search_idx"), "{q}:\n{plan}");
    }
}
