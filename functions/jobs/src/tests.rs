//! Who sees which job, and who has a dead one tried again, from request to answer.

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, TestDatabase, answer, request, routed_paths};

use super::route;

const ADMINISTRATOR: &str = "root deals/admin";

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, path, caller, body))).await
}

/// Anna's job 1 is queued, her 2 is dead; Ben's 3 is dead, with the message that it was for.
async fn three_jobs(database: &TestDatabase) {
    let rows = "
        insert into jobs (user_id, kind) values ('anna', 'snap'), ('anna', 'snap');
        insert into notifications (user_id, channel) values ('ben', 'inbox');
        insert into deliveries (user_id, channel, notification_ids) values ('ben', 'webhook', '{1}');
        update jobs set status = 'running', attempts = 5, lease_token = gen_random_uuid(), lease_expires_at = now() where id > 1;
        update jobs set status = 'dead', lease_token = null, lease_expires_at = null, finished_at = now(),
            reason = 'the receiver answered 500', version = 3 where id > 1";
    database.owner().await.batch_execute(rows).await.unwrap();
}

fn ids(answer: &Answer) -> Value {
    answer.body["items"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect()
}

#[tokio::test]
async fn each_sees_their_own_jobs_and_an_administrator_the_dead_ones_of_everyone() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    three_jobs(&database).await;
    for (caller, query, expected) in [
        ("anna", "", json!([2, 1])),
        ("anna", "?status=dead", json!([2])),
        ("anna", "?status=queued&kind=snap", json!([1])),
        ("anna", "?kind=delivery", json!([])),
        ("ben", "", json!([3])),
        ("carl", "", json!([])),
        (ADMINISTRATOR, "", json!([3, 2])),
        (ADMINISTRATOR, "?status=queued", json!([])),
        (ADMINISTRATOR, "?status=dead&kind=delivery", json!([3])),
        ("anna deals/admin", "?sort=created_at", json!([1, 2, 3])),
        ("anna deals/ingest", "", json!([2, 1])),
    ] {
        let listed = ask(&app, "GET", &format!("/jobs{query}"), caller, None).await;
        assert_eq!((listed.status, ids(&listed)), (200, expected), "{caller} {query}");
    }
    let mine = ask(&app, "GET", "/jobs/2", "anna", None).await;
    assert_eq!((mine.status, mine.header("etag")), (200, "\"3\""));
    assert_eq!(
        (&mine.body["status"], &mine.body["attempts"], &mine.body["reason"]),
        (&json!("dead"), &json!(5), &json!("the receiver answered 500"))
    );
    assert!(!mine.body.as_object().unwrap().contains_key("lease_token"));
    for (caller, id, status) in
        [("ben", 2, 404), ("ben", 9, 404), (ADMINISTRATOR, 2, 200), (ADMINISTRATOR, 1, 404), ("anna", 1, 200)]
    {
        assert_eq!(
            ask(&app, "GET", &format!("/jobs/{id}"), caller, None).await.status,
            status,
            "{caller} {id}"
        );
    }
    assert_eq!(ask(&app, "GET", "/jobs?status=late", "anna", None).await.status, 400);
    assert_eq!(ask(&app, "POST", "/jobs", "anna", None).await.header("allow"), "GET");
}

#[tokio::test]
async fn an_administrator_has_a_dead_job_tried_again_and_what_it_is_for_shows_it() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let owner = database.owner().await;
    three_jobs(&database).await;
    let again = json!({ "status": "queued" });
    let told = "select deliveries->'webhook'->>'status' || ' ' || status from notifications";
    assert_eq!(owner.query_one(told, &[]).await.unwrap().get::<_, String>(0), "failed failed");

    assert_eq!(ask(&app, "PATCH", "/jobs/3", "ben", Some(&again)).await.status, 403);
    assert_eq!(ask(&app, "PATCH", "/jobs/9", ADMINISTRATOR, Some(&again)).await.status, 404);
    assert_eq!(ask(&app, "PATCH", "/jobs/1", ADMINISTRATOR, Some(&again)).await.status, 404);
    for (body, status) in
        [(json!({ "status": "done" }), 422), (json!({ "attempts": 0 }), 422), (json!({}), 200)]
    {
        assert_eq!(ask(&app, "PATCH", "/jobs/3", ADMINISTRATOR, Some(&body)).await.status, status, "{body}");
    }
    let mut stale = request("PATCH", "/jobs/3", ADMINISTRATOR, Some(&again));
    stale.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
    assert_eq!(answer(route(&app, stale)).await.status, 412);

    let retried = ask(&app, "PATCH", "/jobs/3", ADMINISTRATOR, Some(&again)).await;
    assert_eq!(
        (retried.status, &retried.body["status"], &retried.body["attempts"], &retried.body["finished_at"]),
        (200, &json!("queued"), &json!(0), &Value::Null)
    );
    assert_eq!(owner.query_one(told, &[]).await.unwrap().get::<_, String>(0), "pending pending");
    assert_eq!(app.cache.queue_depth().await.unwrap().map(|depth| depth > 0), Some(true));
    // It is no longer dead, and so its user's alone.
    assert_eq!(ask(&app, "PATCH", "/jobs/3", ADMINISTRATOR, Some(&again)).await.status, 404);
    assert_eq!(ask(&app, "PATCH", "/jobs/1", "anna deals/admin", Some(&again)).await.status, 409);
}

#[test]
fn the_local_gateway_routes_these_paths() {
    assert_eq!(routed_paths("jobs"), ["/jobs", "/jobs/{id}"]);
}
