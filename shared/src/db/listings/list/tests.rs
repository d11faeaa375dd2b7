mod search;

use std::collections::BTreeMap;

use serde_json::Value;
use tokio_postgres::Client;

use super::{Bounds, ListRequest, list};
use crate::Role;
use crate::db::Database;
use crate::http::Parameters;
use crate::testing::{INGESTER, TestDatabase, request};

const ROWS: i64 = 2_000;

/// Listings that differ in everything, with ties and nulls in every sort, and every fifth without a place.
async fn fill(owner: &Client) {
    let sql = format!(
        "insert into listings (source, source_id, title, description, price_cents, currency, condition, category, url,
                               lat, lng, posted_at, available, created_at, last_seen_at)
         select 'source' || i % 4, i::text, (array['red couch', 'blue sofa', 'oak table', 'lamp'])[1 + i % 4],
                case when i % 3 = 0 then 'smoke free' end,
                case when i % 7 > 0 then (i * 37) % 500 * 100 end,
                (array['USD', 'EUR', 'USD'])[1 + i % 3],
                (array['poor', 'fair', 'good', 'great', 'excellent', null])[1 + i % 6]::item_condition,
                case when i % 5 > 0 then 'category' || i % 10 end, 'http://a',
                case when i % 5 > 0 then 37 + (i * 13) % 200 / 100.0 end,
                case when i % 5 > 0 then -122 + (i * 7) % 200 / 100.0 end,
                case when i % 6 > 0 then '2026-01-01'::timestamptz + (i * 31) % 300 * interval '1 hour' end,
                i % 9 > 0,
                '2026-06-01'::timestamptz + (i * 17) % 400 * interval '1 minute',
                '2026-07-01'::timestamptz + (i * 19) % 400 * interval '1 minute'
         from generate_series(1, {ROWS}) as i"
    );
    owner.batch_execute(&sql).await.expect("fills");
    owner.batch_execute("analyze listings").await.expect("analyzes");
}

fn asked(query: &str) -> ListRequest {
    let request = request("GET", &format!("/listings?{query}"), INGESTER, None);
    Parameters::of(&request).and_then(ListRequest::read).unwrap_or_else(|error| panic!("{query}: {error:?}"))
}

async fn page(db: &Database, query: &str) -> (Vec<Value>, Option<String>) {
    let page = list(db, &asked(query)).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let page: Value = serde_json::from_str(&page.into_body().to_text()).expect("is JSON");
    let items = page["items"].as_array().expect("is a list").clone();
    (items, page["next_cursor"].as_str().map(str::to_owned))
}

async fn walk(db: &Database, query: &str) -> Vec<Value> {
    let (mut items, mut next) = page(db, query).await;
    while let Some(cursor) = next {
        let (more, after) = page(db, &format!("{query}&cursor={cursor}")).await;
        items.extend(more);
        next = after;
    }
    items
}

fn ids(items: &[Value]) -> Vec<i64> {
    items.iter().map(|item| item["id"].as_i64().expect("is a number")).collect()
}

const NEAR: &str = "near=37.9,-121.3";
/// The distance by the haversine formula, in miles: another way to the same figure.
const HAVERSINE: &str = "2 * 3958.8 * asin(sqrt(power(sin(radians(lat - 37.9) / 2), 2)
    + cos(radians(37.9)) * cos(radians(lat)) * power(sin(radians(lng + 121.3) / 2), 2)))";

fn sorts() -> BTreeMap<&'static str, String> {
    let mut sorts = BTreeMap::new();
    for (ascending, descending, column) in [
        ("created_at", "-created_at", "created_at"),
        ("last_seen_at", "-last_seen_at", "last_seen_at"),
        ("posted_at", "-posted_at", "posted_at"),
        ("price_cents", "-price_cents", "price_cents"),
        // Rounded, since two ways to a figure differ in its last bits, and ties are to be broken by id. For rows
        // without a place, ids go up in both directions, as nothing else is there to turn.
        ("distance", "-distance", "round((HAVERSINE)::numeric, 6)"),
    ] {
        let column = column.replace("HAVERSINE", HAVERSINE);
        sorts.insert(ascending, format!("{column} asc nulls last, id asc"));
        let id = if ascending == "distance" { "id asc" } else { "id desc" };
        sorts.insert(descending, format!("{column} desc nulls last, {id}"));
    }
    sorts
}

async fn expected(owner: &Client, condition: &str, order: &str) -> Vec<i64> {
    let sql = format!("select id from listings where {condition} order by {order}");
    owner.query(&sql, &[]).await.expect(&sql).iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_sort_is_walked_in_order_with_nulls_last() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    let db = Database::new(database.config.clone(), Role::App);
    for (sort, order) in sorts() {
        let near = if sort.contains("distance") { format!("{NEAR}&") } else { String::new() };
        let walked = walk(&db, &format!("{near}sort={sort}&limit=83")).await;
        assert_eq!(ids(&walked), expected(&owner, "true", &order).await, "{sort}");
    }
    assert_eq!(
        ids(&walk(&db, "limit=100").await),
        expected(&owner, "true", "created_at desc, id desc").await
    );
}

#[tokio::test]
async fn every_filter_finds_what_plain_sql_finds_in_every_sort() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    let db = Database::new(database.config.clone(), Role::App);
    let in_20_miles = format!("{HAVERSINE} <= 20");
    let filters = [
        ("source=source2", "source = 'source2'"),
        ("category=category3", "category = 'category3'"),
        ("condition=great", "condition = 'great'"),
        ("available=true", "available"),
        ("available=false", "not available"),
        ("price_cents_min=20000", "price_cents >= 20000"),
        ("price_cents_max=20000", "price_cents <= 20000"),
        ("price_cents_min=0&price_cents_max=0", "price_cents = 0"),
        ("price_cents_min=10000&price_cents_max=30000", "price_cents between 10000 and 30000"),
        ("currency=EUR", "currency = 'EUR'"),
        ("radius_mi=20", in_20_miles.as_str()),
        ("q=couches", "title = 'red couch'"),
        ("q=couche*+re*", "title = 'red couch'"),
        ("q=smok*+-sofa", "description is not null and title <> 'blue sofa'"),
        ("q=smoke+-sofa", "description is not null and title <> 'blue sofa'"),
        ("q=%22free+smoke%22", "false"),
        (
            "source=source1&condition=good&available=true&price_cents_min=100&q=sofa",
            "source = 'source1' and condition = 'good' and available and price_cents >= 100 and title = 'blue sofa'",
        ),
    ];
    for (filter, condition) in filters {
        for (sort, order) in sorts() {
            let walked = walk(&db, &format!("{NEAR}&{filter}&sort={sort}&limit=100")).await;
            assert_eq!(ids(&walked), expected(&owner, condition, &order).await, "{filter}, {sort}");
        }
    }
}

#[tokio::test]
async fn distances_are_told_when_a_place_is_named() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    let db = Database::new(database.config.clone(), Role::App);
    for sort in ["distance", "-distance", "created_at"] {
        for item in walk(&db, &format!("{NEAR}&sort={sort}&limit=100")).await {
            let sql = format!("select round(({HAVERSINE})::numeric, 2)::float8 from listings where id = $1");
            let miles: Option<f64> =
                owner.query_one(&sql, &[&item["id"].as_i64()]).await.expect("answers").get(0);
            assert_eq!(item["distance_mi"].as_f64(), miles, "{item}");
        }
    }
    let (items, _) = page(&db, "").await;
    assert!(items[0].get("distance_mi").is_none());
}

#[tokio::test]
async fn a_walk_meets_every_row_that_stays_though_the_row_it_was_cut_at_goes() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    let db = Database::new(database.config.clone(), Role::App);
    let delete = owner.prepare("delete from listings where id = $1").await.expect("prepares");
    let (mut seen, mut next) = page(&db, "sort=price_cents&limit=50").await;
    while let Some(cursor) = next {
        let last = seen.last().expect("is not empty")["id"].as_i64();
        owner.execute(&delete, &[&last]).await.expect("deletes");
        let (more, after) = page(&db, &format!("sort=price_cents&limit=50&cursor={cursor}")).await;
        seen.extend(more);
        next = after;
    }
    let mut seen = ids(&seen);
    seen.sort_unstable();
    assert_eq!(seen, (1..=ROWS).collect::<Vec<_>>());
}

#[tokio::test]
async fn while_rows_come_and_go_a_walk_meets_every_row_that_stays_once() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    let db = Database::new(database.config.clone(), Role::App);
    // Of the rows that are there at first, every third goes during the walks; new ones come between all of them.
    let come = "insert into listings (source, source_id, title, url, price_cents, posted_at, lat, lng, created_at, last_seen_at)
                select 'new', gen_random_uuid()::text, 'new', 'http://a', price_cents, posted_at, lat, lng, created_at, last_seen_at
                from listings where id % 3 > 0 order by random() limit 5";
    let go = "delete from listings where id in
              (select id from listings where (id <= 2000 and id % 3 = 0) or source = 'new' order by random() limit 6)";
    let walked = std::sync::atomic::AtomicBool::new(false);
    let churn = async {
        let mut changes = 0;
        while !walked.load(std::sync::atomic::Ordering::SeqCst) {
            changes += owner.execute(come, &[]).await.expect("inserts")
                + owner.execute(go, &[]).await.expect("deletes");
            tokio::task::yield_now().await;
        }
        changes
    };
    let walks = async {
        for sort in sorts().keys() {
            let items = walk(&db, &format!("{NEAR}&sort={sort}&limit=20")).await;
            let mut seen = ids(&items);
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), count, "{sort} repeats a row");
            let stayed: Vec<i64> = seen.into_iter().filter(|id| *id <= ROWS && id % 3 > 0).collect();
            assert_eq!(stayed, (1..=ROWS).filter(|id| id % 3 > 0).collect::<Vec<_>>(), "{sort} misses a row");
        }
        walked.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let (changes, ()) = tokio::join!(churn, walks);
    assert!(changes > 1_000, "{changes} changes");
}

#[tokio::test]
async fn a_page_of_large_rows_is_cut_short_and_the_next_goes_on() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    // Quotes double in JSON, and once more when Lambda wraps the answer.
    let large = "insert into listings (source, source_id, title, url, description)
                 select 's', i::text, 't', 'http://a', repeat('\"', 100000) from generate_series(1, 100) as i";
    owner.batch_execute(large).await.expect("fills");
    let db = Database::new(database.config.clone(), Role::App);
    let (items, next) = page(&db, "limit=100").await;
    assert!((5..100).contains(&items.len()), "{}", items.len());
    assert!(next.is_some());
    assert_eq!(ids(&walk(&db, "limit=100").await).len(), 100);
}

/// The plan of what a page takes, on a table that is large enough for the planner to care.
async fn explain(db: &Database, query: &str) -> String {
    let request = asked(query);
    let bounds = Bounds::of(&request);
    let query = bounds.query(&request);
    let rows =
        db.read(&format!("explain (costs off) {}", query.sql), &query.parameters).await.expect("explains");
    rows.iter().map(|row| format!("{}\n", row.get::<_, &str>(0))).collect()
}

#[tokio::test]
async fn every_sort_and_every_page_of_it_is_a_range_of_an_index() {
    let database = TestDatabase::migrated().await;
    fill(&database.owner().await).await;
    let db = Database::new(database.config.clone(), Role::App);
    for (sort, index) in [
        ("created_at", "listings_created_at_idx"),
        ("-created_at", "listings_created_at_idx"),
        ("last_seen_at", "listings_last_seen_at_idx"),
        ("-last_seen_at", "listings_last_seen_at_idx"),
        ("posted_at", "listings_posted_at_asc_idx"),
        ("-posted_at", "listings_posted_at_desc_idx"),
        ("price_cents", "listings_price_cents_asc_idx"),
        ("-price_cents", "listings_price_cents_desc_idx"),
        ("price_cents&price_cents_min=49000", "listings_price_cents_desc_idx"),
        ("-price_cents&price_cents_max=1000", "listings_price_cents_desc_idx"),
        ("-created_at&category=category3", "listings_category_created_at_idx"),
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
    let plan = explain(&db, &format!("{NEAR}&sort=distance&limit=2")).await;
    assert!(plan.contains("Index Scan using listings_place_idx"), "{plan}");
    assert!(plan.contains("Order By: (place <->"), "{plan}");
    assert!(plan.contains("listings_without_place_idx"), "{plan}");
    let plan = explain(&db, &format!("{NEAR}&sort=distance&radius_mi=5&limit=2")).await;
    assert!(!plan.contains("listings_without_place_idx"), "{plan}");
}

#[tokio::test]
async fn pages_by_price_are_planned_once_for_all_prices() {
    let database = TestDatabase::migrated().await;
    fill(&database.owner().await).await;
    let db = Database::new(database.config.clone(), Role::App);
    for dollars in 0..10 {
        for direction in ["", "-"] {
            let query = format!("sort={direction}price_cents&price_cents_min={dollars}00&limit=2");
            let (_, next) = page(&db, &query).await;
            page(&db, &format!("{query}&cursor={}", next.expect("has a second page"))).await;
        }
    }
    // Five times PostgreSQL looks at the values.
    let sql = "select custom_plans, statement from pg_prepared_statements where statement like 'select id%'";
    let plans = db.read(sql, &[]).await.expect("reads");
    assert_eq!(plans.len(), 4);
    for plan in &plans {
        assert_eq!(plan.get::<_, i64>(0), 5, "{}", plan.get::<_, &str>(1));
    }
}

#[tokio::test]
async fn rare_values_of_a_filter_are_found_by_an_index() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    owner
        .batch_execute(
            "delete from listings where id > 60;
             insert into listings (source, source_id, title, url, condition, currency, lat, lng, available)
             select 'common', i::text, 'common', 'http://a', 'good', 'USD', 0, 0, true from generate_series(1, 20000) i;
             analyze listings",
        )
        .await
        .expect("fills");
    let db = Database::new(database.config.clone(), Role::App);
    for (filter, index) in [
        ("source=source2", "listings_source_source_id_key"),
        ("category=none", "listings_category_created_at_idx"),
        ("condition=poor", "listings_condition_created_at_idx"),
        ("currency=EUR", "listings_currency_created_at_idx"),
        ("available=false", "listings_unavailable_created_at_idx"),
        ("price_cents_min=40000", "listings_price_cents_desc_idx"),
        ("near=37.9,-121.3&radius_mi=2", "listings_place_idx"),
        ("q=lamp", "listings_search_idx"),
    ] {
        // By a sort that none of these indexes has, so that it is the filter that chooses.
        let plan = explain(&db, &format!("{filter}&sort=last_seen_at&limit=100")).await;
        assert!(plan.contains(index), "{filter}:\n{plan}");
    }
}
