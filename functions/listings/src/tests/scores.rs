//! What callers do with the scores of a listing.

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, INGESTER, READER, TestDatabase, answer, raw_request, request};

use super::super::route;
use super::{ask, create, smallest};

const SCORES: &str = "/listings/1/scores";

fn score(value: f64) -> Value {
    json!({ "metric": "deal_score", "value": value, "snapshot": { "distance_mi": 3.5, "comps": [1, 2] } })
}

async fn put(app: &App, body: &Value) -> Answer {
    ask(app, "POST", SCORES, INGESTER, Some(body)).await
}

async fn scores(app: &App, query: &str) -> Vec<Value> {
    let answer = ask(app, "GET", &format!("{SCORES}{query}"), READER, None).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_score_is_created_once_and_replaced_from_then_on() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    create(&app, &smallest("1")).await;
    assert_eq!(scores(&app, "").await, [Value::Null; 0]);
    let created = put(&app, &score(92.22)).await;
    assert_eq!((created.status, created.header("etag")), (201, "\"1\""));
    assert_eq!(created.header("location"), "/listings/1/scores?metric=deal_score");
    assert_eq!(created.body["listing_id"], 1);
    for (name, value) in score(92.22).as_object().unwrap() {
        assert_eq!(&created.body[name], value, "{name}");
    }
    let found = ask(&app, "GET", created.header("location"), READER, None).await;
    assert_eq!(found.body["items"], json!([created.body]));

    let replaced = put(&app, &json!({ "metric": "deal_score", "value": -1 })).await;
    assert_eq!((replaced.status, replaced.header("etag")), (200, "\"2\""));
    assert_eq!(replaced.header("location"), created.header("location"));
    assert_eq!((&replaced.body["value"], &replaced.body["snapshot"]), (&json!(-1.0), &json!({})));
    for name in ["id", "created_at"] {
        assert_eq!(replaced.body[name], created.body[name], "{name}");
    }
    assert!(replaced.body["updated_at"].as_str() > created.body["updated_at"].as_str());
    assert_eq!(scores(&app, "").await, [replaced.body]);

    // A metric is any text, and its address leads to it.
    let odd = put(&app, &json!({ "metric": "a&b=é ~%#", "value": 1e308 })).await;
    assert_eq!(odd.header("location"), "/listings/1/scores?metric=a%26b%3D%C3%A9%20~%25%23");
    let found = ask(&app, "GET", odd.header("location"), READER, None).await;
    assert_eq!(found.body["items"], json!([odd.body]));
}

#[tokio::test]
async fn of_many_at_once_one_creates_and_each_counts() {
    let database = TestDatabase::migrated().await;
    let apps: Vec<App> = (0..8).map(|_| database.app()).collect();
    create(&apps[0], &smallest("1")).await;
    let body = score(1.0);
    let answers = futures_util::future::join_all(apps.iter().map(|app| put(app, &body))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    let mut tags: Vec<&str> = answers.iter().map(|answer| answer.header("etag")).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["\"1\"", "\"2\"", "\"3\"", "\"4\"", "\"5\"", "\"6\"", "\"7\"", "\"8\""]);
}

#[tokio::test]
async fn a_late_retry_does_not_undo_what_came_after() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    create(&app, &smallest("1")).await;
    let put = async |key: &str, body: &Value| {
        let mut request = request("POST", SCORES, INGESTER, Some(body));
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        answer(route(&app, request)).await
    };
    assert_eq!(put("first", &score(1.0)).await.status, 201);
    assert_eq!(put("second", &score(2.0)).await.status, 200);
    for (key, value, status) in [("first", 1.0, 201), ("second", 2.0, 200)] {
        let again = put(key, &score(value)).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (status, "true"));
        assert_eq!(again.body["value"], value);
    }
    assert_eq!(put("first", &score(2.0)).await.status, 422);
    assert_eq!(put(&"k".repeat(256), &score(3.0)).await.status, 400);
    assert_eq!(scores(&app, "").await[0]["value"], 2.0);
}

#[tokio::test]
async fn scores_are_paged_newest_first_and_their_listings_are_kept_apart() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for id in ["1", "2"] {
        create(&app, &smallest(id)).await;
    }
    for metric in ["a", "b", "c"] {
        put(&app, &json!({ "metric": metric, "value": 0 })).await;
        let other = json!({ "metric": metric, "value": 9 });
        ask(&app, "POST", "/listings/2/scores", INGESTER, Some(&other)).await;
    }
    let metrics = async |query: &str| {
        let (mut metrics, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ask(&app, "GET", &format!("{SCORES}?limit=1{query}{cursor}"), READER, None).await;
            for score in page.body["items"].as_array().unwrap() {
                assert_eq!(score["listing_id"], 1);
                metrics.push(score["metric"].as_str().unwrap().to_owned());
            }
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return metrics,
            }
        }
    };
    assert_eq!(metrics("").await, ["c", "b", "a"]);
    assert_eq!(metrics("&sort=created_at").await, ["a", "b", "c"]);
    assert_eq!(metrics("&metric=b").await, ["b"]);
    assert_eq!(metrics("&metric=none").await, [""; 0]);
    // The cursor of one listing's scores is not another's.
    let cursor =
        ask(&app, "GET", &format!("{SCORES}?limit=1"), READER, None).await.body["next_cursor"].clone();
    let path = format!("/listings/2/scores?limit=1&cursor={}", cursor.as_str().unwrap());
    assert_eq!(ask(&app, "GET", &path, READER, None).await.status, 400);
}

#[tokio::test]
async fn a_listing_that_is_missing_has_no_scores_to_read_or_write() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let missing = ask(&app, "GET", "/listings/9", READER, None).await;
    for path in ["/listings/9/scores", "/listings/abc/scores", "/listings/0/scores", "/listings//scores"] {
        assert_eq!(ask(&app, "GET", path, READER, None).await, missing, "{path}");
        assert_eq!(ask(&app, "POST", path, INGESTER, Some(&score(1.0))).await, missing, "{path}");
    }
    assert_eq!(ask(&app, "GET", "/listings/9/scores?metric=a&limit=1", READER, None).await, missing);
    create(&app, &smallest("1")).await;
    for path in ["/listings/1/scores/1", "/listings/1/scores/", "/listings/1/score"] {
        assert_eq!(ask(&app, "GET", path, READER, None).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn scores_that_make_no_sense_are_refused_and_change_nothing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    create(&app, &smallest("1")).await;
    let before = put(&app, &score(5.0)).await.body;
    for (field, value) in [
        ("metric", json!("")),
        ("metric", json!("x".repeat(51))),
        ("metric", json!("deal_score\u{0}")),
        ("metric", Value::Null),
        ("value", json!("90")),
        ("value", Value::Null),
        ("value", json!(true)),
        ("snapshot", json!([])),
        ("snapshot", json!({ "a": "\u{0}" })),
        ("snapshot", json!({ "a": "x".repeat(10_001) })),
        ("id", json!(7)),
        ("listing_id", json!(1)),
        ("version", json!(7)),
        ("created_at", json!("2026-01-01T00:00:00Z")),
        ("updated_at", Value::Null),
    ] {
        let mut body = score(1.0);
        body[field] = value.clone();
        let refused = put(&app, &body).await;
        let pointer = json!(format!("/{field}"));
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &pointer),
            "{field} {value}"
        );
    }
    for bytes in
        ["", "[]", "{\"metric\":\"deal_score\",\"value\":1e400}", "{\"metric\":\"deal_score\",\"value\":NaN}"]
    {
        let request = raw_request("POST", SCORES, INGESTER, Some(("application/json", bytes.as_bytes())));
        assert_eq!(answer(route(&app, request)).await.status, 400, "{bytes}");
    }
    for (query, name) in [
        ("sort=value", "sort"),
        ("metric=", "metric"),
        ("listing_id=2", "listing_id"),
        ("cursor=abc", "cursor"),
    ] {
        let refused = ask(&app, "GET", &format!("{SCORES}?{query}"), READER, None).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["parameter"]), (400, &json!(name)), "{query}");
    }
    assert_eq!(ask(&app, "POST", SCORES, READER, Some(&score(1.0))).await.status, 403);
    for method in ["GET", "POST"] {
        assert_eq!(ask(&app, method, SCORES, "", None).await.status, 401, "{method}");
    }
    assert_eq!(scores(&app, "").await, [before]);
}
