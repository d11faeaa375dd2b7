//! What sellers do with their photos, from request to answer, against real servers.

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, TestDatabase, answer, request, routed_paths};

use super::route;

mod retries;
mod uploads;

const ANNA: &str = "anna";
const BEN: &str = "ben";

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, path, caller, body))).await
}

async fn ask_with(
    app: &App,
    method: &str,
    path: &str,
    header: (&'static str, &str),
    body: Option<&Value>,
) -> Answer {
    let mut request = request(method, path, ANNA, body);
    request.headers_mut().insert(header.0, header.1.parse().unwrap());
    answer(route(app, request)).await
}

fn chair() -> Value {
    json!({ "photos": ["https://example.com/chair.jpg", "uploads/anna/2026/chair 2.jpg"], "notes": "A chair" })
}

/// As the role `deals_app`, which may take any step that there is.
async fn set_status(app: &App, id: i64, status: &str) -> Result<(), String> {
    let sql =
        "update snap_jobs set status = $2::text::snap_job_status, version = version + 1, updated_at = now()
               where id = $1";
    app.db.write_as(ANNA, sql, &[&id, &status]).await.map(|_| ()).map_err(|error| match error {
        shared::Error::Database(cause) => {
            cause.as_db_error().unwrap().constraint().unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    })
}

fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_job_is_queued_read_listed_and_deleted() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let created = ask(&app, "POST", "/snap-jobs", ANNA, Some(&chair())).await;
    assert_eq!(
        (created.status, created.header("location"), created.header("etag")),
        (201, "/snap-jobs/1", "\"1\"")
    );
    let mut job = created.body.clone();
    for name in ["created_at", "updated_at"] {
        assert!(job.as_object_mut().unwrap().remove(name).unwrap().is_string());
    }
    assert!(job.as_object_mut().unwrap().remove("job_id").unwrap().is_i64());
    let expected = json!({
        "id": 1, "status": "queued", "photos": chair()["photos"], "notes": "A chair", "detected_category": null,
        "detected_attributes": {}, "condition_guess": null, "suggested_price_cents": null, "suggested_currency": "USD",
        "suggested_title": null, "suggested_description": null, "recognized_by": null, "confidence": null,
        "item_id": null, "failure_reason": null
    });
    assert_eq!(job, expected);
    let read = ask(&app, "GET", "/snap-jobs/1", ANNA, None).await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    assert_eq!(ask_with(&app, "GET", "/snap-jobs/1", ("if-none-match", "\"1\""), None).await.status, 304);

    let plain = ask(&app, "POST", "/snap-jobs", ANNA, Some(&json!({ "photos": ["https://a"] }))).await;
    assert_eq!((plain.status, &plain.body["notes"]), (201, &Value::Null));
    set_status(&app, 1, "processing").await.unwrap();
    for (query, ids) in [
        ("", json!([2, 1])),
        ("?sort=created_at", json!([1, 2])),
        ("?sort=-updated_at", json!([1, 2])),
        ("?status=queued", json!([2])),
        ("?status=processing&sort=updated_at", json!([1])),
        ("?status=failed", json!([])),
    ] {
        let listed = ask(&app, "GET", &format!("/snap-jobs{query}"), ANNA, None).await;
        let found: Vec<&Value> =
            listed.body["items"].as_array().unwrap().iter().map(|job| &job["id"]).collect();
        assert_eq!((listed.status, json!(found)), (200, ids), "{query}");
    }
    assert_eq!(ask(&app, "DELETE", "/snap-jobs/2", ANNA, None).await.status, 204);
    assert_eq!(ask(&app, "GET", "/snap-jobs/2", ANNA, None).await.status, 404);
}

#[tokio::test]
async fn a_retried_post_queues_one_job() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let key = ("idempotency-key", "one");
    let first = ask_with(&app, "POST", "/snap-jobs", key, Some(&chair())).await;
    let again = ask_with(&app, "POST", "/snap-jobs", key, Some(&chair())).await;
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (201, &first.body, "true"));
    let other = ask_with(&app, "POST", "/snap-jobs", key, Some(&json!({ "photos": ["https://a"] }))).await;
    assert_eq!(other.status, 422);
    assert_eq!(ask(&app, "GET", "/snap-jobs", ANNA, None).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_is_not_deleted_from_under_its_worker() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/snap-jobs", ANNA, Some(&chair())).await;
    set_status(&app, 1, "processing").await.unwrap();
    for headers in [("if-match", "\"2\""), ("if-match", "*")] {
        let refused = ask_with(&app, "DELETE", "/snap-jobs/1", headers, None).await;
        assert_eq!(refused.status, 409);
        assert_eq!(
            refused.body["detail"],
            "cannot be deleted while processing; allowed: queued, ready, failed"
        );
    }
    assert_eq!(ask_with(&app, "DELETE", "/snap-jobs/1", ("if-match", "\"1\""), None).await.status, 412);
    assert_eq!(ask_with(&app, "DELETE", "/snap-jobs/9", ("if-match", "\"1\""), None).await.status, 404);
    set_status(&app, 1, "ready").await.unwrap();
    assert_eq!(ask_with(&app, "DELETE", "/snap-jobs/1", ("if-match", "\"2\""), None).await.status, 412);
    assert_eq!(ask_with(&app, "DELETE", "/snap-jobs/1", ("if-match", "\"3\""), None).await.status, 204);
}

#[tokio::test]
async fn the_database_takes_only_steps_that_make_sense() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let step = Err("snap_jobs_status_step_check".to_owned());
    ask(&app, "POST", "/snap-jobs", ANNA, Some(&chair())).await;
    for (to, outcome) in [
        ("ready", &step),
        ("processing", &Ok(())),
        ("queued", &Ok(())),
        ("failed", &Ok(())),
        ("ready", &step),
        ("processing", &step),
        ("queued", &Ok(())),
        ("processing", &Ok(())),
        ("ready", &Ok(())),
        ("processing", &step),
        ("queued", &step),
        ("failed", &step),
    ] {
        assert_eq!(set_status(&app, 1, to).await, *outcome, "to {to}");
    }
    let begin = "insert into snap_jobs (user_id, status) values ('anna', 'ready')";
    assert!(app.db.write_as(ANNA, begin, &[]).await.is_err());
}

#[tokio::test]
async fn another_users_job_is_as_one_that_is_missing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/snap-jobs", ANNA, Some(&chair())).await;
    for method in ["GET", "DELETE"] {
        let others = ask(&app, method, "/snap-jobs/1", BEN, None).await;
        let missing = ask(&app, method, "/snap-jobs/2", BEN, None).await;
        assert_eq!((others.status, &others.body), (404, &missing.body), "{method}");
    }
    assert_eq!(ask(&app, "GET", "/snap-jobs", BEN, None).await.body["items"], json!([]));
    // Without the statements' own predicates too.
    for sql in [
        "update snap_jobs set notes = 'x' returning id",
        "delete from snap_jobs returning id",
        "select from snap_jobs",
    ] {
        assert!(app.db.write_as(BEN, sql, &[]).await.unwrap().is_empty(), "{sql}");
    }
    assert_eq!(ask(&app, "GET", "/snap-jobs/1", ANNA, None).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn photos_are_on_the_web_or_ones_own_and_each_that_is_not_is_pointed_at() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let photos = json!({ "photos": [
        "https://example.com/a.jpg", "uploads/ben/a.jpg", "http://example.com/a.jpg", "uploads/anna/../ben/a.jpg",
        "uploads/anna2/a.jpg", "uploads/anna/a.jpg", 5, "uploads/anna//a.jpg", "a\u{0}"
    ] });
    let refused = ask(&app, "POST", "/snap-jobs", ANNA, Some(&photos)).await;
    let expected =
        ["/photos/1", "/photos/2", "/photos/3", "/photos/4", "/photos/6", "/photos/7", "/photos/8"];
    assert_eq!((refused.status, pointers(&refused)), (422, expected.to_vec()), "{}", refused.body);
    // Whatever a sub is made of, it is compared as it is; one with a slash could be another's folder, and has no uploads.
    let slash = json!({ "photos": ["uploads/google/1/a.jpg"] });
    for sub in ["google/1", "google"] {
        let status = ask(&app, "POST", "/snap-jobs", sub, Some(&slash)).await.status;
        assert_eq!(status, if sub == "google" { 201 } else { 422 }, "{sub}");
    }
    for sub in ["auth0|a%_b*", "ANNA", "a..b"] {
        let own = json!({ "photos": [format!("uploads/{sub}/a.jpg")] });
        assert_eq!(ask(&app, "POST", "/snap-jobs", sub, Some(&own)).await.status, 201, "{sub}");
        assert_eq!(
            pointers(&ask(&app, "POST", "/snap-jobs", "other", Some(&own)).await),
            ["/photos/0"],
            "{sub}"
        );
    }
}

#[tokio::test]
async fn what_a_job_may_not_be_is_refused() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let photo = "https://example.com/a.jpg";
    for (body, expected) in [
        (json!({}), vec!["/photos"]),
        (json!({ "photos": null }), vec!["/photos"]),
        (json!({ "photos": photo }), vec!["/photos"]),
        (json!({ "photos": [] }), vec!["/photos"]),
        (json!({ "photos": vec![photo; 13] }), vec!["/photos"]),
        (json!({ "photos": [null] }), vec!["/photos/0"]),
        (json!({ "photos": [photo], "notes": "" }), vec!["/notes"]),
        (json!({ "photos": [photo], "notes": "x".repeat(5001) }), vec!["/notes"]),
        (json!({ "photos": [photo], "notes": "a\u{0}" }), vec!["/notes"]),
        (json!({ "photos": [photo], "status": "ready", "user_id": "ben" }), vec!["/status", "/user_id"]),
        (
            json!({ "photos": [photo], "id": 1, "version": 2, "input_photos": [], "suggested_price_cents": 1 }),
            vec!["/id", "/input_photos", "/suggested_price_cents", "/version"],
        ),
    ] {
        let answer = ask(&app, "POST", "/snap-jobs", ANNA, Some(&body)).await;
        assert_eq!((answer.status, pointers(&answer)), (422, expected), "{body}: {}", answer.body);
    }
    assert_eq!(ask(&app, "GET", "/snap-jobs", ANNA, None).await.body["items"], json!([]));
    let full = json!({ "photos": vec![photo; 12], "notes": "𝄞".repeat(5000) });
    assert_eq!(ask(&app, "POST", "/snap-jobs", ANNA, Some(&full)).await.status, 201);

    for (query, name) in
        [("status=done", "status"), ("sort=title", "sort"), ("q=a", "q"), ("limit=0", "limit")]
    {
        let answer = ask(&app, "GET", &format!("/snap-jobs?{query}"), ANNA, None).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["parameter"]), (400, &json!(name)), "{query}");
    }
    for id in ["abc", "0", "-1", "9223372036854775808", ""] {
        assert_eq!(ask(&app, "DELETE", &format!("/snap-jobs/{id}"), ANNA, None).await.status, 404, "{id}");
    }
    assert_eq!(
        routed_paths("snap-jobs"),
        ["/snap-jobs", "/snap-jobs/uploads", "/snap-jobs/{id}", "/snap-jobs/{id}/retry"]
    );
    for (method, path, allow) in [
        ("PUT", "/snap-jobs", "GET, POST"),
        ("PATCH", "/snap-jobs/1", "GET, DELETE"),
        ("PUT", "/snap-jobs/1", "GET, DELETE"),
        ("GET", "/snap-jobs/1/retry", "POST"),
        ("GET", "/snap-jobs/uploads", "POST, PUT"),
    ] {
        let answer = ask(&app, method, path, ANNA, Some(&json!({}))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
        assert_eq!(ask(&app, method, path, "", None).await.status, 401);
    }
}
