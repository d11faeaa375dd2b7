//! How the feed is found.

use serde_json::Value;
use tokio_postgres::Client;

use super::{Feed, Preferences};
use crate::Role;
use crate::db::Database;
use crate::db::deals::preferences;
use crate::db::deals::{FeedRequest, list};
use crate::http::Parameters;
use crate::testing::{READER, TestDatabase, request};

/// Deals in and around San Jose, every eighth somewhere else and every ninth nowhere.
async fn fill(owner: &Client, count: u32) {
    let sql = format!(
        "alter table listings disable trigger user;
         insert into listings (source, source_id, title, price_cents, condition, category, url, lat, lng)
         select 'source' || i % 4, i::text, 'thing ' || case when i % 500 = 7 then 'theremin' else 'word' || i % 90 end,
                (i * 37) % 900 * 100, case when i % 5 > 0 then 'good' end::item_condition,
                case when i % 499 = 0 then 'rare' else 'category' || i % 10 end, 'http://a',
                case when i % 9 > 0 then 37 + (i * 13) % 100 / 100.0 + case when i % 8 = 0 then 5 else 0 end end,
                case when i % 9 > 0 then -122 + (i * 7) % 100 / 100.0 end
         from generate_series(1, {count}) i;
         insert into listing_scores (listing_id, metric, value)
         select id, 'deal_score', (id * 29) % 1000 / 10.0 from listings;
         insert into deals (listing_id, band, score, rank, cell, category, cluster_id)
         select listings.id, case when listings.id % 50 = 0 then 'verify' when listings.id % 400 = 1 then 'great' else 'fair' end::deal_band,
                value, value + (listings.id * 31) % 60 * 0.5,
                floor((lat + 90) * 4)::int * 1440
                    + floor((lng + 180) / 360 * round(1440 * cos(radians(floor(lat * 4) / 4 + 0.125))))::int,
                category, case when listings.id % 20 < 2 then listings.id / 20 end
         from listings join listing_scores on listing_id = listings.id;
         alter table listings enable trigger user"
    );
    owner.batch_execute(&sql).await.expect("fills");
    for table in ["listings", "listing_scores", "deals"] {
        owner.batch_execute(&format!("vacuum analyze {table}")).await.expect("analyzes");
    }
}

fn asked(query: &str) -> FeedRequest {
    let request = request("GET", &format!("/deals?{query}"), READER, None);
    Parameters::of(&request).and_then(FeedRequest::read).unwrap_or_else(|error| panic!("{query}: {error:?}"))
}

async fn explain(db: &Database, asked_for: &str) -> String {
    let row = preferences::get(db, READER).await.expect("reads");
    let preferences = row.as_ref().map(Preferences::of).unwrap_or_default();
    let request = asked(asked_for);
    let feed = Feed::of(&request.filter, preferences).expect("is understood");
    let query = feed.query(&request.page);
    let sql = format!("explain (analyze, costs off, timing off) {}", query.sql);
    let rows = db.read(&sql, &query.parameters).await.expect("explains");
    rows.iter().map(|row| format!("{}\n", row.get::<_, &str>(0))).collect()
}

const NEAR: &str = "near=37.34,-121.89";

/// The most rows that any step of a plan has read, for each time that it ran.
fn most_rows(plan: &str) -> f64 {
    let counts = plan.split("rows=").skip(1).map(|rest| rest.split(' ').next().expect("is a number"));
    let removed =
        plan.split("Rows Removed by Filter: ").skip(1).map(|rest| rest.split('\n').next().expect("ends"));
    counts.chain(removed).filter_map(|count| count.parse::<f64>().ok()).fold(0.0, f64::max)
}

#[tokio::test]
async fn every_stream_is_a_range_of_an_index() {
    let database = TestDatabase::migrated().await;
    fill(&database.owner().await, 24_000).await;
    let db = Database::new(database.config.clone(), Role::App);
    for (query, indexes) in [
        ("", &["deals_rank_idx"][..]),
        ("category=category3", &["deals_category_rank_idx"]),
        ("category=rare", &["deals_category_rank_idx"]),
        ("band=verify", &["deals_band_rank_idx"]),
        ("band=great", &["deals_band_rank_idx"]),
        ("min_score=30&max_price_cents=80000", &["deals_rank_idx"]),
        (NEAR, &["deals_cell_rank_idx", "deals_rank_idx"]),
        ("near=37.34,-121.89&radius_mi=30", &["deals_cell_rank_idx"]),
        ("near=37.34,-121.89&radius_mi=3000", &["deals_cell_rank_idx", "deals_rank_idx"]),
        (
            "near=37.34,-121.89&category=category3",
            &["deals_category_cell_rank_idx", "deals_category_rank_idx"],
        ),
        ("near=37.34,-121.89&radius_mi=100&category=category3", &["deals_category_cell_rank_idx"]),
    ] {
        let mut query = format!("{query}&limit=10");
        for number in 1..=2 {
            let plan = explain(&db, &query).await;
            for index in indexes {
                assert!(plan.contains(index), "page {number} of {query}:\n{plan}");
            }
            assert!(!plan.contains("Seq Scan"), "page {number} of {query}:\n{plan}");
            assert!(most_rows(&plan) < 400.0, "page {number} of {query}: {}\n{plan}", most_rows(&plan));
            let page = list(&db, READER, &asked(&query)).await.expect("answers").into_body().to_text();
            let page: Value = serde_json::from_str(&page).expect("is JSON");
            query = format!("{query}&cursor={}", page["next_cursor"].as_str().expect("goes on"));
        }
    }
}

#[tokio::test]
async fn what_few_have_is_found_by_its_word_and_what_many_have_by_rank() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner, 24_000).await;
    let db = Database::new(database.config.clone(), Role::App);
    for (words, near) in [("theremin", ""), ("thing", ""), ("theremin", NEAR), ("thing", NEAR), ("the", NEAR)]
    {
        let sql =
            "insert into user_prefs (user_id, keywords_include) values ($1, jsonb_build_array($2::text))
                   on conflict (user_id) do update set keywords_include = excluded.keywords_include";
        owner.execute(sql, &[&READER, &words]).await.expect("sets");
        let plan = explain(&db, near).await;
        assert!(!plan.contains("Seq Scan"), "{words} {near}:\n{plan}");
        assert!(plan.contains("Index Scan on listings_search_idx"), "{words} {near}:\n{plan}");
        let by_rank = plan
            .lines()
            .filter(|line| line.contains("deals_rank_idx") || line.contains("deals_cell_rank_idx"));
        for line in by_rank {
            assert_eq!(
                line.contains("never executed"),
                words == "theremin",
                "{words} {near}: {line}\n{plan}"
            );
        }
    }
}
