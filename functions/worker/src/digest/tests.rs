use futures_util::future::join_all;
use shared::Role;
use shared::testing::{TestDatabase, config};
use tokio_postgres::Client;

use super::*;

struct World {
    database: TestDatabase,
    owner: Client,
    app: App,
}

impl World {
    async fn new() -> World {
        let database = TestDatabase::migrated().await;
        let owner = database.owner().await;
        let app = App::new(config(&database.config), Role::Worker);
        World { database, owner, app }
    }

    /// So many that wait since then.
    async fn wait(&self, user_id: &str, count: i32, since: &str) {
        let sql = format!(
            "insert into notifications (user_id, channel, awaits_digest, created_at)
             select '{user_id}', 'inbox', true, {since} from generate_series(1, {count})"
        );
        self.owner.batch_execute(&sql).await.unwrap();
    }

    async fn run(&self, sql: &str) {
        self.owner.batch_execute(sql).await.unwrap();
    }

    /// Each message as `user channel count`.
    async fn messages(&self) -> Vec<String> {
        let sql = "select concat_ws(' ', user_id, channel, cardinality(notification_ids)) from deliveries
                   where digest order by user_id, channel, id";
        self.owner.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn waiting(&self) -> i64 {
        let sql = "select count(*) from notifications where awaits_digest";
        self.owner.query_one(sql, &[]).await.unwrap().get(0)
    }
}

/// The last full hour by the clock in Paris, and one that is yet to come.
const PAST: &str = "date_trunc('hour', now() at time zone 'Europe/Paris')::time";
const COMING: &str = "(date_trunc('hour', now() at time zone 'Europe/Paris') + interval '1 hour')::time";

#[tokio::test]
async fn what_waited_at_the_users_hour_becomes_one_message_a_channel() {
    let world = World::new().await;
    let channels = "'[\"email\",\"webhook\"]'";
    for (user, at, channels) in [
        ("anna", PAST, channels),
        ("ben", COMING, channels),
        ("carl", PAST, "'[]'"),
        ("dora", PAST, "'[\"discord\"]'"),
    ] {
        world.run(&format!("insert into user_prefs (user_id, time_zone, digest_at, notify_channels) values ('{user}', 'Europe/Paris', {at}, {channels})")).await;
    }
    let before = "date_trunc('hour', now()) - interval '1 minute'";
    for (user, since) in
        [("anna", before), ("anna", "now()"), ("ben", before), ("carl", before), ("dora", "now()")]
    {
        world.wait(user, 2, since).await;
    }
    // No preferences at all: there is no channel but the inbox, at eight o'clock UTC.
    world.wait("emil", 1, "now() - interval '25 hours'").await;

    assert_eq!(digest(&world.app).await.unwrap(), 2);
    assert_eq!(world.messages().await, ["anna email 4", "anna webhook 4"]);
    let sql = "select string_agg(distinct concat_ws(' ', user_id, status, awaits_digest, sent_at is not null), ',') from notifications";
    let told: String = world.owner.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(told, "anna pending f f,ben pending t f,carl sent f t,dora pending t f,emil sent f t");
    let jobs = "select count(*) from jobs where kind = 'delivery' and status = 'queued'";
    assert_eq!(world.owner.query_one(jobs, &[]).await.unwrap().get::<_, i64>(0), 2);
    assert_eq!(digest(&world.app).await.unwrap(), 0);
}

#[tokio::test]
async fn a_search_says_where_its_digest_goes_and_a_deferred_message_stays_on_its_channel() {
    let world = World::new().await;
    world
        .run(&format!(
            "insert into user_prefs (user_id, time_zone, digest_at, notify_channels) values ('anna', 'Europe/Paris', {PAST}, '[\"email\"]');
             insert into saved_searches (user_id, name, channels) values ('anna', 'own', '{{discord}}'), ('anna', 'as preferred', null);
             insert into notifications (user_id, channel, awaits_digest, created_at, saved_search_id)
             select 'anna', 'inbox', true, now() - interval '1 day', id from saved_searches;
             insert into notifications (user_id, channel, awaits_digest, created_at, deferred_at, deliveries) values
                 ('anna', 'inbox', true, now() - interval '1 day', now(), '{{\"email\":{{\"status\":\"sent\"}},\"webhook\":{{\"status\":\"deferred\"}}}}')"
        ))
        .await;
    // What waits since the digest that it was deferred after comes along with what is due.
    assert_eq!(digest(&world.app).await.unwrap(), 3);
    assert_eq!(world.messages().await, ["anna discord 1", "anna email 1", "anna webhook 1"]);
    let sql = "select deliveries::text from notifications where deferred_at is not null";
    let told: String = world.owner.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(told, r#"{"email": {"status": "sent"}, "webhook": {"status": "pending"}}"#);
    assert_eq!(world.waiting().await, 0);
    // Alone, it waits for the next digest.
    world.run("update notifications set awaits_digest = true, deferred_at = now() where deferred_at is not null").await;
    assert_eq!(digest(&world.app).await.unwrap(), 0);
    assert_eq!(world.waiting().await, 1);
}

#[tokio::test]
async fn many_at_once_double_nothing_and_leave_nothing() {
    let world = World::new().await;
    world.run("insert into user_prefs (user_id, notify_channels) select 'user ' || n, '[\"email\"]' from generate_series(1, 40) n").await;
    for number in 1..=40 {
        world.wait(&format!("user {number}"), 100, "now() - interval '25 hours'").await;
    }
    // More than a message has room for.
    world.wait("user 1", 2400, "now() - interval '25 hours'").await;
    let apps: Vec<App> = (0..4).map(|_| App::new(config(&world.database.config), Role::Worker)).collect();
    let made: usize = join_all(apps.iter().map(digest)).await.into_iter().map(Result::unwrap).sum();
    // Those who ran beside left what another had; the next run finds nothing or the rest.
    let rest = digest(&world.app).await.unwrap();
    let messages = world.messages().await;
    assert_eq!(messages.len(), made + rest);
    let sql =
        "select count(*), count(distinct told) from deliveries cross join unnest(notification_ids) told";
    let row = world.owner.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), world.waiting().await), (6400, 6400, 0));
    assert!(messages.len() <= 40 + 6, "{messages:?}");
}
