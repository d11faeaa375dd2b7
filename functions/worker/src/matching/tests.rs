use shared::Role;
use shared::testing::{TestDatabase, config};

use super::*;

fn worker(database: &TestDatabase) -> App {
    App::new(config(&database.config), Role::Worker)
}

#[tokio::test]
async fn what_waits_is_matched_and_its_users_are_told() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let app = worker(&database);
    assert_eq!(run(&app).await.unwrap(), 0);
    owner
        .batch_execute(
            "insert into saved_searches (user_id, name, words_include, channels) values ('anna', 'Desks', '{desk}', '{email}');
             insert into listings (source, source_id, title, url)
                 select 's', n::text, case when n % 2 = 0 then 'Desk' else 'Lamp' end, 'http://a' from generate_series(1, 60) n;
             insert into listings_to_match (listing_id) select id from listings",
        )
        .await
        .unwrap();
    assert_eq!(run(&app).await.unwrap(), 50);
    assert_eq!(run(&app).await.unwrap(), 10);
    assert_eq!(run(&app).await.unwrap(), 0);
    let told: i64 = owner.query_one("select count(*) from deliveries", &[]).await.unwrap().get(0);
    assert_eq!(told, 30);
}

#[tokio::test]
async fn where_many_take_too_long_fewer_are_matched_at_once() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    // The server's own limit is 5 s: 120 ms a listing are too much for 50 of them, and not for 5.
    owner
        .batch_execute(
            "create or replace function listing_anchors(search tsvector, category text) returns text[] volatile language sql as
                 'select array[''*''] from pg_sleep(0.12)';
             insert into saved_searches (user_id, name) values ('anna', 'All');
             insert into listings (source, source_id, title, url)
                 select 's', n::text, 'Desk', 'http://a' from generate_series(1, 50) n;
             insert into listings_to_match (listing_id) select id from listings",
        )
        .await
        .unwrap();
    assert_eq!(run(&worker(&database)).await.unwrap(), 5);
    let told: i64 = owner.query_one("select count(*) from notifications", &[]).await.unwrap().get(0);
    let waiting: i64 = owner.query_one("select count(*) from listings_to_match", &[]).await.unwrap().get(0);
    assert_eq!((told, waiting), (5, 45));
}
