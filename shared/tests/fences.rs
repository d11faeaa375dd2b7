//! Row-level security alone, without the predicates of our statements: plain SQL as the role that serves.

use shared::testing::{TestDatabase, connect};
use tokio_postgres::Client;

/// The tables with an owner.
async fn fenced_tables(owner: &Client) -> Vec<String> {
    let sql = "select table_name::text from information_schema.columns
               where table_schema = 'public' and column_name = 'user_id' order by 1";
    owner.query(sql, &[]).await.expect("reads").iter().map(|row| row.get(0)).collect()
}

/// One row of Anna's in each.
const ROWS: &str = "
    insert into user_prefs (user_id) values ('anna');
    insert into notifications (user_id, channel) values ('anna', 'inbox');
    insert into my_items (user_id, title) values ('anna', 'hers');
    insert into marketplace_accounts (user_id, platform) values ('anna', 'ebay');
    insert into cross_posts (user_id, my_item_id, platform) select 'anna', id, 'ebay' from my_items;
    insert into orders (user_id, cross_post_id, platform_order_id, total_cents) select 'anna', id, '1', 1 from cross_posts;
    insert into snap_jobs (user_id) values ('anna');
    insert into deliveries (user_id, channel, notification_ids) values ('anna', 'email', '{1}');
    insert into saved_searches (user_id, name) values ('anna', 'hers');
    insert into idempotency_keys (user_id, key, fingerprint, status, location, etag, body)
        values ('anna', 'k', '', 201, '', '', '');";

async fn contents(owner: &Client, tables: &[String]) -> String {
    let mut all = String::new();
    for table in tables {
        let sql = format!("select coalesce(string_agg(t::text, ','), '') from {table} t");
        all.push_str(owner.query_one(&sql, &[]).await.expect("reads").get(0));
    }
    all
}

/// How many rows; none where the role may not do that to any row.
async fn touched(app: &Client, sql: &str) -> u64 {
    match app.execute(sql, &[]).await {
        Ok(rows) => rows,
        Err(error) => {
            assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{sql}");
            0
        }
    }
}

#[tokio::test]
async fn the_serving_role_sees_and_changes_no_row_of_another_user() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    owner.batch_execute(ROWS).await.unwrap();
    let tables = fenced_tables(&owner).await;
    assert!(tables.len() >= 8, "{tables:?}");
    let before = contents(&owner, &tables).await;

    let app = connect(&database.config).await;
    app.batch_execute("set role deals_app").await.unwrap();
    for user in ["", "ben", "anna "] {
        app.execute("select set_config('deals.user_id', $1, false)", &[&user]).await.unwrap();
        for table in &tables {
            let seen: i64 =
                app.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0);
            assert_eq!(seen, 0, "{table} as {user:?}");
            let changed = touched(&app, &format!("update {table} set user_id = user_id")).await;
            let deleted = touched(&app, &format!("delete from {table}")).await;
            assert_eq!((changed, deleted), (0, 0), "{table} as {user:?}");
        }
    }
    // Nor can a row be made for another, or given away.
    app.batch_execute("set deals.user_id = 'ben'").await.unwrap();
    let children = "insert into cross_posts (user_id, my_item_id, platform) values ('anna', 1, 'other');
                    insert into orders (user_id, cross_post_id, platform_order_id, total_cents) values ('anna', 1, '2', 1)";
    let inserts = ROWS.split(';').filter(|statement| statement.contains("values ('anna'"));
    for statement in inserts.chain(children.split(';')) {
        let error = app.batch_execute(statement).await.expect_err(statement);
        // An order asks for its post first, which is not to be seen.
        let expected = if statement.contains("into orders") { "23503" } else { "42501" };
        assert_eq!(error.as_db_error().unwrap().code().code(), expected, "{statement}");
    }
    app.batch_execute("set deals.user_id = 'anna'").await.unwrap();
    for table in &tables {
        let given = app.execute(&format!("update {table} set user_id = 'ben'"), &[]).await;
        let code = given.expect_err(table).as_db_error().unwrap().code().code().to_owned();
        let expected = if table == "orders" { "23503" } else { "42501" };
        assert_eq!(code, expected, "{table}");
    }
    assert_eq!(before, contents(&owner, &tables).await);
}

#[tokio::test]
async fn the_serving_roles_own_nothing_and_can_define_nothing() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    for role in ["deals_app", "deals_worker"] {
        let privileges = owner
            .query_one(
                "select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication from pg_roles
                 where rolname = $1",
                &[&role],
            )
            .await
            .unwrap();
        assert!(!privileges.get::<_, bool>(0), "{role}");
        let session = connect(&database.config).await;
        session.batch_execute(&format!("set role {role}")).await.unwrap();
        for statement in [
            "create table t (a int)",
            "create schema s",
            "create function f() returns int language sql as 'select 1'",
            "alter table my_items disable row level security",
            "drop table listings",
            "truncate listings",
            "drop policy my_items_owner on my_items",
            "alter role deals_app bypassrls",
            "select * from refinery_schema_history",
            "select * from pg_authid",
        ] {
            let error = session.batch_execute(statement).await.expect_err(statement);
            assert_eq!(error.as_db_error().unwrap().code().code(), "42501", "{role}: {statement}");
        }
    }
}
