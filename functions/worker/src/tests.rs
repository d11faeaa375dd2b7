use shared::config::Config;
use shared::db::marketplace_accounts::NewMarketplaceAccount;
use shared::seal::Keys;
use shared::testing::{CREDENTIALS_KEYS, TestDatabase, config, request};
use shared::{db, http};

use super::*;

const ROTATE: &str = include_str!("../../../events/worker_rotate-credentials.json");

async fn ask(app: &'static App, payload: &str) -> Result<Value, String> {
    let payload = serde_json::from_str(payload).unwrap();
    let answer =
        handle(app, Arc::default(), LambdaEvent::new(payload, lambda_runtime::Context::default())).await;
    answer.map_err(|error| error.error_message)
}

/// Keys with a new one before those of the tests.
fn rotated_keys() -> Keys {
    Keys::parse(&format!("new:bmV3ZXIgdGhhbiB0aGUgb25lIG9mIHRoZSB0ZXN0cy4=,{CREDENTIALS_KEYS}")).unwrap()
}

/// An account on eBay, sealed by the tests' key.
async fn connect(app: &App, user_id: &str, pin: &str) {
    let body = json!({ "platform": "ebay", "credentials": { "pin": pin } });
    let request = request("POST", "/marketplace-accounts", user_id, Some(&body));
    let new = http::body(&request, NewMarketplaceAccount::read).unwrap();
    let keys = Keys::parse(CREDENTIALS_KEYS).unwrap();
    marketplace_accounts::insert(&app.db, &keys, user_id, None, &new).await.unwrap();
}

fn worker(database: &TestDatabase, credentials_keys: Option<Keys>) -> &'static App {
    Box::leak(Box::new(App::new(Config { credentials_keys, ..config(&database.config) }, Role::Worker)))
}

#[tokio::test]
async fn credentials_of_every_user_are_sealed_anew_once() {
    let database = TestDatabase::migrated().await;
    let serving = database.app();
    for number in 0..450 {
        connect(&serving, &format!("user {number}"), &number.to_string()).await;
    }
    let owner = database.owner().await;
    let insert = "insert into marketplace_accounts (user_id, platform) values ('anna', 'ebay')";
    owner.execute(insert, &[]).await.unwrap();
    let app = worker(&database, Some(rotated_keys()));
    assert_eq!(ask(app, ROTATE).await, Ok(json!({ "rotated": 450 })));
    assert_eq!(ask(app, ROTATE).await, Ok(json!({ "rotated": 0 })));
    let versions: i64 =
        owner.query_one("select sum(version) from marketplace_accounts", &[]).await.unwrap().get(0);
    assert_eq!(versions, 451, "to its owner an account has not changed");

    // The old key is not needed any more.
    let new = Keys::parse("new:bmV3ZXIgdGhhbiB0aGUgb25lIG9mIHRoZSB0ZXN0cy4=").unwrap();
    let opened = marketplace_accounts::open(&app.db, &new, "user 449", "ebay").await.unwrap().unwrap();
    assert_eq!(opened.get("pin"), Some("449"));
}

#[tokio::test]
async fn what_does_not_open_is_told_after_the_rest_is_done() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    connect(&database.app(), "anna", "hunter2").await;
    connect(&database.app(), "ben", "hunter2").await;
    let moved = "update marketplace_accounts set credentials =
                     (select credentials from marketplace_accounts where user_id = 'ben') where user_id = 'anna'";
    owner.execute(moved, &[]).await.unwrap();
    let app = worker(&database, Some(rotated_keys()));
    let error = ask(app, ROTATE).await.unwrap_err();
    assert!(error.starts_with("a secret was changed, sealed for another row"), "{error}");
    let other = Keys::parse(CREDENTIALS_KEYS).unwrap();
    let ben = marketplace_accounts::open(&app.db, &other, "ben", "ebay").await;
    assert_eq!(ben.unwrap_err().cause(), "a secret was sealed by a key that is not among CREDENTIALS_KEYS");
}

#[tokio::test]
async fn a_task_that_is_unknown_or_lacks_its_keys_is_an_error_in_words() {
    let database = TestDatabase::migrated().await;
    let app = worker(&database, None);
    for payload in
        ["null", "[]", "{\"task\":5}", "{\"task\":\"hunter2\"}", "{\"task\":\"requeue\",\"until\":\"empty\"}"]
    {
        assert_eq!(ask(app, payload).await, Err(TASKS.into()), "{payload}");
    }
    assert_eq!(ask(app, "{\"until\":5}").await, Err("until must be empty, or left out".into()));
    let error = "CREDENTIALS_KEYS is not set, and this function needs it";
    assert_eq!(ask(app, ROTATE).await, Err(error.into()));
}

#[tokio::test]
async fn of_an_account_the_worker_changes_the_credentials_alone() {
    let database = TestDatabase::migrated().await;
    let (worker, _) = db::connect(&database.config, Some(Role::Worker)).await.unwrap();
    for statement in [
        "update marketplace_accounts set user_id = 'mallory'",
        "update marketplace_accounts set account_name = 'mallory'",
        "insert into marketplace_accounts (user_id, platform) values ('mallory', 'ebay')",
        "delete from marketplace_accounts",
    ] {
        let error = worker.batch_execute(statement).await.expect_err(statement);
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{statement}");
    }
}

#[tokio::test]
async fn what_is_over_for_long_is_deleted_and_nothing_else() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let rows = "
        insert into jobs (user_id, kind) select 'anna', 'delivery' from generate_series(1, 4);
        update jobs set status = 'running', lease_token = gen_random_uuid(), lease_expires_at = now();
        update jobs set status = case id when 1 then 'dead' when 4 then 'dead' else 'done' end::job_status,
            lease_token = null, lease_expires_at = null,
            finished_at = now() - case id when 1 then 60 when 2 then 31 when 3 then 29 else 91 end * interval '1 day';
        insert into idempotency_keys (user_id, key, fingerprint, status, location, etag, body, expires_at)
            values ('anna', 'old', '', 201, '', '', '', now()), ('anna', 'new', '', 201, '', '', '', now() + interval '1 minute');
        insert into notifications (user_id, channel, created_at)
            values ('anna', 'inbox', now() - interval '181 days'), ('anna', 'inbox', now())";
    owner.batch_execute(rows).await.unwrap();
    let app = worker(&database, None);
    assert_eq!(ask(app, "{\"task\":\"retention\"}").await, Ok(json!({ "deleted": 4 })));
    assert_eq!(ask(app, "{\"task\":\"retention\"}").await, Ok(json!({ "deleted": 0 })));
    let left = "select string_agg(id::text, ',' order by id) || ' ' || (select string_agg(key, ',') from idempotency_keys)
                    || ' ' || (select count(*) from notifications) from jobs";
    assert_eq!(owner.query_one(left, &[]).await.unwrap().get::<_, String>(0), "1,3 new 1");
}
