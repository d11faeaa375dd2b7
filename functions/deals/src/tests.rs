//! What callers are offered, from request to answer, against real servers.

mod market;
mod preferences;
mod walks;

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, INGESTER, READER, TestDatabase, answer, request, routed_paths};

use self::market::{Offer, insert};
use super::route;

/// San Jose, and places that are 5 and 40 miles to its north.
const HOME: (f64, f64) = (37.375, -121.875);
const NEAR: (f64, f64) = (37.45, -121.875);
const FAR: (f64, f64) = (37.95, -121.875);
const AT_HOME: &str = "near=37.375,-121.875";

async fn ask(app: &App, query: &str) -> Answer {
    answer(route(app, request("GET", &format!("/deals?{query}"), READER, None))).await
}

async fn items(app: &App, query: &str) -> Vec<Value> {
    let answer = ask(app, query).await;
    assert_eq!(answer.status, 200, "{query} {}", answer.body);
    answer.body["items"].as_array().unwrap().clone()
}

async fn titles(app: &App, query: &str) -> Vec<String> {
    items(app, query).await.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_deal_is_a_listing_with_what_makes_it_one() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    let id = insert(&owner, &Offer { place: Some(NEAR), score: 87.654_321, ..Offer::named("desk") }).await;
    let nowhere = insert(&owner, &Offer { score: 1.0, ..Offer::named("lamp") }).await;
    let deals = items(&app, AT_HOME).await;
    let expected = json!({
        "id": id, "source": "craigslist", "source_id": "desk", "title": "desk", "description": null, "price_cents": 1000,
        "currency": "USD", "condition": "good", "category": "furniture", "url": "https://example.com",
        "thumbnail_url": null, "lat": 37.45, "lng": -121.875, "location_text": null, "posted_at": "2026-11-24T00:00:00Z",
        "available": true, "created_at": deals[0]["created_at"], "updated_at": deals[0]["updated_at"],
        "last_seen_at": deals[0]["last_seen_at"], "distance_mi": 5.18, "score": 87.65, "band": "good",
        "fair_price_cents": 2000, "low_cents": 1500, "high_cents": 2500, "effective_comps": 7.5,
        "reasons": ["half the fair price"],
    });
    assert_eq!(deals[0], expected);
    assert_eq!((&deals[1]["id"], &deals[1]["distance_mi"]), (&json!(nowhere), &Value::Null));
    assert_eq!(items(&app, "").await[0]["distance_mi"], Value::Null);

    // Scores are an ingester's to write, also wrongly.
    for snapshot in ["{}", "[]", r#"{"fair_price_cents": "much", "reasons": 5}"#] {
        owner.execute("update listing_scores set snapshot = $1::text::jsonb", &[&snapshot]).await.unwrap();
        let deals = items(&app, "").await;
        assert_eq!(
            (&deals[0]["fair_price_cents"], &deals[0]["reasons"]),
            (&Value::Null, &json!([])),
            "{snapshot}"
        );
    }
    owner.execute("delete from listing_scores", &[]).await.unwrap();
    assert_eq!(items(&app, "").await.len(), 2);
}

#[tokio::test]
async fn score_freshness_and_distance_make_the_order() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    for (title, score, age, place) in [
        ("best", 90.0, 0.0, None),
        ("good and new", 80.0, 0.0, Some(FAR)),
        ("good and four days old", 80.0, 4.0, Some(FAR)),
        ("less good, nearby", 77.5, 0.0, Some(NEAR)),
        ("less good, at home", 76.0, 0.0, Some(HOME)),
        ("as good as that one, nowhere", 76.0, 0.0, None),
    ] {
        insert(&owner, &Offer { score, age, place, ..Offer::named(title) }).await;
    }
    assert_eq!(
        titles(&app, "").await,
        [
            "best",
            "good and new",
            "good and four days old",
            "less good, nearby",
            "as good as that one, nowhere",
            "less good, at home"
        ]
    );
    // 40 miles cost 8 points, 5 miles 0 to 2, nowhere 10.
    assert_eq!(
        titles(&app, AT_HOME).await,
        [
            "best",
            "less good, nearby",
            "less good, at home",
            "good and new",
            "good and four days old",
            "as good as that one, nowhere"
        ]
    );
}

#[tokio::test]
async fn each_filter_leaves_what_it_asks_for() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    insert(&owner, &Offer { score: 95.0, band: "great", place: Some(NEAR), ..Offer::named("a") }).await;
    insert(&owner, &Offer { score: 80.0, price: Some(5000), place: Some(FAR), ..Offer::named("b") }).await;
    insert(&owner, &Offer { score: 50.0, band: "fair", category: Some("music"), ..Offer::named("c") }).await;
    insert(&owner, &Offer { score: 20.0, band: "high", price: Some(0), category: None, ..Offer::named("d") })
        .await;
    insert(&owner, &Offer { score: 99.0, band: "verify", place: Some(NEAR), ..Offer::named("scam") }).await;
    insert(&owner, &Offer { score: 98.0, available: false, ..Offer::named("gone") }).await;
    for (query, expected) in [
        ("", &["a", "b", "c", "d"][..]),
        ("category=music", &["c"]),
        ("category=mus", &[]),
        ("min_score=80", &["a", "b"]),
        ("min_score=80.5", &["a"]),
        ("min_score=100", &[]),
        ("band=great", &["a"]),
        ("band=good", &["b"]),
        ("band=fair", &["c"]),
        ("band=high", &["d"]),
        ("band=overpriced", &[]),
        ("band=verify", &["scam"]),
        ("max_price_cents=1000", &["a", "c", "d"]),
        ("max_price_cents=0", &["d"]),
        ("radius_mi=6&near=37.375,-121.875", &["a"]),
        ("radius_mi=5&near=37.375,-121.875", &[]),
        ("radius_mi=45&near=37.375,-121.875", &["a", "b"]),
        ("radius_mi=3000&near=37.375,-121.875", &["a", "b"]),
        ("radius_mi=100&near=0,0", &[]),
        ("radius_mi=3000&near=0,0", &[]),
        ("radius_mi=45&near=37.375,-121.875&band=verify", &["scam"]),
        ("near=37.375,-121.875&category=furniture&max_price_cents=1000&min_score=50&band=great", &["a"]),
    ] {
        assert_eq!(titles(&app, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_is_on_several_marketplaces_appears_once() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    let first = insert(&owner, &Offer { score: 80.0, place: Some(FAR), ..Offer::named("far") }).await;
    for offer in [
        Offer { score: 79.0, place: Some(NEAR), price: Some(900), ..Offer::named("near") },
        Offer { score: 78.0, price: Some(800), category: Some("music"), ..Offer::named("cheap") },
        Offer { score: 99.0, band: "verify", price: Some(1), ..Offer::named("scam") },
        Offer { score: 98.0, available: false, price: Some(1), ..Offer::named("gone") },
    ] {
        insert(&owner, &Offer { cluster: Some(first), ..offer }).await;
    }
    owner.execute("update deals set cluster_id = $1 where listing_id = $1", &[&first]).await.unwrap();
    insert(&owner, &Offer { score: 10.0, ..Offer::named("another") }).await;
    for (query, expected) in [
        ("", &["far", "another"][..]),
        (AT_HOME, &["near", "another"]),
        // The best of those that were asked for.
        ("max_price_cents=800", &["cheap"]),
        ("category=music", &["cheap"]),
        ("near=37.375,-121.875&radius_mi=45", &["near"]),
        ("near=37.95,-121.875&radius_mi=5", &["far"]),
        ("band=verify", &["scam"]),
    ] {
        assert_eq!(titles(&app, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_is_near_is_near_over_the_date_line_and_the_poles() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    for (title, place) in [
        ("east of the date line", (-17.0, -179.95)),
        ("on the date line", (-17.0, 180.0)),
        ("west of the date line", (-17.0, 179.95)),
        ("beyond the pole", (89.9, 100.0)),
        ("on the pole", (90.0, 0.0)),
        ("elsewhere", (0.0, 0.0)),
    ] {
        insert(&owner, &Offer { place: Some(place), ..Offer::named(title) }).await;
    }
    for (near, found) in
        [("-17,179.98", "date line"), ("-17,-180", "date line"), ("89.9,-80", "pole"), ("90,0", "pole")]
    {
        let deals = items(&app, &format!("near={near}&radius_mi=20")).await;
        assert_eq!(deals.len(), if found == "pole" { 2 } else { 3 }, "{near}");
        let nearest = items(&app, &format!("near={near}")).await;
        assert_eq!(nearest.len(), 6);
        for deal in deals.iter().chain(&nearest[..deals.len()]) {
            assert!(deal["title"].as_str().unwrap().contains(found), "{near}: {}", deal["title"]);
        }
    }
}

#[tokio::test]
async fn bad_parameters_are_told_by_their_names() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    for title in ["a", "b"] {
        insert(&owner, &Offer::named(title)).await;
    }
    let cursor = ask(&app, "limit=1").await.body["next_cursor"].as_str().unwrap().to_owned();
    let mut queries: Vec<(String, &str)> = [
        "limit=0",
        "limit=101",
        "limit=",
        "sort=-score",
        "surprise=1",
        "price_cents_max=1",
        "band=best",
        "band=",
        "band=Great",
        "min_score=-1",
        "min_score=100.01",
        "min_score=NaN",
        "min_score=inf",
        "min_score=",
        "max_price_cents=-1",
        "max_price_cents=1.5",
        "max_price_cents=9007199254740992",
        "near=91,0",
        "near=0,181",
        "near=0",
        "near=NaN,0",
        "radius_mi=5",
        "radius_mi=0",
        "radius_mi=12437",
        "radius_mi=NaN",
        "category=",
        "category=%00",
        "cursor=",
        "cursor=abc",
    ]
    .map(|query| (query.to_owned(), query.split('=').next().unwrap()))
    .into();
    queries.extend([
        ("band=good&band=good".into(), "band"),
        (format!("cursor={cursor}&band=good"), "cursor"),
        (format!("cursor={cursor}&near=0,0"), "cursor"),
        (format!("cursor={}", &cursor[..cursor.len() - 2]), "cursor"),
        (format!("category={}", "x".repeat(121)), "category"),
        ("near=1,2&radius_mi=-1".into(), "radius_mi"),
    ]);
    for (query, name) in queries {
        let answer = ask(&app, &query).await;
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["parameter"]),
            (400, &json!(name)),
            "{query} {}",
            answer.body
        );
    }
    assert_eq!(ask(&app, &format!("limit=1&cursor={cursor}")).await.status, 200);
}

#[tokio::test]
async fn it_is_read_alone_and_by_callers_alone() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    assert_eq!(routed_paths("deals"), ["/deals"]);
    for method in ["POST", "PUT", "PATCH", "DELETE", "HEAD"] {
        let refused = answer(route(&app, request(method, "/deals", INGESTER, None))).await;
        assert_eq!((refused.status, refused.header("allow")), (405, "GET"), "{method}");
    }
    assert_eq!(answer(route(&app, request("GET", "/deals", "", None))).await.status, 401);
    assert_eq!(answer(route(&app, request("GET", "/deals/1", READER, None))).await.status, 404);
}
