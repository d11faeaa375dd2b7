//! What is refused, and how it is told.

use serde_json::{Value, json};
use shared::App;
use shared::testing::bad_input::{self, Resource};
use shared::testing::{INGESTER, READER, TestDatabase, answer, event_request, routed_paths};

use super::super::route;
use super::{ask, couch, create, smallest};

#[tokio::test]
async fn half_a_place_is_refused_whether_it_is_created_or_patched() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let mut half = couch();
    half["lng"] = Value::Null;
    create(&app, &couch()).await;
    let errors = json!([{ "pointer": "/lng", "detail": "must be given together with lat, or neither" }]);
    for answer in [
        create(&app, &half).await,
        ask(&app, "PATCH", "/listings/1", INGESTER, Some(&json!({ "lat": null }))).await,
    ] {
        assert_eq!((answer.status, &answer.body["errors"]), (422, &errors));
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_body_is_said_at_once_and_nothing_is_stored() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let wrong = json!({
        "source": "", "source_id": "x".repeat(121), "title": 5, "description": "nul \u{0}", "price_cents": -1,
        "currency": "usd", "condition": "like_new", "category": "", "url": "ftp://a", "thumbnail_url": "a",
        "lat": 90.1, "lng": "east", "posted_at": "yesterday", "available": 1, "id": 7, "created_at": null, "a/b~c": 1
    });
    let answer = create(&app, &wrong).await;
    assert_eq!(answer.status, 422);
    let mut pointers: Vec<&str> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    let expected = [
        "/available",
        "/a~1b~0c",
        "/category",
        "/condition",
        "/created_at",
        "/currency",
        "/description",
        "/id",
        "/lat",
        "/lng",
        "/posted_at",
        "/price_cents",
        "/source",
        "/source_id",
        "/thumbnail_url",
        "/title",
        "/url",
    ];
    assert_eq!(pointers, expected);
    let mut enumerated = couch();
    enumerated["condition"] = json!({ "good": null });
    assert_eq!(create(&app, &enumerated).await.status, 422);
    let missing = create(&app, &json!({})).await;
    assert_eq!(missing.body["errors"].as_array().unwrap().len(), 4, "{}", missing.body);
    assert_eq!(ask(&app, "GET", "/listings", READER, None).await.body["items"], json!([]));
}

#[tokio::test]
async fn bad_input_is_refused_for_what_it_is_and_changes_nothing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for id in ["1", "2"] {
        create(&app, &smallest(id)).await;
    }
    let listings = Resource {
        path: "/listings",
        table: "listings",
        caller: INGESTER,
        sample: couch(),
        text: "title",
        money: Some("price_cents"),
        sort: "price_cents",
        filter: "source=s",
    };
    bad_input::is_refused(&database, &listings, async |request| answer(route(&app, request)).await).await;
}

#[tokio::test]
async fn an_answer_stays_small_whatever_was_sent() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let long = "\u{7f}".repeat(900_000);
    let many =
        (0..50_000).map(|number| (format!("field{number}"), Value::Null)).collect::<serde_json::Map<_, _>>();
    for body in [json!({ "lat": long }), json!({ "condition": long }), json!({ long: 1 }), many.into()] {
        let answer = create(&app, &body).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.to_string().len() < 40_000, "{}", answer.body.to_string().len());
    }
    let query = format!("/listings?{}=1&condition={}", "a".repeat(5000), "b".repeat(5000));
    let answer = ask(&app, "GET", &query, READER, None).await;
    assert!(answer.status == 400 && answer.body.to_string().len() < 2_000);
}

#[tokio::test]
async fn requests_that_are_no_uri_are_served() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let mut event: Value =
        serde_json::from_str(include_str!("../../../../events/listings_list.json")).unwrap();
    for (name, value) in
        [("x-forwarded-proto", "1"), ("host", "a b"), ("host", ""), ("x-forwarded-proto", "")]
    {
        event["headers"][name] = value.into();
        assert_eq!(
            answer(route(&app, event_request(&event.to_string()))).await.status,
            200,
            "{name}: {value}"
        );
    }
    event["requestContext"]["domainName"] = "a b".into();
    event["rawQueryString"] = "q=<\"a b\">é#^`{|}[]\\%41".into();
    assert_eq!(answer(route(&app, event_request(&event.to_string()))).await.status, 200);
    for path in
        ["/listings/a b", "/listings/é", "/listings/%", "/listings/\u{1}", "/listings/?", "/listings/#", "//"]
    {
        event["rawPath"] = path.into();
        assert_eq!(answer(route(&app, event_request(&event.to_string()))).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_by_name() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let cases = [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("page=2", "page"),
        ("sort=title", "sort"),
        ("sort=distance", "sort"),
        ("radius_mi=5", "radius_mi"),
        ("near=1,1&radius_mi=0", "radius_mi"),
        ("near=1,1&radius_mi=NaN", "radius_mi"),
        ("near=91,0", "near"),
        ("near=1", "near"),
        ("near=NaN,0", "near"),
        ("condition=like_new", "condition"),
        ("available=yes", "available"),
        ("price_cents_min=-1", "price_cents_min"),
        ("price_cents_max=99999999999999999999", "price_cents_max"),
        ("currency=usd", "currency"),
        ("source=", "source"),
        ("sort=-relevance", "sort"),
        ("q=", "q"),
        ("q=a%27b*", "q"),
        ("q=%00", "q"),
        ("q=%ff", "q"),
        ("cursor=abc", "cursor"),
        ("cursor=", "cursor"),
    ];
    for (query, name) in cases {
        let answer = ask(&app, "GET", &format!("/listings?{query}"), READER, None).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.body["errors"][0]["parameter"], name, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_serves_its_own_list_alone() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for id in 0..3 {
        create(&app, &smallest(&id.to_string())).await;
    }
    let first = ask(&app, "GET", "/listings?source=s&sort=posted_at&limit=1", READER, None).await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let ask = async |query: String| {
        let answer = ask(&app, "GET", &format!("/listings?{query}&cursor={cursor}"), READER, None).await;
        (answer.status, answer.body["errors"][0]["detail"].as_str().unwrap_or_default().to_owned())
    };
    // Another page size and another order of the parameters are the same list.
    assert_eq!(ask("sort=posted_at&limit=2&source=s".into()).await.0, 200);
    for other in ["source=s", "source=s&sort=-posted_at", "sort=posted_at", "source=t&sort=posted_at"] {
        assert_eq!(ask(other.into()).await, (400, "belongs to another filter or sort".into()), "{other}");
    }
}

#[tokio::test]
async fn ids_that_cannot_be_are_like_ids_that_are_not() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let missing = ask(&app, "GET", "/listings/99", READER, None).await;
    assert_eq!(missing.status, 404);
    for id in ["abc", "0", "-1", "+1", "1.0", "9223372036854775808", "%27%20or%201=1", "", "1%20"] {
        assert_eq!(ask(&app, "GET", &format!("/listings/{id}"), READER, None).await, missing, "{id}");
    }
}

#[tokio::test]
async fn callers_without_claims_or_scope_are_refused() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for (method, path) in
        [("GET", "/listings"), ("POST", "/listings"), ("GET", "/listings/1"), ("PUT", "/listings/1")]
    {
        let answer = ask(&app, method, path, "", None).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{method} {path}");
    }
    for (method, path) in [("POST", "/listings"), ("PATCH", "/listings/1"), ("DELETE", "/listings/1")] {
        for scopes in ["reader", "reader deals/admin", "reader deals/ingester xdeals/ingest"] {
            assert_eq!(
                ask(&app, method, path, scopes, Some(&couch())).await.status,
                403,
                "{method} {path} {scopes}"
            );
        }
    }
}

#[tokio::test]
async fn every_routed_path_is_served_and_a_wrong_verb_is_told_the_right_ones() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let verbs = async |path: &str| {
        for verb in ["PUT", "HEAD", "OPTIONS", "TRACE"] {
            assert_eq!(ask(&app, verb, path, INGESTER, None).await.status, 405, "{verb} {path}");
        }
        ask(&app, "PUT", path, INGESTER, None).await.header("allow").to_owned()
    };
    let paths = [
        "/listings",
        "/listings/batch",
        "/listings/{id}",
        "/listings/{id}/price-history",
        "/listings/{id}/scores",
        "/listings/{id}/valuation",
    ];
    assert_eq!(routed_paths("listings"), paths);
    assert_eq!(verbs("/listings").await, "GET, POST");
    assert_eq!(verbs("/listings/batch").await, "POST");
    assert_eq!(verbs("/listings/1/price-history").await, "GET");
    assert_eq!(verbs("/listings/1").await, "GET, PATCH, DELETE");
    assert_eq!(verbs("/listings/1/scores").await, "GET, POST");
    assert_eq!(verbs("/listings/1/valuation").await, "GET");
    for path in ["/listings/1/2", "/other", "/"] {
        assert_eq!(ask(&app, "GET", path, READER, None).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_database_that_is_down_is_told_without_its_name() {
    let database = TestDatabase::migrated().await;
    let mut config = database.config.clone();
    config.port = 1;
    let app = App::new(shared::testing::config(&config), shared::Role::App);
    let answer = ask(&app, "GET", "/listings/1", READER, None).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    let expected = json!({
        "type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "temporarily unavailable",
        "instance": "the-request-id"
    });
    assert_eq!(answer.body, expected);
}
