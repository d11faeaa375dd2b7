use std::time::Duration;

use refinery::Migration;
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::{MigrationError, Report, State, embedded, history, migrate, plan};
use crate::config::{Login, PostgresConfig, Secret};
use crate::testing::{PostgresServer, TestDatabase, connect};
use crate::{Role, db};

const INDEX: &str = "-- refinery:no-transaction\ncreate index concurrently if not exists a_b_idx on a (b);\n";

fn files(files: &[(&str, &str)]) -> Vec<Migration> {
    files.iter().map(|(name, sql)| Migration::unapplied(name, sql).expect("has a good name")).collect()
}

async fn run(database: &TestDatabase, migrations: &[Migration]) -> Result<Report, MigrationError> {
    migrate(&mut database.owner().await, migrations, Instant::now() + Duration::from_secs(20)).await
}

async fn strings(client: &Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).await.expect("answers").iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_first_run_creates_the_ten_tables_and_the_second_applies_nothing() {
    let database = TestDatabase::empty().await;
    let embedded = embedded();
    let names: Vec<String> = embedded.iter().map(ToString::to_string).collect();

    let first = run(&database, &embedded).await.expect("migrates");
    assert_eq!(first.applied, names);
    assert_eq!((first.state, first.pending.len()), (State::UpToDate, 0));
    assert_eq!(first.current_version, embedded.last().map(Migration::version));
    let tables = "select tablename::text from pg_tables where schemaname = 'public'
                  and tablename not in ('refinery_schema_history', 'idempotency_keys') order by 1";
    let ten = [
        "comps",
        "cross_posts",
        "listing_scores",
        "listings",
        "marketplace_accounts",
        "my_items",
        "notifications",
        "orders",
        "snap_jobs",
        "user_prefs",
    ];
    let tables = strings(&database.owner().await, tables).await;
    assert!(ten.iter().all(|table| tables.iter().any(|there| there == table)), "{tables:?}");

    let second = run(&database, &embedded).await.expect("migrates");
    assert_eq!(second, Report { applied: vec![], ..first });
}

#[tokio::test]
async fn twenty_runs_at_once_all_succeed_and_apply_each_migration_once() {
    let database = TestDatabase::empty().await;
    let migrations: Vec<Migration> =
        [embedded(), files(&[("V900__a", "create table a (b int)"), ("V901__index_a", INDEX)])].concat();
    // One after the other: twenty logins at once may pass their deadline on a slow machine, and are not what this is about.
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(database.owner().await);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let runs = clients.iter_mut().map(|client| migrate(client, &migrations, deadline));
    let reports = futures_util::future::try_join_all(runs).await.expect("all succeed");
    let applied: Vec<String> = reports.into_iter().flat_map(|report| report.applied).collect();
    let names: Vec<String> = migrations.iter().map(ToString::to_string).collect();
    assert_eq!(applied, names);
    let recorded = history(&database.owner().await).await.expect("is there");
    assert_eq!(recorded, names);
    let invalid = "select indexrelid::regclass::text from pg_index where not indisvalid";
    assert_eq!(strings(&database.owner().await, invalid).await, [""; 0]);
}

/// On a new cluster, where all of them find that the roles are missing.
#[tokio::test]
async fn databases_of_one_cluster_can_be_migrated_at_once_though_they_share_roles() {
    let server = PostgresServer::start();
    let owner = connect(&server.config).await;
    let embedded = embedded();
    let mut clients = Vec::new();
    for number in 0..6 {
        owner.batch_execute(&format!("create database d{number}")).await.expect("creates");
        clients
            .push(connect(&PostgresConfig { database: format!("d{number}"), ..server.config.clone() }).await);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let runs = clients.iter_mut().map(|client| migrate(client, &embedded, deadline));
    futures_util::future::try_join_all(runs).await.expect("all succeed");
}

#[tokio::test]
async fn an_applied_file_that_was_edited_is_refused_by_name_before_anything_runs() {
    let database = TestDatabase::empty().await;
    run(&database, &files(&[("V1__a", "create table a ()"), ("V2__b", "create table b ()")]))
        .await
        .expect("migrates");
    let edited = files(&[
        ("V1__a", "create table a ()"),
        ("V2__b", "create table x ()"),
        ("V3__c", "create table c ()"),
    ]);
    let error = run(&database, &edited).await.expect_err("is refused").to_string();
    assert!(error.starts_with("V2__b was changed after it was applied"), "{error}");
    let renamed = files(&[("V1__a", "create table a ()"), ("V2__other", "create table b ()")]);
    let error = run(&database, &renamed).await.expect_err("is refused").to_string();
    assert!(error.starts_with("V2__other was changed after it was applied"), "{error}");
    assert_eq!(history(&database.owner().await).await.expect("is there"), ["V1__a", "V2__b"]);
}

#[tokio::test]
async fn an_old_release_finds_a_newer_schema_as_it_should_be() {
    let database = TestDatabase::empty().await;
    let newer = files(&[
        ("V1__a", "create table a ()"),
        ("V2__b", "create table b ()"),
        ("V3__c", "create table c ()"),
    ]);
    run(&database, &newer).await.expect("migrates");
    let report = run(&database, &newer[..1]).await.expect("is as it should be");
    assert_eq!(
        (report.state, report.current_version, report.target_version),
        (State::Ahead, Some(3), Some(1))
    );
    assert_eq!(report.unknown, ["V2__b", "V3__c"]);
    assert_eq!((report.applied.len(), report.pending.len()), (0, 0));
}

#[tokio::test]
async fn a_gap_or_a_foreign_migration_is_refused_by_name() {
    let (a, b, c, d) = (
        ("V1__a", "create table a ()"),
        ("V2__b", "create table b ()"),
        ("V3__c", "create table c ()"),
        ("V4__d", "create table d ()"),
    );
    let database = TestDatabase::empty().await;
    run(&database, &files(&[a, c])).await.expect("migrates");
    let refused = [
        // Merged late: older than what was applied.
        (vec![a, b, c], "V2__b was never applied, and is older than V3__c"),
        // The same, where the newer one is another branch's.
        (vec![a, b], "V2__b was never applied, and is older than V3__c"),
        // Another branch's, on which this release would build.
        (vec![a, d], "the database has V3__c, which this release does not know"),
    ];
    for (migrations, expected) in refused {
        let error = run(&database, &files(&migrations)).await.expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(history(&database.owner().await).await.expect("is there"), ["V1__a", "V3__c"]);
    }
}

#[tokio::test]
async fn a_plan_changes_nothing() {
    let database = TestDatabase::empty().await;
    let migrations = files(&[("V1__a", "create table a ()")]);
    let report = plan(&database.owner().await, &migrations).await.expect("plans");
    assert_eq!((report.state, report.pending.as_slice()), (State::Behind, &["V1__a".to_owned()][..]));
    assert_eq!(report.current_version, None);
    let tables = "select tablename::text from pg_tables where schemaname = 'public'";
    assert_eq!(strings(&database.owner().await, tables).await, [""; 0]);
}

#[tokio::test]
async fn a_failed_migration_leaves_nothing_of_itself_and_says_what_is_wrong() {
    let database = TestDatabase::empty().await;
    let migrations =
        files(&[("V1__a", "create table a ()"), ("V2__b", "create table b (); create table a ()")]);
    let error = run(&database, &migrations).await.expect_err("fails").to_string();
    assert_eq!(
        error,
        "V2__b failed: relation \"a\" already exists (SQLSTATE 42P07, routine heap_create_with_catalog)"
    );
    assert_eq!(history(&database.owner().await).await.expect("is there"), ["V1__a"]);
    let tables = "select tablename::text from pg_tables where tablename = 'b'";
    assert_eq!(strings(&database.owner().await, tables).await, [""; 0]);
}

#[tokio::test]
async fn a_message_that_quotes_a_row_is_not_told() {
    let database = TestDatabase::empty().await;
    let rows = "create table a (b text); insert into a values ('hunter2'), ('hunter2')";
    let migrations = files(&[("V1__a", rows), ("V2__b", "create unique index a_b_key on a (b)")]);
    let error = run(&database, &migrations).await.expect_err("fails").to_string();
    assert!(error.starts_with("V2__b failed: SQLSTATE 23505") && !error.contains("hunter2"), "{error}");
}

/// A client that was killed while it built an index leaves it invalid, and "if not exists" would keep it.
#[tokio::test]
async fn an_index_that_was_left_invalid_is_built_anew() {
    let database = TestDatabase::empty().await;
    let owner = database.owner().await;
    let table = ("V1__a", "create table a (b int); insert into a values (1), (1)");
    run(&database, &files(&[table])).await.expect("migrates");
    let build = "create unique index concurrently a_b_idx on a (b)";
    owner.batch_execute(build).await.expect_err("is not unique");
    owner.batch_execute("delete from a").await.expect("deletes");
    let validity = "select indisvalid::text from pg_index where indexrelid = 'a_b_idx'::regclass";
    assert_eq!(strings(&owner, validity).await, ["false"]);

    let report = run(&database, &files(&[table, ("V2__index_a", INDEX)])).await.expect("converges");
    assert_eq!(report.applied, ["V2__index_a"]);
    assert_eq!(strings(&owner, validity).await, ["true"]);
    let kind = "select indisunique::text from pg_index where indexrelid = 'a_b_idx'::regclass";
    assert_eq!(strings(&owner, kind).await, ["false"], "is the one that the file asks for");
}

#[tokio::test]
async fn a_file_without_a_transaction_that_could_not_be_run_again_is_refused_before_anything_runs() {
    let database = TestDatabase::empty().await;
    let update = "-- refinery:no-transaction\nupdate a set b = 1;";
    let migrations = files(&[("V1__a", "create table a (b int)"), ("V2__update", update)]);
    let error = run(&database, &migrations).await.expect_err("is refused").to_string();
    assert!(error.starts_with("V2__update says no-transaction"), "{error}");
    assert_eq!(history(&database.owner().await).await.expect("is there"), [""; 0]);
}

#[tokio::test]
async fn a_migration_leaves_the_queue_for_a_lock_so_that_others_get_through_and_comes_again() {
    let database = TestDatabase::empty().await;
    let table = ("V1__a", "create table a (b int)");
    run(&database, &files(&[table])).await.expect("migrates");
    let mut reader = database.owner().await;
    let reading = reader.transaction().await.expect("begins");
    reading.query("select * from a", &[]).await.expect("reads");

    let migrations = files(&[table, ("V2__widen", "alter table a add column c int")]);
    let migrating = run(&database, &migrations);
    let others = async {
        // In the meantime, others wait no longer than the migration queues.
        let other = database.owner().await;
        let mut longest = Duration::ZERO;
        let end = Instant::now() + Duration::from_secs(4);
        while Instant::now() < end {
            let asked = Instant::now();
            other.query("select * from a", &[]).await.expect("reads");
            longest = longest.max(asked.elapsed());
            sleep(Duration::from_millis(20)).await;
        }
        reading.commit().await.expect("ends");
        longest
    };
    let (report, longest) = tokio::join!(migrating, others);
    assert_eq!(report.expect("comes again").applied, ["V2__widen"]);
    assert!(longest > super::LOCK_TIMEOUT / 2, "the migration did queue: {longest:?}");
    assert!(longest < super::LOCK_TIMEOUT + Duration::from_millis(900), "{longest:?}");
}

/// Building an index waits for older transactions, however long, since nobody queues behind it.
#[tokio::test]
async fn an_index_is_built_though_a_transaction_is_open_for_longer_than_a_lock_is_waited_for() {
    let database = TestDatabase::empty().await;
    let table = ("V1__a", "create table a (b int)");
    run(&database, &files(&[table])).await.expect("migrates");
    let reader = database.owner().await;
    let snapshot = "begin isolation level repeatable read; select * from a";
    reader.batch_execute(snapshot).await.expect("reads");
    let migrations = files(&[table, ("V2__index_a", INDEX), ("V3__c", "create table c ()")]);
    let started = Instant::now();
    let (report, ()) = tokio::join!(run(&database, &migrations), async {
        sleep(super::LOCK_TIMEOUT + Duration::from_millis(800)).await;
        reader.batch_execute("commit").await.expect("ends");
    });
    assert_eq!(report.expect("migrates").applied, ["V2__index_a", "V3__c"]);
    assert!(started.elapsed() > super::LOCK_TIMEOUT);
}

/// An environment that is frozen with the lock in its hands, because its time was up, must not keep it.
#[tokio::test]
async fn the_session_that_holds_the_lock_ends_when_nothing_comes_from_it() {
    let database = TestDatabase::empty().await;
    let mut client = database.owner().await;
    migrate(&mut client, &[], Instant::now() + Duration::from_secs(5)).await.expect("migrates");
    let limits = "select setting from pg_settings
                  where name in ('idle_session_timeout', 'idle_in_transaction_session_timeout')";
    assert_eq!(strings(&client, limits).await, ["30000", "30000"]);
}

/// As in RDS, where nobody is a superuser.
#[tokio::test]
async fn an_owner_who_is_no_superuser_can_migrate_and_serve() {
    let server = PostgresServer::start();
    let superuser = connect(&server.config).await;
    for statement in [
        "create role rds_iam",
        "create role deals_owner login createrole password 'for-this-test'",
        "grant rds_iam to deals_owner with admin option",
        "create database owned owner deals_owner",
    ] {
        superuser.batch_execute(statement).await.expect(statement);
    }
    let login = Login::Password(Some(Secret::new("for-this-test")));
    let config = PostgresConfig {
        user: "deals_owner".into(),
        database: "owned".into(),
        login,
        ..server.config.clone()
    };
    let mut owner = connect(&config).await;
    let report = migrate(&mut owner, &embedded(), Instant::now() + Duration::from_secs(20)).await;
    assert_eq!(report.expect("migrates").state, State::UpToDate);
    let members = "select roleid::regrole::text || ' ' || member::regrole::text from pg_auth_members
                   where roleid = 'rds_iam'::regrole and member <> 'deals_owner'::regrole order by 1";
    assert_eq!(strings(&owner, members).await, ["rds_iam deals_app", "rds_iam deals_worker"]);
    // Forced row-level security holds the owner to it as well, but where the worker, whose role it may take, is not held.
    let insert = "insert into cross_posts (user_id, my_item_id, platform) values ('alice', 1, 'ebay')";
    let error = owner.batch_execute(insert).await.expect_err("is nobody");
    assert_eq!(error.code().map(|code| code.code()), Some("42501"));
    for role in [Role::App, Role::Worker] {
        let (client, _) = db::connect(&config, Some(role)).await.expect("may take the role");
        client.batch_execute("select * from listings").await.expect("reads");
    }
}

#[tokio::test]
async fn the_wait_for_another_migration_ends_with_the_time() {
    let database = TestDatabase::empty().await;
    let owner = database.owner().await;
    super::lock::acquire(&owner, Instant::now() + Duration::from_secs(1)).await.expect("is free");
    let deadline = Instant::now() + Duration::from_millis(700);
    let error = migrate(&mut database.owner().await, &embedded(), deadline).await.expect_err("is taken");
    assert!(matches!(error, MigrationError::Busy), "{error}");
    assert!(Instant::now() <= deadline + Duration::from_secs(1));
}

/// A history that refinery itself would panic over.
#[tokio::test]
async fn a_damaged_history_is_refused_and_no_panic() {
    let database = TestDatabase::empty().await;
    let migrations = files(&[("V1__a", "create table a ()")]);
    run(&database, &migrations).await.expect("migrates");
    let damage = "update refinery_schema_history set checksum = 'none', applied_on = 'yesterday'";
    database.owner().await.batch_execute(damage).await.expect("damages");
    let error = run(&database, &migrations).await.expect_err("is refused").to_string();
    assert!(error.starts_with("V1__a was changed"), "{error}");
}

#[test]
fn the_embedded_migrations_are_the_files_of_the_folder_with_unix_line_ends() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("is there") {
        let path = entry.expect("is readable").path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            assert!(!std::fs::read_to_string(&path).expect("is text").contains('\r'), "{path:?}");
            names.push(path.file_stem().expect("has a name").to_string_lossy().into_owned());
        }
    }
    let embedded: Vec<String> = embedded().iter().map(ToString::to_string).collect();
    names.sort_by_key(|name| embedded.iter().position(|other| other == name));
    assert_eq!(names, embedded);
    super::session::check(&super::embedded()).expect("all can be run again");
    let attributes = include_str!("../../../.gitattributes");
    assert!(attributes.lines().any(|line| line == "* text=auto eol=lf"));
}

#[tokio::test]
async fn the_serving_roles_own_nothing_and_cannot_change_the_schema() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    for role in [Role::App, Role::Worker] {
        let flags = "select (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole)::text from pg_roles where rolname = ";
        assert_eq!(strings(&owner, &format!("{flags}'{}'", role.name())).await, ["false"]);
        let (client, _) = db::connect(&database.config, Some(role)).await.expect("connects");
        for forbidden in [
            "create table x ()",
            "drop table listings",
            "alter table listings add column x int",
            "truncate listings",
            "select * from refinery_schema_history",
            "select * from pg_authid",
            "create role x",
        ] {
            let error = client.batch_execute(forbidden).await.expect_err(forbidden);
            assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{forbidden}: {error}");
        }
        client
            .batch_execute("select * from listings; select * from listing_scores; select * from comps")
            .await
            .expect("reads");
    }
    let (worker, _) = db::connect(&database.config, Some(Role::Worker)).await.expect("connects");
    worker.batch_execute("select * from orders").await.expect_err("has no grant");
}

#[tokio::test]
async fn rows_of_users_are_fenced_by_the_database_itself() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let with_user = "select table_name::text from information_schema.columns
                     where table_schema = 'public' and column_name = 'user_id' order by 1";
    let forced = "select relname::text from pg_class where relrowsecurity and relforcerowsecurity order by 1";
    let tables = strings(&owner, with_user).await;
    assert_eq!(tables.len(), 11);
    assert_eq!(strings(&owner, forced).await, tables);

    // The same rule for each, for every command and for everyone.
    let policies = "select distinct cmd || ' ' || permissive || ' ' || roles::text || ' ' || qual || ' ' || coalesce(with_check, '')
                    from pg_policies where roles = '{public}'";
    let rule = "ALL PERMISSIVE {public} (user_id = ( SELECT NULLIF(current_setting('deals.user_id'::text, true), ''::text) AS \"nullif\")) ";
    assert_eq!(strings(&owner, policies).await, [rule]);
    let fenced = "select tablename::text from pg_policies where roles = '{public}' order by 1";
    assert_eq!(strings(&owner, fenced).await, tables);
    // And what the worker works through, by name.
    let workers = "select concat_ws(' ', tablename, cmd, roles, qual, with_check) from pg_policies
                   where roles <> '{public}' order by 1";
    let worked_through = [
        "deliveries",
        "idempotency_keys",
        "jobs",
        "marketplace_accounts",
        "my_items",
        "notifications",
        "saved_searches",
        "snap_jobs",
        "user_prefs",
    ];
    let mut expected = worked_through.map(|table| format!("{table} ALL {{deals_worker}} true true")).to_vec();
    // And what an administrator sees.
    let administrator = "jobs ALL {deals_app} ((status = 'dead'::job_status) AND (( SELECT current_setting('deals.admin'::text, true) AS current_setting) = 'on'::text))";
    expected.insert(2, administrator.into());
    assert_eq!(strings(&owner, workers).await, expected);

    let (app, _) = db::connect(&database.config, Some(Role::App)).await.expect("connects");
    let insert = "insert into my_items (user_id, title) values ('alice', 'a')";
    let error = app.batch_execute(insert).await.expect_err("is nobody");
    assert_eq!(error.code().map(|code| code.code()), Some("42501"));
    let as_user = |user: &str, sql: &str| format!("begin; set local deals.user_id = '{user}'; {sql}; commit");
    app.batch_execute(&as_user("alice", insert)).await.expect("is her own");
    app.batch_execute(&as_user("bob", insert)).await.expect_err("is not his");
    app.batch_execute("rollback").await.expect("ends");
    // Nothing is left over from the transaction before.
    let counts = ["select count(*)::text from my_items"; 1];
    assert_eq!(strings(&app, counts[0]).await, ["0"]);
    for (user, seen) in [("alice", "1"), ("bob", "0"), ("", "0")] {
        app.batch_execute(&format!("begin; set local deals.user_id = '{user}'")).await.expect("begins");
        assert_eq!(strings(&app, counts[0]).await, [seen], "{user}");
        app.batch_execute("commit").await.expect("ends");
    }
}

/// The naming rule `table_columns_kind`, and what a delete does, for all that migrations ever add.
#[tokio::test]
async fn constraints_are_named_for_their_tables_and_every_foreign_key_says_what_a_delete_does() {
    let database = TestDatabase::migrated().await;
    let owner = connect(&database.config).await;
    let misnamed = "select conname::text from pg_constraint join pg_class on pg_class.oid = conrelid
        where connamespace = 'public'::regnamespace and relname <> 'refinery_schema_history'
          and conname !~ ('^' || relname || '_([a-z0-9_]+_)?(pkey|key|fkey|check)$')";
    assert_eq!(strings(&owner, misnamed).await, [""; 0]);
    let silent = "select conname::text from pg_constraint where contype = 'f' and confdeltype = 'a'";
    assert_eq!(strings(&owner, silent).await, [""; 0]);
    let foreign_keys_without_an_index =
        "select conname::text from pg_constraint c where contype = 'f' and not exists (
        select from pg_index where indrelid = conrelid
            and (indkey::int2[])[0:array_length(conkey, 1) - 1] @> conkey)";
    assert_eq!(strings(&owner, foreign_keys_without_an_index).await, [""; 0]);
}
