//! What callers do with their notifications, from request to answer, against real servers.

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, TestDatabase, answer, request, routed_paths};

use super::route;

const ANNA: &str = "anna";
const BEN: &str = "ben";

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, path, caller, body))).await
}

async fn ask_if(app: &App, method: &str, path: &str, if_match: &str, body: Option<&Value>) -> Answer {
    let mut request = request(method, path, ANNA, body);
    request.headers_mut().insert("if-match", if_match.parse().unwrap());
    answer(route(app, request)).await
}

/// Anna was told 1, 2 and 3, of which 1 and 2 are about listings; 4 is Ben's.
async fn database() -> TestDatabase {
    let database = TestDatabase::migrated().await;
    let rows = r#"
        insert into listings (source, source_id, title, url) values ('s', '1', 'Desk', 'http://a'), ('s', '2', 'Lamp', 'http://b');
        insert into notifications (user_id, listing_id, channel, payload, created_at) values
            ('anna', 1, 'inbox', '{"title": "Desk"}', '2026-11-01Z'), ('anna', 2, 'email', '{}', '2026-11-02Z'),
            ('anna', null, 'inbox', '{}', '2026-11-03Z'), ('ben', 1, 'inbox', '{}', '2026-11-04Z');
        update notifications set status = 'sent', sent_at = '2026-11-02T01:00:00Z' where id = 2"#;
    database.owner().await.batch_execute(rows).await.unwrap();
    database
}

#[tokio::test]
async fn a_notification_is_read_marked_and_deleted() {
    let database = database().await;
    let app = database.app();
    let told = ask(&app, "GET", "/notifications/1", ANNA, None).await;
    assert_eq!((told.status, told.header("etag")), (200, "\"1\""));
    let mut expected = json!({
        "id": 1, "listing_id": 1, "channel": "inbox", "payload": { "title": "Desk" }, "status": "pending",
        "kind": null, "saved_search_id": null, "deliveries": {}, "sent_at": null, "read": false, "read_at": null, "created_at": "2026-11-01T00:00:00Z"
    });
    expected["updated_at"] = told.body["updated_at"].clone();
    assert_eq!(told.body, expected);

    let mark =
        async |read: bool| ask(&app, "PATCH", "/notifications/1", ANNA, Some(&json!({ "read": read }))).await;
    let read = mark(true).await;
    assert_eq!((read.status, read.header("etag"), &read.body["read"]), (200, "\"2\"", &json!(true)));
    assert!(read.body["read_at"].is_string());
    // The moment is that of the first time, until it is taken back; a patch of nothing leaves it.
    assert_eq!(mark(true).await.body["read_at"], read.body["read_at"]);
    let nothing = ask(&app, "PATCH", "/notifications/1", ANNA, Some(&json!({}))).await;
    assert_eq!((nothing.status, &nothing.body["read_at"]), (200, &read.body["read_at"]));
    let unread = mark(false).await;
    assert_eq!((&unread.body["read"], &unread.body["read_at"]), (&json!(false), &Value::Null));

    let body = json!({ "read": true });
    assert_eq!(ask_if(&app, "PATCH", "/notifications/1", "\"1\"", Some(&body)).await.status, 412);
    assert_eq!(ask_if(&app, "DELETE", "/notifications/1", "\"1\"", None).await.status, 412);
    assert_eq!(ask_if(&app, "PATCH", "/notifications/9", "\"1\"", Some(&body)).await.status, 404);
    assert_eq!(ask_if(&app, "DELETE", "/notifications/1", "\"5\"", None).await.status, 204);
    assert_eq!(ask(&app, "GET", "/notifications/1", ANNA, None).await.status, 404);
}

#[tokio::test]
async fn what_its_user_deleted_is_gone_but_keeps_that_they_were_told() {
    let database = database().await;
    let app = database.app();
    let owner = database.owner().await;
    let told = "update notifications set kind = 'new', price_step = 94 where id = 1";
    owner.execute(told, &[]).await.unwrap();
    let listed = ask(&app, "GET", "/notifications?kind=new", ANNA, None).await;
    assert_eq!(listed.body["items"][0]["id"], 1);
    assert_eq!(ask(&app, "DELETE", "/notifications/1", ANNA, None).await.status, 204);
    for (method, body) in [("GET", None), ("PATCH", Some(json!({ "read": true }))), ("DELETE", None)] {
        assert_eq!(ask(&app, method, "/notifications/1", ANNA, body.as_ref()).await.status, 404, "{method}");
    }
    for query in ["", "?kind=new", "?listing_id=1", "?read=true"] {
        let listed = ask(&app, "GET", &format!("/notifications{query}"), ANNA, None).await;
        let items = listed.body["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["id"] != 1), "{query}");
    }
    let kept =
        owner.query_one("select payload::text from notifications where id = 1 and price_step = 94", &[]);
    assert_eq!(kept.await.unwrap().get::<_, &str>(0), "{}");
}

#[tokio::test]
async fn notifications_are_listed_by_what_was_done_with_them() {
    let database = database().await;
    let app = database.app();
    ask(&app, "PATCH", "/notifications/3", ANNA, Some(&json!({ "read": true }))).await;
    for (query, ids) in [
        ("", json!([3, 2, 1])),
        ("?sort=created_at", json!([1, 2, 3])),
        ("?read=true", json!([3])),
        ("?read=false", json!([2, 1])),
        ("?status=pending", json!([3, 1])),
        ("?status=sent&channel=email", json!([2])),
        ("?channel=inbox", json!([3, 1])),
        ("?listing_id=1", json!([1])),
        ("?listing_id=9", json!([])),
    ] {
        let listed = ask(&app, "GET", &format!("/notifications{query}"), ANNA, None).await;
        let found: Vec<&Value> =
            listed.body["items"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!((listed.status, json!(found)), (200, ids), "{query}");
    }
    let first = ask(&app, "GET", "/notifications?read=false&limit=1", ANNA, None).await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let next =
        ask(&app, "GET", &format!("/notifications?read=false&limit=1&cursor={cursor}"), ANNA, None).await;
    assert_eq!((&next.body["items"][0]["id"], &next.body["next_cursor"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn a_listing_that_goes_changes_the_version_of_what_was_told_of_it() {
    let database = database().await;
    let app = database.app();
    let before = ask(&app, "GET", "/notifications/1", ANNA, None).await;
    app.db.write("delete from listings where id = 1", &[]).await.unwrap();
    let after = ask(&app, "GET", "/notifications/1", ANNA, None).await;
    assert_eq!((after.header("etag"), &after.body["listing_id"]), ("\"2\"", &Value::Null));
    assert!(after.body["updated_at"].as_str() > before.body["updated_at"].as_str());
    let body = json!({ "read": true });
    assert_eq!(ask_if(&app, "PATCH", "/notifications/1", "\"1\"", Some(&body)).await.status, 412);
    assert_eq!(ask(&app, "GET", "/notifications/2", ANNA, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn another_users_notification_is_as_one_that_is_missing() {
    let database = database().await;
    let app = database.app();
    for (method, body) in [("GET", None), ("PATCH", Some(json!({ "read": true }))), ("DELETE", None)] {
        let others = ask(&app, method, "/notifications/1", BEN, body.as_ref()).await;
        let missing = ask(&app, method, "/notifications/99", BEN, body.as_ref()).await;
        assert_eq!((others.status, &others.body), (404, &missing.body), "{method}");
    }
    let listed = ask(&app, "GET", "/notifications?listing_id=1", BEN, None).await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
    // Without the statements' own predicates too.
    let changed =
        app.db.write_as(BEN, "update notifications set read_at = now() returning id", &[]).await.unwrap();
    assert_eq!(changed.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [4]);
    assert!(app.db.read("select from notifications", &[]).await.unwrap().is_empty());
    assert_eq!(ask(&app, "GET", "/notifications/1", ANNA, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn the_database_takes_only_steps_that_make_sense() {
    let database = database().await;
    let app = database.app();
    for (to, is_taken) in [
        ("failed", true),
        ("pending", true),
        ("failed", true),
        ("sent", true),
        ("pending", false),
        ("failed", false),
    ] {
        let sql = "update notifications set status = $1::text::notification_status where id = 1";
        let taken = app.db.write_as(ANNA, sql, &[&to]).await;
        assert_eq!(taken.is_ok(), is_taken, "to {to}");
        if let Err(shared::Error::Database(cause)) = taken {
            assert_eq!(cause.as_db_error().unwrap().constraint(), Some("notifications_status_step_check"));
        }
    }
    let begin = "insert into notifications (user_id, channel, status) values ('anna', 'inbox', 'failed')";
    assert!(app.db.write_as(ANNA, begin, &[]).await.is_err());
}

#[tokio::test]
async fn nothing_can_be_set_but_read_and_nothing_created() {
    let database = database().await;
    let app = database.app();
    for (body, pointer) in [
        (json!({ "read": null }), "/read"),
        (json!({ "read": 1 }), "/read"),
        (json!({ "read": "true" }), "/read"),
        (json!({ "read_at": "2026-11-01T00:00:00Z" }), "/read_at"),
        (json!({ "status": "sent" }), "/status"),
        (json!({ "read": true, "payload": {} }), "/payload"),
        (json!({ "listing_id": null }), "/listing_id"),
        (json!({ "user_id": "ben" }), "/user_id"),
        (json!({ "version": 7 }), "/version"),
    ] {
        let answer = ask(&app, "PATCH", "/notifications/1", ANNA, Some(&body)).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    assert_eq!(ask(&app, "GET", "/notifications/1", ANNA, None).await.header("etag"), "\"1\"");
    for (query, name) in [
        ("read=1", "read"),
        ("kind=sent", "kind"),
        ("status=read", "status"),
        ("channel=", "channel"),
        ("channel=%00", "channel"),
        ("listing_id=0", "listing_id"),
        ("listing_id=9223372036854775808", "listing_id"),
        ("sort=updated_at", "sort"),
        ("q=a", "q"),
        ("cursor=abc", "cursor"),
    ] {
        let answer = ask(&app, "GET", &format!("/notifications?{query}"), ANNA, None).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["parameter"]), (400, &json!(name)), "{query}");
    }
    for id in ["abc", "0", "-1", "9223372036854775808", ""] {
        assert_eq!(ask(&app, "GET", &format!("/notifications/{id}"), ANNA, None).await.status, 404, "{id}");
    }
    assert_eq!(routed_paths("notifications"), ["/notifications", "/notifications/{id}"]);
    for (method, path, allow) in [
        ("POST", "/notifications", "GET"),
        ("DELETE", "/notifications", "GET"),
        ("PUT", "/notifications/1", "GET, PATCH, DELETE"),
        ("POST", "/notifications/1", "GET, PATCH, DELETE"),
    ] {
        let answer = ask(&app, method, path, ANNA, Some(&json!({}))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
        assert_eq!(ask(&app, method, path, "", None).await.status, 401);
    }
}
