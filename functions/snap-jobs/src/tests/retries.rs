//! A job that failed is tried again, by new work, of which workers are told.

use shared::Role;
use shared::config::Config;
use shared::testing::{RedisServer, config};

use super::*;

#[tokio::test]
async fn a_job_that_failed_is_queued_again_once_and_announced() {
    let database = TestDatabase::migrated().await;
    let redis = RedisServer::start();
    let lookup = |name: &str| (name == "REDIS_URL").then(|| redis.url.clone());
    let redis_config = Config::from_lookup(&lookup).unwrap().redis;
    let app = App::new(Config { redis: redis_config, ..config(&database.config) }, Role::App);

    let created = ask(&app, "POST", "/snap-jobs", ANNA, Some(&chair())).await;
    assert_eq!(app.cache.queue_depth().await.unwrap(), Some(1));
    for status in ["queued", "processing"] {
        let _ = set_status(&app, 1, status).await;
        let refused = ask(&app, "POST", "/snap-jobs/1/retry", ANNA, None).await;
        let detail = format!("cannot be retried while {status}; allowed: failed");
        assert_eq!((refused.status, &refused.body["detail"]), (409, &json!(detail)));
    }
    let owner = database.owner().await;
    owner
        .execute("update snap_jobs set status = 'failed', failure_reason = 'photo 1: gone'", &[])
        .await
        .unwrap();
    let missing = ask(&app, "POST", "/snap-jobs/9/retry", BEN, None).await;
    let others = ask(&app, "POST", "/snap-jobs/1/retry", BEN, None).await;
    assert_eq!((others.status, &others.body), (404, &missing.body));

    let key = ("idempotency-key", "again");
    let first = ask_with(&app, "POST", "/snap-jobs/1/retry", key, None).await;
    assert_eq!((first.status, first.header("location")), (200, "/snap-jobs/1"), "{}", first.body);
    assert_eq!((&first.body["status"], &first.body["failure_reason"]), (&json!("queued"), &Value::Null));
    assert!(first.body["job_id"].as_i64() > created.body["job_id"].as_i64(), "{}", first.body);
    let read = ask(&app, "GET", "/snap-jobs/1", ANNA, None).await;
    assert_eq!((read.header("etag"), &read.body), (first.header("etag"), &first.body));
    let again = ask_with(&app, "POST", "/snap-jobs/1/retry", key, None).await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    assert_eq!(ask(&app, "POST", "/snap-jobs/1/retry", ANNA, None).await.status, 409);
    assert_eq!(app.cache.queue_depth().await.unwrap(), Some(2), "a repetition tells nothing");
    let queued: i64 =
        owner.query_one("select count(*) from jobs where status = 'queued'", &[]).await.unwrap().get(0);
    assert_eq!(queued, 2, "the first one's was not taken in this test");

    // What could not be retried is kept under no key.
    let refused = ask_with(&app, "POST", "/snap-jobs/1/retry", ("idempotency-key", "early"), None).await;
    owner.execute("update snap_jobs set status = 'failed'", &[]).await.unwrap();
    let later = ask_with(&app, "POST", "/snap-jobs/1/retry", ("idempotency-key", "early"), None).await;
    assert_eq!((refused.status, later.status, later.header("idempotent-replayed")), (409, 200, ""));
}

#[tokio::test]
async fn without_redis_a_job_is_queued_all_the_same() {
    let database = TestDatabase::migrated().await;
    let lookup = |name: &str| (name == "REDIS_URL").then(|| "redis://127.0.0.1:1".to_owned());
    let redis = Config::from_lookup(&lookup).unwrap().redis;
    let app = App::new(Config { redis, ..config(&database.config) }, Role::App);
    assert_eq!(ask(&app, "POST", "/snap-jobs", ANNA, Some(&chair())).await.status, 201);
}

#[tokio::test]
async fn a_draft_or_a_job_that_is_gone_makes_another_version() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "POST", "/snap-jobs", ANNA, Some(&chair())).await;
    let owner = database.owner().await;
    owner
        .batch_execute(
            "insert into my_items (user_id, title) values ('anna', 'Chair'), ('ben', 'His');
             update snap_jobs set status = 'processing';
             update snap_jobs set status = 'ready', item_id = 1, version = version + 1;",
        )
        .await
        .unwrap();
    let others = owner.execute("update snap_jobs set item_id = 2", &[]).await.unwrap_err();
    assert_eq!(others.as_db_error().unwrap().constraint(), Some("snap_jobs_item_id_user_id_fkey"));
    let before = ask(&app, "GET", "/snap-jobs/1", ANNA, None).await;
    assert_eq!((before.header("etag"), &before.body["item_id"]), ("\"2\"", &json!(1)));
    app.db.write_as(ANNA, "delete from my_items where id = 1", &[]).await.unwrap();
    owner.execute("delete from jobs", &[]).await.unwrap();
    let after = ask(&app, "GET", "/snap-jobs/1", ANNA, None).await;
    assert_eq!((after.header("etag"), &after.body["status"]), ("\"4\"", &json!("ready")));
    assert_eq!((&after.body["item_id"], &after.body["job_id"]), (&Value::Null, &Value::Null));
}
