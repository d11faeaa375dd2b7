//! What callers do with their saved searches, from request to answer, against real servers.

use serde_json::{Value, json};
use shared::App;
use shared::testing::bad_input::{self, Resource};
use shared::testing::{Answer, TestDatabase, answer, event_request, request, routed_paths};

use super::route;

const ANNA: &str = "anna";
const BEN: &str = "ben";

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, path, caller, body))).await
}

fn desks() -> Value {
    json!({
        "name": "Walnut desks nearby",
        "words_include": ["walnut", "standing desk"],
        "words_exclude": ["broken"],
        "category": "furniture>desks",
        "currency": "EUR",
        "min_price_cents": 1000,
        "max_price_cents": 30000,
        "min_condition": "good",
        "lat": 37.34,
        "lng": -121.89,
        "radius_mi": 25,
        "min_score": 70.5,
        "channels": ["email", "webhook"],
        "delivery": "digest",
        "paused": true
    })
}

#[tokio::test]
async fn a_search_is_saved_read_changed_and_deleted() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let created = ask(&app, "POST", "/saved-searches", ANNA, Some(&desks())).await;
    assert_eq!((created.status, created.header("location")), (201, "/saved-searches/1"));
    for (name, value) in desks().as_object().unwrap() {
        assert_eq!(&created.body[name], value, "{name}");
    }
    let read = ask(&app, "GET", "/saved-searches/1", ANNA, None).await;
    assert_eq!((read.status, &read.body, read.header("etag")), (200, &created.body, "\"1\""));

    let patch = json!({
        "name": "Desks", "words_include": ["desk"], "words_exclude": null, "category": null, "min_price_cents": null,
        "max_price_cents": null, "min_condition": null, "lat": null, "lng": null, "radius_mi": null, "min_score": null,
        "channels": null, "delivery": null, "paused": false
    });
    let changed = ask(&app, "PATCH", "/saved-searches/1", ANNA, Some(&patch)).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    for (name, value) in patch.as_object().unwrap() {
        let expected = if name == "words_exclude" { &json!([]) } else { value };
        assert_eq!(&changed.body[name], expected, "{name}");
    }
    assert_eq!(changed.body["currency"], "EUR");
    let nothing = ask(&app, "PATCH", "/saved-searches/1", ANNA, Some(&json!({}))).await;
    assert_eq!((nothing.status, &nothing.body["words_include"]), (200, &json!(["desk"])));

    let bare = ask(&app, "POST", "/saved-searches", ANNA, Some(&json!({ "name": "All" }))).await;
    assert_eq!(
        (bare.status, &bare.body["channels"], &bare.body["currency"]),
        (201, &Value::Null, &json!("USD"))
    );
    let inbox = json!({ "name": "Inbox alone", "channels": [] });
    assert_eq!(ask(&app, "POST", "/saved-searches", ANNA, Some(&inbox)).await.body["channels"], json!([]));

    let listed = ask(&app, "GET", "/saved-searches?sort=name&paused=false", ANNA, None).await;
    let names: Vec<&Value> =
        listed.body["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["All", "Desks", "Inbox alone"]);
    assert_eq!(ask(&app, "DELETE", "/saved-searches/1", ANNA, None).await.status, 204);
    assert_eq!(ask(&app, "GET", "/saved-searches/1", ANNA, None).await.status, 404);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_where_it_is_wrong() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let circle = json!({ "name": "n", "lat": 1, "lng": 2, "radius_mi": 3, "min_price_cents": 500 });
    assert_eq!(ask(&app, "POST", "/saved-searches", ANNA, Some(&circle)).await.status, 201);
    let eleven = vec!["w"; 11];
    for (body, pointer) in [
        (json!({ "lat": 1, "lng": 2 }), "/radius_mi"),
        (json!({ "radius_mi": 2 }), "/lat"),
        (json!({ "min_price_cents": 2, "max_price_cents": 1 }), "/max_price_cents"),
        (json!({ "words_include": eleven }), "/words_include"),
        (json!({ "words_include": ["a", ""] }), "/words_include/1"),
        (json!({ "words_exclude": ["x".repeat(51)] }), "/words_exclude/0"),
        (json!({ "words_exclude": [null] }), "/words_exclude/0"),
        (json!({ "channels": ["inbox"] }), "/channels/0"),
        (json!({ "channels": ["email", "email"] }), "/channels/1"),
        (json!({ "delivery": "later" }), "/delivery"),
        (json!({ "min_score": 100.5 }), "/min_score"),
        (json!({ "min_score": "70" }), "/min_score"),
        (json!({ "paused": 1 }), "/paused"),
        (json!({ "anchor": "*" }), "/anchor"),
        (json!({ "include": "a" }), "/include"),
    ] {
        let mut new = body.clone();
        new["name"] = "n".into();
        let refused = ask(&app, "POST", "/saved-searches", ANNA, Some(&new)).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!(pointer)), "{new}");
    }
    for (patch, pointer) in [
        (json!({ "radius_mi": null }), "/radius_mi"),
        (json!({ "max_price_cents": 499 }), "/max_price_cents"),
        (json!({ "currency": null }), "/currency"),
        (json!({ "paused": null }), "/paused"),
    ] {
        let refused = ask(&app, "PATCH", "/saved-searches/1", ANNA, Some(&patch)).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{patch}"
        );
    }
    assert_eq!(ask(&app, "GET", "/saved-searches/1", ANNA, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn a_search_may_be_around_any_place() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for [lat, lng] in [[5e-324, -2.4e-32], [90.0, 5e-324], [-1e-12, 1e-12], [-90.0, -1e-300]] {
        let mut search = desks();
        (search["lat"], search["lng"]) = (lat.into(), lng.into());
        let created = ask(&app, "POST", "/saved-searches", ANNA, Some(&search)).await;
        assert_eq!(created.status, 201, "{lat},{lng}: {:?}", created.body);
        let path = format!("/saved-searches/{}/preview", created.body["id"]);
        let preview = ask(&app, "GET", &path, ANNA, None).await;
        assert_eq!(preview.status, 200, "{lat},{lng}: {:?}", preview.body);
    }
}

#[tokio::test]
async fn a_user_has_at_most_a_hundred_also_when_many_are_saved_at_once() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let fill =
        "insert into saved_searches (user_id, name) select 'anna', 'n' || n from generate_series(1, 97) n";
    owner.batch_execute(fill).await.unwrap();
    let saves = (0..8).map(|_| async {
        let app = database.app();
        let answer = ask(&app, "POST", "/saved-searches", ANNA, Some(&json!({ "name": "one more" }))).await;
        (answer.status, answer.body["detail"].as_str().map(str::to_owned))
    });
    let mut answers = futures_util::future::join_all(saves).await;
    answers.sort();
    let refused = Some("there are 100 saved searches already; delete one first".to_owned());
    assert_eq!(answers[..3], [(201, None), (201, None), (201, None)]);
    assert!(answers[3..].iter().all(|answer| *answer == (409, refused.clone())), "{answers:?}");
    let app = database.app();
    assert_eq!(ask(&app, "POST", "/saved-searches", BEN, Some(&json!({ "name": "his" }))).await.status, 201);
}

#[tokio::test]
async fn the_recorded_event_saves_its_search_once_however_often_it_comes() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let event = include_str!("../../../events/saved-searches_create.json");
    let first = answer(route(&app, event_request(event))).await;
    let again = answer(route(&app, event_request(event))).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((&first.body, first.header("etag")), (&again.body, again.header("etag")));
}

#[tokio::test]
async fn a_preview_has_what_the_search_finds_now_the_newest_first() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let owner = database.owner().await;
    owner
        .batch_execute(
            "insert into listings (source, source_id, title, description, price_cents, currency, condition, category, url, lat, lng,
                 available, created_at)
             select 's', n::text, title, description, price, currency, condition::item_condition, 'furniture>desks', 'http://a',
                 lat, -121.89, available, '2026-11-01Z'::timestamptz + n * interval '1 hour'
             from (values
                 (1, 'Walnut standing desks', null, 20000, 'EUR', 'great', 37.35, true),
                 (2, 'Standing desk in walnut', 'as new', 30000, 'EUR', 'good', 37.35, true),
                 (3, 'Standing desk in walnut', 'Broken leg', 20000, 'EUR', 'good', 37.35, true),
                 (4, 'Walnut desk, standing', null, 20000, 'EUR', 'good', 37.35, true),
                 (5, 'Standing desk', 'walnut', 20000, 'EUR', 'good', 37.35, true),
                 (6, 'Walnut standing desk', null, 30001, 'EUR', 'good', 37.35, true),
                 (7, 'Walnut standing desk', null, 20000, 'USD', 'good', 37.35, true),
                 (8, 'Walnut standing desk', null, 20000, 'EUR', 'fair', 37.35, true),
                 (9, 'Walnut standing desk', null, 20000, 'EUR', 'good', 39, true),
                 (10, 'Walnut standing desk', null, 20000, 'EUR', 'good', 37.35, false),
                 (11, 'Walnut standing desk', null, 20000, 'EUR', 'good', 37.35, true),
                 (12, 'Walnut standing desk', null, 20000, 'EUR', 'good', 37.35, true),
                 (13, 'Walnut standing desk', null, null, 'EUR', 'good', 37.35, true),
                 (14, 'Walnut standing desk', null, 1500, 'EUR', 'good', 37.35, true)
             ) listing (n, title, description, price, currency, condition, lat, available);
             insert into deals (listing_id, band, score, rank)
             select id, case source_id when '11' then 'verify' else 'good' end::deal_band,
                 case source_id when '12' then 70 else 80.123 end, 0 from listings",
        )
        .await
        .unwrap();
    ask(&app, "POST", "/saved-searches", ANNA, Some(&desks())).await;
    let preview = async |query: &str| {
        let answer = ask(&app, "GET", &format!("/saved-searches/1/preview{query}"), ANNA, None).await;
        assert_eq!(answer.status, 200, "{query} {}", answer.body);
        answer.body
    };
    let ids = |page: &Value| -> Vec<i64> {
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
    };
    let found = preview("").await;
    assert_eq!((ids(&found), &found["next_cursor"]), (vec![14, 2, 1], &Value::Null));
    assert_eq!((&found["items"][1]["score"], &found["items"][1]["band"]), (&json!(80.12), &json!("good")));
    assert_eq!(found["items"][1]["price_cents"], 30000);
    let first = preview("?limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&first), [14, 2]);
    assert_eq!(ids(&preview(&format!("?limit=2&cursor={cursor}")).await), [1]);

    // Without conditions: whatever is there, but for what is too good to be true.
    ask(&app, "POST", "/saved-searches", ANNA, Some(&json!({ "name": "All" }))).await;
    let all = ask(&app, "GET", "/saved-searches/2/preview?limit=100", ANNA, None).await;
    assert_eq!(ids(&all.body), [14, 13, 12, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    for (query, name) in [("limit=101", "limit"), ("cursor=a", "cursor"), ("sort=id", "sort")] {
        let refused = ask(&app, "GET", &format!("/saved-searches/1/preview?{query}"), ANNA, None).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["parameter"]), (400, &json!(name)), "{query}");
    }
    let verb = ask(&app, "POST", "/saved-searches/1/preview", ANNA, Some(&json!({}))).await;
    assert_eq!((verb.status, verb.header("allow")), (405, "GET"));
}

#[tokio::test]
async fn another_users_search_is_as_one_that_is_missing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/saved-searches", ANNA, Some(&desks())).await;
    for (method, after, body) in [
        ("GET", "", None),
        ("GET", "/preview", None),
        ("PATCH", "", Some(json!({ "name": "mine" }))),
        ("DELETE", "", None),
    ] {
        let others = ask(&app, method, &format!("/saved-searches/1{after}"), BEN, body.as_ref()).await;
        let missing = ask(&app, method, &format!("/saved-searches/2{after}"), BEN, body.as_ref()).await;
        assert_eq!((others.status, &others.body), (404, &missing.body), "{method} {after}");
    }
    assert_eq!(ask(&app, "GET", "/saved-searches", BEN, None).await.body["items"], json!([]));
    assert_eq!(ask(&app, "GET", "/saved-searches/1", ANNA, None).await.header("etag"), "\"1\"");
    assert_eq!(
        routed_paths("saved-searches"),
        ["/saved-searches", "/saved-searches/{id}", "/saved-searches/{id}/preview"]
    );
}

#[tokio::test]
async fn what_no_resource_may_take_is_refused() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/saved-searches", ANNA, Some(&desks())).await;
    ask(&app, "POST", "/saved-searches", ANNA, Some(&desks())).await;
    let resource = Resource {
        path: "/saved-searches",
        table: "saved_searches",
        caller: ANNA,
        sample: desks(),
        text: "name",
        money: Some("max_price_cents"),
        sort: "name",
        filter: "paused=true",
    };
    bad_input::is_refused(&database, &resource, async |request| answer(route(&app, request)).await).await;
}
