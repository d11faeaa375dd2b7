use std::time::{Duration, Instant};

use crate::config::PostgresConfig;
use crate::testing::{PostgresServer, Proxy, TestDatabase, connect, server};
use crate::{Error, Role};

use super::Database;

const INSERT: &str =
    "insert into listings (source, source_id, title, url) values ('test', $1, 'a', 'http://a') returning id";

/// The backend that serves the connection.
async fn backend(db: &Database) -> i32 {
    db.read("select pg_backend_pid() as pid", &[]).await.expect("answers")[0].get("pid")
}

async fn terminate_backends(database: &TestDatabase) {
    let owner = database.owner().await;
    let others = "select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid()";
    owner.execute(others, &[]).await.expect("terminates");
}

#[tokio::test]
async fn the_connection_and_its_statements_are_kept() {
    let database = TestDatabase::migrated().await;
    let db = Database::new(database.config.clone(), Role::App);
    let first = backend(&db).await;
    assert_eq!(backend(&db).await, first);
    let prepared = db.read("select count(*) from pg_prepared_statements", &[]).await.expect("answers");
    assert_eq!(prepared[0].get::<_, i64>(0), 2);
}

#[tokio::test]
async fn the_role_and_its_time_limits_are_taken_with_the_connection() {
    let database = TestDatabase::migrated().await;
    for role in [Role::App, Role::Worker] {
        let db = Database::new(database.config.clone(), role);
        let user = db.read("select current_user::text as name", &[]).await.expect("answers");
        assert_eq!(user[0].get::<_, String>("name"), role.name());
        let settings = "select setting from pg_settings where name = $1";
        for (name, value) in role.settings() {
            assert_eq!(
                db.read(settings, &[name]).await.expect("answers")[0].get::<_, String>(0),
                *value,
                "{name}"
            );
        }
        // What the role has when it logs in itself, without start-up options.
        let owner = database.owner().await;
        let own =
            "select unnest(setconfig) as setting from pg_db_role_setting where setrole = $1::text::regrole";
        let rows = owner.query(own, &[&role.name()]).await.expect("answers");
        let mut own: Vec<String> = rows.iter().map(|row| row.get("setting")).collect();
        let mut expected: Vec<String> =
            role.settings().iter().map(|(name, value)| format!("{name}={value}")).collect();
        own.sort();
        expected.sort();
        assert_eq!(own, expected);
    }
}

#[tokio::test]
async fn a_role_that_logs_in_itself_sends_no_start_up_options_and_has_the_limits_all_the_same() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    owner.batch_execute("alter role deals_app password 'for-this-test'").await.expect("alters");
    let login = crate::config::Login::Password(Some(crate::config::Secret::new("for-this-test")));
    let config = PostgresConfig { user: "deals_app".into(), login, ..database.config.clone() };
    let db = Database::new(config, Role::App);
    let sql = "select setting, source from pg_settings where name = 'statement_timeout'";
    let row = &db.read(sql, &[]).await.expect("answers")[0];
    assert_eq!((row.get::<_, &str>("setting"), row.get::<_, &str>("source")), ("5000", "user"));
    owner.batch_execute("alter role deals_app password null").await.expect("alters");
}

#[tokio::test]
async fn the_first_statement_after_the_backend_was_terminated_is_good() {
    let database = TestDatabase::migrated().await;
    let db = Database::new(database.config.clone(), Role::App);
    for round in 0..20 {
        let before = backend(&db).await;
        terminate_backends(&database).await;
        // A read may come at once. A write is safe once the server's goodbye has arrived: at 10 ms the connection
        // is still trusted without a question, at 60 ms it is not.
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(if round % 4 == 0 { 10 } else { 60 })).await;
            db.write(INSERT, &[&format!("{round}")]).await.expect("is good");
        }
        assert_ne!(backend(&db).await, before);
    }
}

#[tokio::test]
async fn the_first_statement_after_a_crash_of_the_server_is_good() {
    let server = PostgresServer::start();
    let db = Database::new(server.config.clone(), Role::App);
    connect(&server.config).await.batch_execute("create role deals_app").await.expect("creates");
    for _ in 0..3 {
        backend(&db).await;
        server.crash_and_restart();
        backend(&db).await;
    }
}

#[tokio::test]
async fn the_server_looks_tables_up_before_the_first_request() {
    let database = TestDatabase::migrated().await;
    let mut config = database.config.clone();
    config.application_name = Some("warm".into());
    let db = Database::new(config, Role::App);
    db.warm_up_for(&["deals", "listings"]).await;
    let other = connect(&database.config).await;
    let last = "select query, state from pg_stat_activity where application_name = 'warm' and datname = current_database()";
    for _ in 0..100 {
        let row = other.query_one(last, &[]).await.expect("is connected");
        if row.get::<_, &str>("query") == "select from deals, listings where false" {
            assert_eq!(db.read("select 1", &[]).await.expect("answers").len(), 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server was not asked");
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error_until_it_is_back() {
    let server = PostgresServer::start();
    connect(&server.config).await.batch_execute("create role deals_app").await.expect("creates");
    server.crash();
    let db = Database::new(server.config.clone(), Role::App);
    db.warm_up().await;
    for _ in 0..2 {
        let error = db.read("select 1", &[]).await.expect_err("is down");
        assert_eq!(error.status(), 503, "{error:?}");
    }
    server.start_again();
    db.read("select 1", &[]).await.expect("is back");
    server.crash();
    let error = db.read("select 1", &[]).await.expect_err("is down again");
    assert_eq!(error.status(), 503, "{error:?}");
    server.start_again();
    db.read("select 1", &[]).await.expect("is back again");
}

#[tokio::test]
async fn the_first_statement_after_a_freeze_with_the_connection_cut_in_silence_is_good_and_quick() {
    let database = TestDatabase::migrated().await;
    let proxy = Proxy::before(&database.config).await;
    let db = Database::new(PostgresConfig { port: proxy.port, ..database.config.clone() }, Role::App);
    for round in 0..3 {
        backend(&db).await;
        proxy.cut_in_silence();
        tokio::time::sleep(Duration::from_millis(150)).await;
        let thawed = Instant::now();
        db.write(INSERT, &[&format!("{round}")]).await.expect("is good");
        assert!(thawed.elapsed() < Duration::from_secs(3), "{:?}", thawed.elapsed());
    }
}

#[tokio::test]
async fn a_write_whose_fate_is_unknown_is_not_repeated() {
    let database = TestDatabase::migrated().await;
    let db = Database::new(database.config.clone(), Role::App);
    backend(&db).await;
    let write = "with waiting as (select pg_sleep(1.5))
                 insert into listings (source, source_id, title, url) select 'test', 'once', 'a', 'http://a' from waiting
                 returning id";
    let (outcome, ()) = tokio::join!(db.write(write, &[]), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        terminate_backends(&database).await;
    });
    let error = outcome.expect_err("was cut off");
    assert_eq!(error.status(), 503, "{error:?}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let count = db.read("select count(*) from listings", &[]).await.expect("answers");
    assert_eq!(count[0].get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_read_that_was_cut_off_is_repeated() {
    let database = TestDatabase::migrated().await;
    let db = Database::new(database.config.clone(), Role::App);
    backend(&db).await;
    let (outcome, ()) = tokio::join!(db.read("select pg_sleep(1)", &[]), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        terminate_backends(&database).await;
    });
    outcome.expect("is repeated");
}

#[tokio::test]
async fn a_statement_that_a_migration_made_stale_is_prepared_anew() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    owner.batch_execute("create table a (b int); grant all on a to deals_app").await.expect("creates");
    let db = Database::new(database.config.clone(), Role::App);
    db.write("insert into a values (1) returning *", &[]).await.expect("is good");
    owner.batch_execute("alter table a add column c int").await.expect("alters");
    let rows = db.write("insert into a values (1) returning *", &[]).await.expect("is good");
    assert_eq!(rows[0].len(), 2);
    assert_eq!(db.read("select * from a", &[]).await.expect("answers").len(), 2);
}

#[tokio::test]
async fn an_abandoned_statement_does_not_leave_its_connection_behind() {
    let database = TestDatabase::migrated().await;
    let db = Database::new(database.config.clone(), Role::App);
    let before = backend(&db).await;
    let abandoned = tokio::time::timeout(Duration::from_millis(100), db.read("select pg_sleep(3)", &[]));
    abandoned.await.expect_err("takes longer");
    let asked = Instant::now();
    assert_ne!(backend(&db).await, before);
    assert!(asked.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let login = crate::config::Login::Password(Some(crate::config::Secret::new("hunter2")));
    let db = Database::new(PostgresConfig { login, ..server() }, Role::App);
    let error = db.read("select 1", &[]).await.expect_err("is refused");
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    assert!(error.cause().contains("28P01"), "{}", error.cause());
    assert!(!format!("{error:?} {}", error.cause()).contains("hunter2"));
}
