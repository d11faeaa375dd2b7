//! What callers do with comparable sales, from request to answer, against real servers.

mod batch;

use serde_json::{Value, json};
use shared::App;
use shared::testing::bad_input::{self, Resource};
use shared::testing::{Answer, INGESTER, READER, TestDatabase, answer, request, routed_paths};

use super::route;

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, path, caller, body))).await
}

async fn ask_with(
    app: &App,
    (method, path, caller): (&str, &str, &str),
    (header, value): (&'static str, &str),
    body: Option<&Value>,
) -> Answer {
    let mut request = request(method, path, caller, body);
    request.headers_mut().insert(header, value.parse().unwrap());
    answer(route(app, request)).await
}

fn couch() -> Value {
    json!({
        "category": "furniture>sofas",
        "title": "Mid-century couch",
        "price_cents": 22000,
        "currency": "EUR",
        "condition": "good",
        "kind": "asking",
        "source": "ebay",
        "source_id": "110553",
        "observed_at": "2026-11-20T12:00:00Z",
        "lat": 37.3382,
        "lng": -121.8863,
        "metadata": { "sold": true, "bids": 7 }
    })
}

fn smallest(title: &str) -> Value {
    json!({ "category": "a", "title": title, "price_cents": 0, "source": "s" })
}

#[tokio::test]
async fn a_comp_is_created_read_changed_and_deleted() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let created = ask(&app, "POST", "/comps", INGESTER, Some(&couch())).await;
    assert_eq!(
        (created.status, created.header("location"), created.header("etag")),
        (201, "/comps/1", "\"1\"")
    );
    for (name, value) in couch().as_object().unwrap() {
        assert_eq!(&created.body[name], value, "{name}");
    }
    let read = ask(&app, "GET", "/comps/1", READER, None).await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    let known = ask_with(&app, ("GET", "/comps/1", READER), ("if-none-match", "\"1\""), None).await;
    assert_eq!((known.status, known.body), (304, Value::Null));

    let patch = json!({
        "category": "c", "title": "t", "price_cents": 0, "currency": "USD", "condition": null, "source": "s",
        "kind": "sold", "source_id": null, "lat": null, "lng": null, "observed_at": "2026-11-21T12:00:00Z", "metadata": { "sold": null, "bids": null }
    });
    let changed = ask(&app, "PATCH", "/comps/1", INGESTER, Some(&patch)).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    for (name, value) in patch.as_object().unwrap() {
        let value = if name == "metadata" { &json!({}) } else { value };
        assert_eq!(&changed.body[name], value, "{name}");
    }
    assert!(changed.body["updated_at"].as_str() > changed.body["created_at"].as_str());
    let untouched = ask(&app, "PATCH", "/comps/1", INGESTER, Some(&json!({}))).await;
    assert_eq!((&untouched.body["title"], untouched.header("etag")), (&json!("t"), "\"3\""));

    for (method, body) in [("PATCH", Some(&patch)), ("DELETE", None)] {
        let stale = ask_with(&app, (method, "/comps/1", INGESTER), ("if-match", "\"1\""), body).await;
        assert_eq!(stale.status, 412, "{method}");
    }
    assert_eq!(
        ask_with(&app, ("DELETE", "/comps/1", INGESTER), ("if-match", "\"3\""), None).await.status,
        204
    );
    for (method, body) in [("GET", None), ("PATCH", Some(&patch)), ("DELETE", None)] {
        assert_eq!(ask(&app, method, "/comps/1", INGESTER, body).await.status, 404, "{method}");
    }
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let created = ask(&app, "POST", "/comps", INGESTER, Some(&smallest("t"))).await;
    assert_eq!(created.status, 201);
    for (name, value) in [
        ("currency", json!("USD")),
        ("condition", Value::Null),
        ("kind", json!("sold")),
        ("source_id", Value::Null),
        ("lat", Value::Null),
        ("lng", Value::Null),
        ("metadata", json!({})),
    ] {
        assert_eq!(created.body[name], value, "{name}");
    }
    assert_eq!(created.body["observed_at"], created.body["created_at"]);
    let missing = ask(&app, "POST", "/comps", INGESTER, Some(&json!({}))).await;
    let pointers: Vec<_> = missing.body["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/category", "/title", "/price_cents", "/source"]);
}

#[tokio::test]
async fn a_source_has_a_comp_once_and_a_place_has_two_coordinates() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/comps", INGESTER, Some(&couch())).await;
    let taken = ask(&app, "POST", "/comps", INGESTER, Some(&couch())).await;
    assert_eq!(
        (taken.status, &taken.body["detail"]),
        (409, &json!("the source has a comp with this source_id already"))
    );
    // Without an id of their own there may be many.
    for _ in 0..2 {
        assert_eq!(ask(&app, "POST", "/comps", INGESTER, Some(&smallest("t"))).await.status, 201);
    }
    let newest = ask(&app, "GET", "/comps?sort=-created_at&limit=1", READER, None).await;
    let path = format!("/comps/{}", newest.body["items"][0]["id"]);
    let patch = json!({ "source": "ebay", "source_id": "110553" });
    assert_eq!(ask(&app, "PATCH", &path, INGESTER, Some(&patch)).await.status, 409);

    let mut half = couch();
    half["lng"] = Value::Null;
    for (method, path, body) in [
        ("POST", "/comps", half),
        ("PATCH", "/comps/1", json!({ "lat": null })),
        ("PATCH", &path, json!({ "lng": 1 })),
    ] {
        let refused = ask(&app, method, path, INGESTER, Some(&body)).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!("/lng")),
            "{method}"
        );
    }
    let mut dear = smallest("t");
    dear["price_cents"] = 1_000_000_000_000_i64.into();
    let refused = ask(&app, "POST", "/comps", INGESTER, Some(&dear)).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/price_cents")));
}

#[tokio::test]
async fn a_repeated_post_with_its_key_is_answered_again_and_creates_nothing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let post = async |caller: &str, body: &Value| {
        ask_with(&app, ("POST", "/comps", caller), ("idempotency-key", "k-1"), Some(body)).await
    };
    let first = post(INGESTER, &couch()).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    let again = post(INGESTER, &couch()).await;
    assert_eq!((again.status, again.header("idempotent-replayed"), &again.body), (201, "true", &first.body));
    assert_eq!(
        (again.header("location"), again.header("etag")),
        (first.header("location"), first.header("etag"))
    );
    assert_eq!(post(INGESTER, &smallest("t")).await.status, 422);
    // Another caller's key is another key.
    let others = post("other deals/ingest", &smallest("t")).await;
    assert_eq!((others.status, others.header("location")), (201, "/comps/2"));
    let items = ask(&app, "GET", "/comps", READER, None).await.body["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn comps_are_listed_newest_first_filtered_and_ranked() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for (title, day) in [("Oak desk", 3), ("Desktop computer", 1), ("Desk lamp for a desk", 2)] {
        let mut comp = smallest(title);
        comp["observed_at"] = json!(format!("2026-11-0{day}T00:00:00Z"));
        comp["price_cents"] = json!(day * 100);
        assert_eq!(ask(&app, "POST", "/comps", INGESTER, Some(&comp)).await.status, 201);
    }
    let found = async |query: &str| {
        let answer = ask(&app, "GET", &format!("/comps?{query}"), READER, None).await;
        assert_eq!(answer.status, 200, "{query} {}", answer.body);
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("").await, ["Oak desk", "Desk lamp for a desk", "Desktop computer"]);
    assert_eq!(
        found("sort=price_cents&price_cents_max=200").await,
        ["Desktop computer", "Desk lamp for a desk"]
    );
    assert_eq!(found("observed_at_min=2026-11-03T00:00:00Z").await, ["Oak desk"]);
    assert_eq!(found("kind=asking").await, [""; 0]);
    assert_eq!(found("kind=sold&q=lamp").await, ["Desk lamp for a desk"]);
    assert_eq!(found("q=desks&sort=-relevance").await, ["Desk lamp for a desk", "Oak desk"]);
    assert_eq!(
        found("q=desk*&sort=observed_at").await,
        ["Desktop computer", "Desk lamp for a desk", "Oak desk"]
    );
    for (query, name) in [
        ("sort=relevance", "sort"),
        ("observed_at_min=yesterday", "observed_at_min"),
        ("observed_at_max=1969-12-31T23:59:59Z", "observed_at_max"),
        ("price_cents_min=-1", "price_cents_min"),
        ("condition=like_new", "condition"),
        ("kind=offered", "kind"),
        ("currency=ZZZ", "currency"),
        ("q=", "q"),
    ] {
        let answer = ask(&app, "GET", &format!("/comps?{query}"), READER, None).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["parameter"]), (400, &json!(name)), "{query}");
    }
}

#[tokio::test]
async fn only_ingesters_write_and_only_callers_read() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/comps", INGESTER, Some(&couch())).await;
    for (method, path) in
        [("POST", "/comps"), ("POST", "/comps/batch"), ("PATCH", "/comps/1"), ("DELETE", "/comps/1")]
    {
        for scopes in [READER, "reader deals/admin"] {
            assert_eq!(
                ask(&app, method, path, scopes, Some(&couch())).await.status,
                403,
                "{method} {scopes}"
            );
        }
    }
    for (method, path) in [("GET", "/comps"), ("GET", "/comps/1"), ("POST", "/comps"), ("DELETE", "/comps/1")]
    {
        assert_eq!(ask(&app, method, path, "", None).await.status, 401, "{method} {path}");
    }
    assert_eq!(ask(&app, "GET", "/comps/1", READER, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn every_routed_path_is_served_and_a_wrong_verb_is_told_the_right_ones() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    assert_eq!(routed_paths("comps"), ["/comps", "/comps/batch", "/comps/{id}"]);
    for (path, allowed) in
        [("/comps", "GET, POST"), ("/comps/batch", "POST"), ("/comps/1", "GET, PATCH, DELETE")]
    {
        let refused = ask(&app, "PUT", path, INGESTER, None).await;
        assert_eq!((refused.status, refused.header("allow")), (405, allowed));
    }
}

#[tokio::test]
async fn bad_input_is_refused_for_what_it_is_and_changes_nothing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for title in ["a", "b"] {
        ask(&app, "POST", "/comps", INGESTER, Some(&smallest(title))).await;
    }
    let comps = Resource {
        path: "/comps",
        table: "comps",
        caller: INGESTER,
        sample: couch(),
        text: "title",
        money: Some("price_cents"),
        sort: "price_cents",
        filter: "category=a",
    };
    bad_input::is_refused(&database, &comps, async |request| answer(route(&app, request)).await).await;
}
