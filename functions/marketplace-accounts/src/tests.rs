//! Where sellers sell, from request to answer, against real servers.

mod secrets;

use lambda_http::http::HeaderValue;
use serde_json::{Value, json};
use shared::App;
use shared::testing::bad_input::{self, Resource};
use shared::testing::{Answer, TestDatabase, answer, request};

use super::route;

const ANNA: &str = "anna";
const BEN: &str = "ben";

/// With a header, `name: value`, when there is one to be sent.
async fn ask_with(
    app: &App,
    (method, path): (&str, &str),
    caller: &str,
    body: Option<&Value>,
    header: Option<(&'static str, &str)>,
) -> Answer {
    let mut request = request(method, path, caller, body);
    if let Some((name, value)) = header {
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    answer(route(app, app.credentials_keys().unwrap(), request)).await
}

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    ask_with(app, (method, path), caller, body, None).await
}

fn ebay() -> Value {
    json!({
        "platform": "ebay",
        "account_name": "lamps-and-more",
        "credentials": { "refresh_token": "v1.1-i1-r1-planted-9XyZ", "pin": "1234" }
    })
}

#[tokio::test]
async fn an_account_is_connected_read_disconnected_and_deleted() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let created = ask(&app, "POST", "/marketplace-accounts", ANNA, Some(&ebay())).await;
    assert_eq!((created.status, created.header("location")), (201, "/marketplace-accounts/1"));
    let names: Vec<_> = created.body.as_object().unwrap().keys().map(String::as_str).collect();
    let shown = ["account_name", "connected", "connected_at", "created_at", "credentials_hint"];
    assert_eq!(names, [shown.as_slice(), &["id", "platform", "updated_at"]].concat());
    assert_eq!(created.body["connected"], true);
    assert_eq!(created.body["connected_at"], created.body["created_at"]);
    assert_eq!(created.body["credentials_hint"], json!({ "refresh_token": "9XyZ", "pin": "" }));
    let path = "/marketplace-accounts/1";
    let read = ask(&app, "GET", path, ANNA, None).await;
    assert_eq!((read.status, &read.body, read.header("etag")), (200, &created.body, "\"1\""));

    // Another name leaves the credentials; other credentials replace them all.
    let renamed = ask(&app, "PATCH", path, ANNA, Some(&json!({ "account_name": null }))).await;
    assert_eq!((renamed.status, renamed.header("etag")), (200, "\"2\""));
    assert_eq!((&renamed.body["account_name"], &renamed.body["connected"]), (&Value::Null, &json!(true)));
    assert_eq!(renamed.body["connected_at"], created.body["connected_at"]);
    let change = json!({ "credentials": { "token": "a-token-of-length" } });
    let changed = ask(&app, "PATCH", path, ANNA, Some(&change)).await;
    assert_eq!(changed.body["credentials_hint"], json!({ "token": "ngth" }));
    assert_eq!(changed.body["connected_at"], changed.body["updated_at"]);

    let stale = Some(("if-match", "\"2\""));
    for patch in [json!({ "credentials": null }), change] {
        assert_eq!(ask_with(&app, ("PATCH", path), ANNA, Some(&patch), stale).await.status, 412);
    }
    assert_eq!(ask_with(&app, ("DELETE", path), ANNA, None, stale).await.status, 412);
    let disconnected = ask(&app, "PATCH", path, ANNA, Some(&json!({ "credentials": null }))).await;
    assert_eq!(
        (&disconnected.body["connected"], &disconnected.body["connected_at"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(disconnected.body["credentials_hint"], json!({}));
    assert_eq!(ask(&app, "DELETE", path, ANNA, None).await.status, 204);
    assert_eq!(ask(&app, "GET", path, ANNA, None).await.status, 404);
}

#[tokio::test]
async fn a_platform_is_one_account_and_stays_with_it() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    assert_eq!(ask(&app, "POST", "/marketplace-accounts", ANNA, Some(&ebay())).await.status, 201);
    let again = ask(&app, "POST", "/marketplace-accounts", ANNA, Some(&json!({ "platform": "ebay" }))).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.body["detail"], "there is an account on this platform already");
    assert_eq!(ask(&app, "POST", "/marketplace-accounts", BEN, Some(&ebay())).await.status, 201);
    let moved =
        ask(&app, "PATCH", "/marketplace-accounts/1", ANNA, Some(&json!({ "platform": "etsy" }))).await;
    assert_eq!((moved.status, &moved.body["errors"][0]["pointer"]), (422, &json!("/platform")));
}

#[tokio::test]
async fn another_users_account_is_as_one_that_is_missing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/marketplace-accounts", ANNA, Some(&ebay())).await;
    let patches = [json!({ "account_name": "mine" }), json!({ "credentials": { "token": "mine" } })];
    let patches = patches.into_iter().map(|patch| ("PATCH", Some(patch)));
    for (method, body) in patches.chain([("GET", None), ("DELETE", None)]) {
        let others = ask(&app, method, "/marketplace-accounts/1", BEN, body.as_ref()).await;
        let missing = ask(&app, method, "/marketplace-accounts/2", BEN, body.as_ref()).await;
        assert_eq!((others.status, &others.body), (404, &missing.body), "{method}");
    }
    assert_eq!(ask(&app, "GET", "/marketplace-accounts", BEN, None).await.body["items"], json!([]));
    assert_eq!(ask(&app, "GET", "/marketplace-accounts/1", ANNA, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn accounts_are_filtered_and_sorted() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for account in [ebay(), json!({ "platform": "etsy" }), json!({ "platform": "facebook-marketplace" })] {
        assert_eq!(ask(&app, "POST", "/marketplace-accounts", ANNA, Some(&account)).await.status, 201);
    }
    ask(&app, "PATCH", "/marketplace-accounts/2", ANNA, Some(&json!({}))).await;
    let found = async |query: &str| {
        let answer = ask(&app, "GET", &format!("/marketplace-accounts?{query}"), ANNA, None).await;
        assert_eq!(answer.status, 200, "{query} {}", answer.body);
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(found("").await, [3, 2, 1]);
    assert_eq!(found("sort=updated_at").await, [1, 3, 2]);
    assert_eq!(found("platform=etsy").await, [2]);
    assert_eq!(found("connected=true").await, [1]);
    assert_eq!(found("connected=false&sort=created_at").await, [2, 3]);
    assert_eq!(ask(&app, "GET", "/marketplace-accounts?connected=yes", ANNA, None).await.status, 400);
}

#[tokio::test]
async fn what_no_resource_may_take_is_refused() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/marketplace-accounts", ANNA, Some(&ebay())).await;
    ask(&app, "POST", "/marketplace-accounts", ANNA, Some(&json!({ "platform": "etsy" }))).await;
    let resource = Resource {
        path: "/marketplace-accounts",
        table: "marketplace_accounts",
        caller: ANNA,
        sample: ebay(),
        text: "platform",
        money: None,
        sort: "updated_at",
        filter: "connected=true",
    };
    let serve = async |request| answer(route(&app, app.credentials_keys().unwrap(), request)).await;
    bad_input::is_refused(&database, &resource, serve).await;

    for (method, path) in [("POST", "/marketplace-accounts"), ("PATCH", "/marketplace-accounts/1")] {
        for (field, value) in [
            ("account_name", json!("")),
            ("account_name", json!("x".repeat(256))),
            ("account_name", json!("hunter2\0")),
            ("credentials", json!("hunter2")),
            ("credentials", json!({ "token": ["hunter2"] })),
            ("credentials", json!({ "token": "hunter2\0" })),
            ("credentials", json!({})),
            ("connected", json!(true)),
            ("connected_at", json!("2026-01-01T00:00:00Z")),
            ("credentials_hint", json!({ "hunter2": "hunter2" })),
        ] {
            let mut body = if method == "POST" { json!({ "platform": "offerup" }) } else { json!({}) };
            body[field] = value;
            let refused = ask(&app, method, path, ANNA, Some(&body)).await;
            assert_eq!(
                (refused.status, &refused.body["errors"][0]["pointer"]),
                (422, &json!(format!("/{field}"))),
                "{method} {body}"
            );
            assert!(!refused.body.to_string().contains("hunter2"), "{method} {}", refused.body);
        }
    }
}
