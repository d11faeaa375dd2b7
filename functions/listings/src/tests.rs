//! What callers do with listings, from request to answer, against real servers.

mod batch;
mod refusals;
mod scores;
mod valuation;

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, INGESTER, READER, TestDatabase, answer, event_request, raw_request, request};

use super::route;

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, path, caller, body))).await
}

async fn create(app: &App, listing: &Value) -> Answer {
    ask(app, "POST", "/listings", INGESTER, Some(listing)).await
}

async fn ask_if(
    app: &App,
    method: &str,
    path: &str,
    header: &'static str,
    value: &str,
    body: Option<&Value>,
) -> Answer {
    let mut request = request(method, path, INGESTER, body);
    request.headers_mut().insert(header, value.parse().unwrap());
    answer(route(app, request)).await
}

fn couch() -> Value {
    json!({
        "source": "craigslist",
        "source_id": "7712345678",
        "title": "Mid-century couch",
        "description": "Three seats",
        "price_cents": 15000,
        "currency": "EUR",
        "condition": "good",
        "category": "furniture>sofas",
        "url": "https://example.com/7712345678",
        "thumbnail_url": "https://example.com/7712345678.jpg",
        "lat": 37.3382,
        "lng": -121.8863,
        "location_text": "San Jose",
        "posted_at": "2026-11-22T18:30:00Z",
        "available": false
    })
}

fn smallest(source_id: &str) -> Value {
    json!({ "source": "s", "source_id": source_id, "title": "t", "url": "http://a" })
}

/// What a caller sent, as it comes back.
fn without_server_owned(listing: &Value) -> Value {
    let mut listing = listing.clone();
    for name in ["id", "created_at", "updated_at", "last_seen_at"] {
        assert!(
            listing.as_object_mut().unwrap().remove(name).is_some_and(|value| !value.is_null()),
            "{name}"
        );
    }
    listing
}

#[tokio::test]
async fn a_listing_is_created_and_read_as_it_was_sent() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let created = create(&app, &couch()).await;
    assert_eq!(created.status, 201);
    assert_eq!(without_server_owned(&created.body), couch());
    assert_eq!((created.header("location"), created.header("etag")), ("/listings/1", "\"1\""));

    let read = ask(&app, "GET", "/listings/1", READER, None).await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    assert_eq!((read.header("etag"), read.header("content-type")), ("\"1\"", "application/json"));
    for (name, value) in [
        ("x-request-id", "the-request-id"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(read.header(name), value);
    }
}

#[tokio::test]
async fn what_is_left_out_has_its_default_and_an_unknown_price_is_not_a_free_one() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let created = create(&app, &smallest("1")).await;
    let expected = json!({
        "source": "s", "source_id": "1", "title": "t", "description": null, "price_cents": null, "currency": "USD",
        "condition": null, "category": null, "url": "http://a", "thumbnail_url": null, "lat": null, "lng": null,
        "location_text": null, "posted_at": null, "available": true
    });
    assert_eq!(without_server_owned(&created.body), expected);
    let mut free = smallest("2");
    free["price_cents"] = 0.into();
    assert_eq!(create(&app, &free).await.body["price_cents"], 0);
}

#[tokio::test]
async fn a_place_next_to_the_equator_is_a_place() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for (index, [lat, lng]) in
        [[5e-324, -2.4e-32], [90.0, 5e-324], [-1e-12, 1e-12], [-90.0, -1e-300]].iter().enumerate()
    {
        let mut listing = smallest(&index.to_string());
        (listing["lat"], listing["lng"]) = ((*lat).into(), (*lng).into());
        let created = create(&app, &listing).await;
        assert_eq!(created.status, 201, "{lat},{lng}: {:?}", created.body);
        let nearest = ask(&app, "GET", &format!("/listings?near={lat},{lng}&limit=1"), READER, None).await;
        assert_eq!(
            (nearest.status, &nearest.body["items"][0]["distance_mi"]),
            (200, &json!(0.0)),
            "{lat},{lng}"
        );
    }
    assert_eq!(ask(&app, "GET", "/listings/1", READER, None).await.body["lat"], 0.0);
}

#[tokio::test]
async fn a_patch_leaves_what_is_absent_and_clears_what_is_null() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    create(&app, &couch()).await;
    let patch =
        json!({ "title": "Walnut couch", "price_cents": 0, "description": null, "condition": "great" });
    let patched = ask(&app, "PATCH", "/listings/1", INGESTER, Some(&patch)).await;
    let mut expected = couch();
    for (name, value) in patch.as_object().unwrap() {
        expected[name] = value.clone();
    }
    assert_eq!((patched.status, without_server_owned(&patched.body)), (200, expected));
    assert_eq!(patched.header("etag"), "\"2\"");

    // Every field that may be null, at once.
    let nullable = [
        "description",
        "price_cents",
        "condition",
        "category",
        "thumbnail_url",
        "lat",
        "lng",
        "location_text",
        "posted_at",
    ];
    let clear =
        nullable.iter().map(|name| ((*name).to_owned(), Value::Null)).collect::<serde_json::Map<_, _>>();
    let cleared = ask(&app, "PATCH", "/listings/1", INGESTER, Some(&clear.into())).await;
    assert_eq!(cleared.status, 200);
    for name in nullable {
        assert_eq!(cleared.body[name], Value::Null, "{name}");
    }
    // And every field set again.
    let restored = ask(&app, "PATCH", "/listings/1", INGESTER, Some(&couch())).await;
    assert_eq!(without_server_owned(&restored.body), couch());
    assert!(restored.body["updated_at"].as_str() > restored.body["created_at"].as_str());

    // By its own media type too, which only a patch has.
    for (method, path, status) in [("PATCH", "/listings/1", 200), ("POST", "/listings", 415)] {
        let body = ("application/merge-patch+json; charset=utf-8", &b"{}"[..]);
        assert_eq!(answer(route(&app, raw_request(method, path, INGESTER, Some(body)))).await.status, status);
    }

    let null =
        ask(&app, "PATCH", "/listings/1", INGESTER, Some(&json!({ "title": null, "available": null }))).await;
    assert_eq!(null.status, 422);
    let errors = json!([
        { "pointer": "/title", "detail": "must not be null" },
        { "pointer": "/available", "detail": "must not be null" }
    ]);
    assert_eq!(null.body["errors"], errors);
}

#[tokio::test]
async fn the_same_listing_twice_at_once_is_created_once() {
    let database = TestDatabase::migrated().await;
    let apps = [database.app(), database.app()];
    for round in 0..10 {
        let listing = smallest(&round.to_string());
        let (a, b) = tokio::join!(create(&apps[0], &listing), create(&apps[1], &listing));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        let refused = if a.status == 409 { a } else { b };
        assert_eq!(
            refused.body,
            json!({
                "type": "about:blank", "title": "Conflict", "status": 409, "instance": "the-request-id",
                "detail": "the source has a listing with this source_id already"
            })
        );
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    // The same id at another source is another listing; and a patch cannot take what is taken.
    let mut elsewhere = smallest("0");
    elsewhere["source"] = "other".into();
    let created = create(&apps[0], &elsewhere).await;
    assert_eq!(created.status, 201);
    let patch =
        ask(&apps[0], "PATCH", created.header("location"), INGESTER, Some(&json!({ "source": "s" }))).await;
    assert_eq!(patch.status, 409);
}

#[tokio::test]
async fn a_change_that_names_an_old_version_is_refused_and_of_many_at_once_one_wins() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    create(&app, &couch()).await;
    let title = |title: &str| Some(json!({ "title": title }));
    let change = |value: &'static str| ask_if(&app, "PATCH", "/listings/1", "if-match", value, None);
    assert_eq!(change("\"9\"").await.status, 400, "a body is needed first");
    for stale in ["\"9\"", "W/\"1\"", "\"abc\""] {
        let answer = ask_if(&app, "PATCH", "/listings/1", "if-match", stale, title("x").as_ref()).await;
        assert_eq!(answer.status, 412, "{stale}");
        assert_eq!(
            ask_if(&app, "DELETE", "/listings/1", "if-match", stale, None).await.status,
            412,
            "{stale}"
        );
    }
    for missing in ["PATCH", "DELETE"] {
        let answer = ask_if(&app, missing, "/listings/99", "if-match", "\"1\"", title("x").as_ref()).await;
        assert_eq!(answer.status, 404);
    }
    assert_eq!(
        ask_if(&app, "PATCH", "/listings/1", "if-match", "*", title("any").as_ref()).await.status,
        200
    );

    let apps: Vec<App> = (0..8).map(|_| database.app()).collect();
    let body = title("mine");
    let changes =
        apps.iter().map(|app| ask_if(app, "PATCH", "/listings/1", "if-match", "\"2\"", body.as_ref()));
    let mut statuses = Vec::new();
    for answer in futures_util::future::join_all(changes).await {
        statuses.push(answer.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(ask_if(&app, "DELETE", "/listings/1", "if-match", "\"3\"", None).await.status, 204);
}

#[tokio::test]
async fn a_version_that_the_caller_has_is_not_sent_again() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    create(&app, &couch()).await;
    for known in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let answer = ask_if(&app, "GET", "/listings/1", "if-none-match", known, None).await;
        assert_eq!(
            (answer.status, &answer.body, answer.header("etag")),
            (304, &Value::Null, "\"1\""),
            "{known}"
        );
    }
    assert_eq!(ask_if(&app, "GET", "/listings/1", "if-none-match", "\"2\"", None).await.status, 200);
    // A change is no question: what it made is told in any case.
    let body = json!({ "title": "Walnut couch" });
    let patched = ask_if(&app, "PATCH", "/listings/1", "if-none-match", "*", Some(&body)).await;
    assert_eq!((patched.status, &patched.body["title"]), (200, &body["title"]));
}

#[tokio::test]
async fn a_listing_is_deleted_with_its_scores() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    create(&app, &couch()).await;
    let owner = database.owner().await;
    let score = "insert into listing_scores (listing_id, metric, value) values (1, 'deal_score', 90)";
    owner.batch_execute(score).await.unwrap();

    let deleted = ask(&app, "DELETE", "/listings/1", INGESTER, None).await;
    assert_eq!((deleted.status, deleted.body), (204, Value::Null));
    let scores = owner.query_one("select count(*) from listing_scores", &[]).await.unwrap();
    assert_eq!(scores.get::<_, i64>(0), 0);
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(&app, method, "/listings/1", INGESTER, None).await.status, 404);
    }
}

/// The gateway's own events, and those of `cargo lambda watch`, are served alike.
#[tokio::test]
async fn recorded_events_are_served() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let send = async |event: &str| answer(route(&app, event_request(event))).await;
    let created = send(include_str!("../../../events/listings_create.json")).await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    let listed = send(include_str!("../../../events/listings_list.json")).await;
    assert_eq!((listed.status, &listed.body["items"][0]), (200, &created.body));
    assert_eq!(send(include_str!("../../../events/listings_get.json")).await.body, created.body);
    let updated = send(include_str!("../../../events/listings_update.json")).await;
    assert_eq!((updated.status, &updated.body["price_cents"]), (200, &json!(12000)));
    assert_eq!(send(include_str!("../../../events/listings_delete.json")).await.status, 204);

    let mut event: Value = serde_json::from_str(include_str!("../../../events/listings_get.json")).unwrap();
    event["requestContext"]["authorizer"] = Value::Null;
    let mut locked = database.app();
    locked.development_identity = None;
    let answer = answer(route(&locked, event_request(&event.to_string()))).await;
    assert_eq!(answer.status, 401, "a header alone is nobody");
    // Behind a stage's prefix.
    event = serde_json::from_str(include_str!("../../../events/listings_list.json")).unwrap();
    event["rawPath"] = "/dev/listings".into();
    event["requestContext"]["stage"] = "dev".into();
    assert_eq!(send(&event.to_string()).await.status, 200);
}
