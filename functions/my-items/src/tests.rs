//! What sellers do with their items, from request to answer, against real servers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::App;
use shared::testing::bad_input::{self, Resource};
use shared::testing::{Answer, TestDatabase, answer, event_request, request};

use super::route;

const ANNA: &str = "anna";
const BEN: &str = "ben";

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, path, caller, body))).await
}

fn lamp() -> Value {
    json!({
        "title": "Brass lamp",
        "description": "With a green shade",
        "category": "home>lamps",
        "attributes": { "brand": "Nobody", "height_cm": 40 },
        "condition": "good",
        "price_cents": 4500,
        "currency": "EUR",
        "status": "available"
    })
}

#[tokio::test]
async fn an_item_is_created_read_changed_and_deleted() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let created = ask(&app, "POST", "/my-items", ANNA, Some(&lamp())).await;
    assert_eq!((created.status, created.header("location")), (201, "/my-items/1"));
    for (name, value) in lamp().as_object().unwrap() {
        assert_eq!(&created.body[name], value, "{name}");
    }
    let read = ask(&app, "GET", "/my-items/1", ANNA, None).await;
    assert_eq!((read.status, &read.body), (200, &created.body));

    let patch = json!({ "price_cents": null, "attributes": { "brand": null, "size": { "width": 20, "depth": null } }, "status": "sold" });
    let changed = ask(&app, "PATCH", "/my-items/1", ANNA, Some(&patch)).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(
        (&changed.body["price_cents"], &changed.body["attributes"], &changed.body["status"]),
        (&Value::Null, &json!({ "height_cm": 40, "size": { "width": 20 } }), &json!("sold"))
    );
    assert_eq!(ask(&app, "DELETE", "/my-items/1", ANNA, None).await.status, 204);
    assert_eq!(ask(&app, "GET", "/my-items/1", ANNA, None).await.status, 404);
}

#[tokio::test]
async fn the_recorded_event_creates_its_item_once_however_often_it_comes() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let event = include_str!("../../../events/my-items_create.json");
    let first = answer(route(&app, event_request(event))).await;
    let again = answer(route(&app, event_request(event))).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((&first.body, first.header("etag")), (&again.body, again.header("etag")));
}

#[tokio::test]
async fn a_step_that_makes_no_sense_is_refused_with_those_that_are_allowed() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let mut sold = lamp();
    sold["status"] = json!("sold");
    let refused = ask(&app, "POST", "/my-items", ANNA, Some(&sold)).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["detail"], "cannot begin as sold; allowed: draft, available");

    ask(&app, "POST", "/my-items", ANNA, Some(&json!({ "title": "t" }))).await;
    let id = ask(&app, "GET", "/my-items", ANNA, None).await.body["items"][0]["id"].clone();
    let path = format!("/my-items/{id}");
    let no_choice = json!({ "status": { "archived": null } });
    assert_eq!(ask(&app, "PATCH", &path, ANNA, Some(&no_choice)).await.status, 422);
    let refused = ask(&app, "PATCH", &path, ANNA, Some(&json!({ "status": "sold" }))).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["detail"], "cannot go from draft to sold; allowed: available, archived");
    assert_eq!(ask(&app, "GET", &path, ANNA, None).await.body["status"], "draft");
}

#[tokio::test]
async fn another_users_item_is_as_one_that_is_missing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/my-items", ANNA, Some(&lamp())).await;
    for (method, body) in [("GET", None), ("PATCH", Some(json!({ "title": "mine" }))), ("DELETE", None)] {
        let others = ask(&app, method, "/my-items/1", BEN, body.as_ref()).await;
        let missing = ask(&app, method, "/my-items/2", BEN, body.as_ref()).await;
        assert_eq!((others.status, &others.body), (404, &missing.body), "{method}");
    }
    assert_eq!(ask(&app, "GET", "/my-items", BEN, None).await.body["items"], json!([]));
    assert_eq!(ask(&app, "GET", "/my-items/1", ANNA, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn items_are_searched_by_words_phrases_and_beginnings_and_ranked_when_asked_for() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for (title, description) in [
        ("Oak table", "Goes with a desk"),
        ("Desk lamp", "For a desk, on a desk"),
        ("Desktop computer", "Grey"),
        ("Sofa", "Seats three"),
    ] {
        let item = json!({ "title": title, "description": description });
        assert_eq!(ask(&app, "POST", "/my-items", ANNA, Some(&item)).await.status, 201);
        ask(&app, "POST", "/my-items", BEN, Some(&item)).await;
    }
    let found = async |query: &str| {
        let answer = ask(&app, "GET", &format!("/my-items?{query}"), ANNA, None).await;
        assert_eq!(answer.status, 200, "{query} {}", answer.body);
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("q=desks&sort=-relevance").await, ["Desk lamp", "Oak table"]);
    assert_eq!(found("q=desk*&sort=title").await, ["Desk lamp", "Desktop computer", "Oak table"]);
    assert_eq!(found("q=so*").await, ["Sofa"]);
    assert_eq!(found("q=tables*").await, ["Oak table"]);
    assert_eq!(found("q=%22goes+with%22").await, ["Oak table"]);
    assert_eq!(found("q=desk+-lamp").await, ["Oak table"]);
    // Page by page, in order of relevance too.
    let first = ask(&app, "GET", "/my-items?q=desk&sort=-relevance&limit=1", ANNA, None).await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    assert_eq!(found(&format!("q=desk&sort=-relevance&limit=1&cursor={cursor}")).await, ["Oak table"]);
    assert_eq!(ask(&app, "GET", "/my-items?sort=relevance", ANNA, None).await.status, 400);
    // A cursor of somebody's own making: what the database cannot hold is no title.
    let first = ask(&app, "GET", "/my-items?sort=title&limit=1", ANNA, None).await;
    let json = URL_SAFE_NO_PAD.decode(first.body["next_cursor"].as_str().unwrap()).unwrap();
    let forged = String::from_utf8(json).unwrap().replace("Desk lamp", "Desk\\u0000");
    let cursor = URL_SAFE_NO_PAD.encode(&forged);
    assert!(forged.contains("u0000"));
    let path = format!("/my-items?sort=title&limit=1&cursor={cursor}");
    assert_eq!(ask(&app, "GET", &path, ANNA, None).await.status, 400);
}

#[tokio::test]
async fn of_a_hundred_changes_that_name_the_same_tag_one_happens() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/my-items", ANNA, Some(&lamp())).await;
    let changes = (0..10).map(|_| async {
        let app = database.app();
        let mut statuses = Vec::new();
        for n in 0..10 {
            let body = json!({ "title": format!("change {n}") });
            let mut change = request("PATCH", "/my-items/1", ANNA, Some(&body));
            change.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
            statuses.push(answer(route(&app, change)).await.status);
        }
        statuses
    });
    let mut statuses = futures_util::future::join_all(changes).await.concat();
    statuses.sort_unstable();
    assert_eq!(statuses.len(), 100);
    assert_eq!((statuses[0], statuses[1], statuses[99]), (200, 412, 412));
    assert_eq!(ask(&app, "GET", "/my-items/1", ANNA, None).await.header("etag"), "\"2\"");
}

#[tokio::test]
async fn what_no_resource_may_take_is_refused() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/my-items", ANNA, Some(&lamp())).await;
    ask(&app, "POST", "/my-items", ANNA, Some(&lamp())).await;
    let resource = Resource {
        path: "/my-items",
        table: "my_items",
        caller: ANNA,
        sample: lamp(),
        text: "title",
        money: Some("price_cents"),
        sort: "title",
        filter: "category=a",
    };
    bad_input::is_refused(&database, &resource, async |request| answer(route(&app, request)).await).await;
}
