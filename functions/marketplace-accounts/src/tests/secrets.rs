//! Where the secrets are not: in no answer, no error, no column, no dump; and who can open them.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use shared::Role;
use shared::config::Config;
use shared::db::marketplace_accounts::{open, rotate};
use shared::seal::Keys;
use shared::testing::config;

use super::*;

const OLD: &str = "old:b2xkZXIgdGhhbiB0aGUgb25lIG9mIHRoZSB0ZXN0cy4=";
const NEW: &str = "new:bmV3ZXIgdGhhbiB0aGUgb25lIG9mIHRoZSB0ZXN0cy4=";

fn app_with(database: &TestDatabase, keys: &str, role: Role) -> App {
    let credentials_keys = Some(Keys::parse(keys).unwrap());
    App::new(Config { credentials_keys, ..config(&database.config) }, role)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What tells a secret in a dump: in clear, in hex, in base64 wherever it begins, and as a digest to be guessed by.
fn traces(secret: &str, body: &str) -> Vec<String> {
    let mut traces = vec![
        secret.to_owned(),
        hex(secret.as_bytes()),
        hex(&Sha256::digest(secret)),
        hex(&Sha256::digest(body)),
        hex(&Sha256::digest(format!("/marketplace-accounts\0{body}"))),
    ];
    for before in 0..3 {
        let text = STANDARD_NO_PAD.encode([vec![0; before], secret.as_bytes().to_vec()].concat());
        let whole = (before + secret.len()) / 3 * 4;
        traces.push(text[[0, 2, 3][before]..whole].to_owned());
    }
    traces
}

fn dump(database: &TestDatabase) -> String {
    let folder = std::env::var("TEST_POSTGRES_BIN").expect("is set: run the tests by `make test`");
    let output = Command::new(format!("{folder}/pg_dump")).arg(database.url()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_dump_of_the_database_holds_no_planted_secret() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    // One to be found by chance never, and one to be guessed soon.
    let (token, pin) = ("planted-Qm9ndXMgdG9rZW4-secret", "hunter2");
    let body = json!({ "platform": "ebay", "credentials": { "token": token, "pin": pin } });
    let key = Some(("idempotency-key", "k"));
    let path = "/marketplace-accounts";
    let created = ask_with(&app, ("POST", path), ANNA, Some(&body), key).await;
    assert_eq!(created.status, 201);
    let replayed = ask_with(&app, ("POST", path), ANNA, Some(&body), key).await;
    assert_eq!((replayed.status, replayed.header("idempotent-replayed")), (201, "true"));
    let patch = json!({ "credentials": { "token": token, "pin": pin } });
    let changed = ask(&app, "PATCH", "/marketplace-accounts/1", ANNA, Some(&patch)).await;
    assert_eq!(changed.status, 200);
    let list = ask(&app, "GET", path, ANNA, None).await;
    for answer in [created, replayed, changed, list] {
        let answer = format!("{answer:?}");
        assert!(!answer.contains("planted") && !answer.contains(pin), "{answer}");
    }

    let clean = dump(&database);
    assert!(clean.contains(r#"{"pin": "", "token": "cret"}"#), "the hint is there");
    let traces = [traces(token, &body.to_string()), traces(pin, &body.to_string())].concat();
    for trace in &traces {
        assert!(!clean.contains(trace), "{trace}");
    }
    // That search finds what is there to be found.
    let owner = database.owner().await;
    let plant = "update marketplace_accounts set account_name = $1, credentials = convert_to($1, 'UTF8')";
    owner.execute(plant, &[&token]).await.unwrap();
    let planted = dump(&database);
    assert!(planted.contains(&traces[0]) && planted.contains(&traces[1]));
}

#[tokio::test]
async fn a_repeated_request_is_known_by_its_secret_also_after_a_rotation_of_keys() {
    let database = TestDatabase::migrated().await;
    let before = app_with(&database, OLD, Role::App);
    let after = app_with(&database, &format!("{NEW},{OLD}"), Role::App);
    let post = async |app: &App, pin: &str| {
        let body = json!({ "platform": "ebay", "credentials": { "pin": pin } });
        ask_with(app, ("POST", "/marketplace-accounts"), ANNA, Some(&body), Some(("idempotency-key", "k")))
            .await
    };
    let created = post(&before, "1234").await;
    let again = post(&after, "1234").await;
    assert_eq!((created.status, again.status, &again.body), (201, 201, &created.body));
    assert_eq!((post(&before, "1235").await.status, post(&after, "1235").await.status), (422, 422));
}

#[tokio::test]
async fn credentials_open_for_their_own_account_alone() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let keys = app.credentials_keys().unwrap();
    for (caller, platform) in [(ANNA, "ebay"), (ANNA, "etsy"), (BEN, "ebay")] {
        let body = json!({ "platform": platform, "credentials": { "of": format!("{caller} {platform}") } });
        assert_eq!(ask(&app, "POST", "/marketplace-accounts", caller, Some(&body)).await.status, 201);
    }
    let opened = open(&app.db, keys, ANNA, "ebay").await.unwrap().unwrap();
    assert_eq!(opened.get("of"), Some("anna ebay"));

    // Moved to another platform, and to another user.
    let owner = database.owner().await;
    let moved = "update marketplace_accounts set credentials =
                     (select credentials from marketplace_accounts where user_id = 'anna' and platform = 'ebay')";
    owner.execute(moved, &[]).await.unwrap();
    for (user_id, platform) in [(ANNA, "etsy"), (BEN, "ebay")] {
        let error = open(&app.db, keys, user_id, platform).await.unwrap_err();
        assert!(error.cause().starts_with("a secret was changed, sealed for another row"), "{error:?}");
        assert_eq!(error.status(), 500);
        assert!(!format!("{error} {error:?}").contains("anna ebay"));
    }
    assert!(open(&app.db, keys, ANNA, "ebay").await.is_ok());

    // By a key that has gone, and by another one that took its id.
    let gone = Keys::parse(NEW).unwrap();
    let error = open(&app.db, &gone, ANNA, "ebay").await.unwrap_err();
    assert_eq!(error.cause(), "a secret was sealed by a key that is not among CREDENTIALS_KEYS");
    let taken = Keys::parse(&NEW.replace("new:", "test:")).unwrap();
    assert_eq!(open(&app.db, &taken, ANNA, "ebay").await.unwrap_err().status(), 500);

    // Whoever cannot open it can still see, replace and delete the account.
    let app = app_with(&database, NEW, Role::App);
    assert_eq!(ask(&app, "GET", "/marketplace-accounts/1", ANNA, None).await.body["connected"], true);
    let patch = json!({ "credentials": { "of": "another" } });
    assert_eq!(ask(&app, "PATCH", "/marketplace-accounts/1", ANNA, Some(&patch)).await.status, 200);
    assert!(open(&app.db, &gone, ANNA, "ebay").await.is_ok());
    let disconnect = json!({ "credentials": null });
    assert_eq!(ask(&app, "PATCH", "/marketplace-accounts/1", ANNA, Some(&disconnect)).await.status, 200);
    assert_eq!(open(&app.db, &gone, ANNA, "ebay").await.unwrap(), None);
}

/// Environments with the old keys still serve while those with the new ones begin, and the worker rotates.
#[tokio::test]
async fn keys_are_rotated_while_requests_go_on() {
    const USERS: usize = 120;
    let database = TestDatabase::migrated().await;
    let both = format!("{NEW},{OLD}");
    let (old, new) = (app_with(&database, OLD, Role::App), app_with(&database, &both, Role::App));
    // First, every environment learns to open what the new key seals; only then does it seal.
    let old_and_learnt = app_with(&database, &format!("{OLD},{NEW}"), Role::App);
    let worker = app_with(&database, &both, Role::Worker);
    for user in 0..USERS {
        let body = json!({ "platform": "ebay", "credentials": { "pin": "first" } });
        let user = user.to_string();
        assert_eq!(ask(&old, "POST", "/marketplace-accounts", &user, Some(&body)).await.status, 201);
    }

    let requests = async |app: &App, remainder: usize, pin: &str| {
        for user in (0..USERS).filter(|user| user % 3 == remainder) {
            let (name, path) = (user.to_string(), format!("/marketplace-accounts/{}", user + 1));
            let patch = json!({ "credentials": { "pin": pin } });
            let changed = ask(app, "PATCH", &path, &name, Some(&patch)).await;
            assert_eq!(changed.status, 200, "{}", changed.body);
            for other in [user, (user + 1) % USERS] {
                let keys = app.credentials_keys().unwrap();
                let opened = open(&app.db, keys, &other.to_string(), "ebay").await.unwrap();
                assert!(opened.is_some());
            }
        }
    };
    let rotations = async {
        for _ in 0..20 {
            rotate(&worker.db, worker.credentials_keys().unwrap()).await.unwrap();
        }
    };
    futures_util::join!(
        requests(&old_and_learnt, 0, "by the old"),
        requests(&new, 1, "by the new"),
        rotations
    );
    // The last environments with the old keys are gone.
    while rotate(&worker.db, worker.credentials_keys().unwrap()).await.unwrap() > 0 {}

    let keys = Keys::parse(NEW).unwrap();
    for user in 0..USERS {
        let opened = open(&new.db, &keys, &user.to_string(), "ebay").await.unwrap().unwrap();
        let pin = ["by the old", "by the new", "first"][user % 3];
        assert_eq!(opened.get("pin"), Some(pin), "{user}");
    }
}

#[tokio::test]
async fn what_an_owner_changes_while_the_worker_seals_stays_as_the_owner_left_it() {
    let database = TestDatabase::migrated().await;
    let both = format!("{NEW},{OLD}");
    let (old, new) = (app_with(&database, OLD, Role::App), app_with(&database, &both, Role::App));
    let (owner, observer) = (database.owner().await, database.owner().await);
    let sealed = async || -> Vec<u8> {
        observer.query_one("select credentials from marketplace_accounts", &[]).await.unwrap().get(0)
    };
    let body = json!({ "platform": "ebay", "credentials": { "pin": "first" } });
    assert_eq!(ask(&old, "POST", "/marketplace-accounts", ANNA, Some(&body)).await.status, 201);
    let first = sealed().await;
    let patch = json!({ "credentials": { "pin": "second" } });
    assert_eq!(ask(&new, "PATCH", "/marketplace-accounts/1", ANNA, Some(&patch)).await.status, 200);
    let second = sealed().await;

    // The change again, not committed yet when the worker looks.
    let change = "update marketplace_accounts set credentials = $1";
    owner.execute(change, &[&first]).await.unwrap();
    owner.batch_execute("begin").await.unwrap();
    owner.execute(change, &[&second]).await.unwrap();
    let worker = app_with(&database, &both, Role::Worker);
    let commit = async {
        let waiting = "select exists (select from pg_stat_activity
                                      where datname = current_database() and wait_event_type = 'Lock')";
        while !observer.query_one(waiting, &[]).await.unwrap().get::<_, bool>(0) {}
        owner.batch_execute("commit").await.unwrap();
    };
    let (rotated, ()) = futures_util::join!(rotate(&worker.db, worker.credentials_keys().unwrap()), commit);
    assert_eq!(rotated.unwrap(), 0);
    assert_eq!(sealed().await, second);
}
