//! Which searches a listing finds, and what their users are told.

mod naive;

use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::*;
use crate::Role;
use crate::db::listings_to_value::{self, Deal, Snapshot, Valued};
use crate::testing::TestDatabase;
use crate::valuation::{Band, UsualAmounts};
use crate::values::Timestamp;

fn worker(database: &TestDatabase) -> Database {
    Database::new(database.config.clone(), Role::Worker)
}

/// A listing of the title, at a price; it waits to be matched.
async fn list(owner: &Client, title: &str, price_cents: Option<i64>) -> i64 {
    let sql = "with listing as (
                   insert into listings (source, source_id, title, url, price_cents)
                   values ('s', 'l' || (select count(*) from listings), $1, 'http://a', $2) returning id)
               insert into listings_to_match (listing_id) select id from listing returning listing_id";
    owner.query_one(sql, &[&title, &price_cents]).await.expect("inserts").get(0)
}

/// It costs this now.
async fn reprice(owner: &Client, listing_id: i64, price_cents: Option<i64>) {
    let update = "update listings set price_cents = $2 where id = $1";
    owner.execute(update, &[&listing_id, &price_cents]).await.expect("updates");
    let wait = "insert into listings_to_match (listing_id) values ($1)
                on conflict (listing_id) do update set since = clock_timestamp(), after_user_id = ''";
    owner.execute(wait, &[&listing_id]).await.expect("inserts");
}

/// User, listing and kind of each notification, in the order in which they were told.
async fn told(owner: &Client) -> Vec<(String, i64, String)> {
    let sql = "select user_id, listing_id, kind::text from notifications order by id";
    let rows = owner.query(sql, &[]).await.expect("reads");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

async fn count(owner: &Client, sql: &str) -> i64 {
    owner.query_one(&format!("select count(*) from {sql}"), &[]).await.expect("counts").get(0)
}

#[tokio::test]
async fn words_are_found_by_their_stem_with_or_without_hyphens_and_nothing_breaks_out_of_them() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    for (user, word) in [
        ("1", "Desks"),
        ("2", "mid century"),
        ("3", "mid-century desk"),
        ("4", "O'Neill"),
        ("5", "century mid"),
        ("6", "the"),
        ("7", "' | lamp"),
        ("8", "desk:*"),
        ("9", "\\"),
        ("10", "lamp"),
        ("11", "walnut"),
    ] {
        let sql =
            "insert into saved_searches (user_id, name, words_include) values ($1, 'n', array[$2::text])";
        owner.execute(sql, &[&user, &word]).await.expect(word);
    }
    let desk = list(&owner, "Mid-century O'Neill desk", None).await;
    owner.execute("update listings set description = 'in walnut'", &[]).await.expect("updates");
    match_some(&worker(&database), 1).await.expect("matches");
    let users: BTreeSet<String> = told(&owner).await.into_iter().map(|(user, ..)| user).collect();
    let expected = ["1", "2", "4", "6", "8", "9"].map(str::to_owned);
    // "mid-century desk" is a phrase, which O'Neill interrupts; walnut is not in the title.
    assert_eq!(users, BTreeSet::from(expected), "of listing {desk}");
}

#[tokio::test]
async fn a_price_that_falls_is_told_once_a_step_and_one_that_swings_is_not_told_again() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let db = worker(&database);
    owner
        .batch_execute(
            "insert into saved_searches (user_id, name, words_include) values ('anna', 'Desks', '{desk}')",
        )
        .await
        .expect("inserts");
    let desk = list(&owner, "Oak desk", Some(10_000)).await;
    let new = ("anna".to_owned(), desk, "new".to_owned());
    let cheaper = ("anna".to_owned(), desk, "cheaper".to_owned());
    let mut expected = vec![new];
    match_some(&db, 50).await.expect("matches");
    assert_eq!(told(&owner).await, expected);
    for (price, is_told) in [
        (Some(10_000), false),
        (Some(10_100), false),
        (Some(9_900), false),
        (Some(9_600), false),
        (Some(15_000), false),
        (Some(9_000), true),
        (Some(9_000), false),
        (Some(12_000), false),
        (Some(8_900), false),
        (None, false),
        (Some(8_000), true),
        (Some(0), true),
        (Some(0), false),
        (Some(8_000), false),
    ] {
        reprice(&owner, desk, price).await;
        match_some(&db, 50).await.expect("matches");
        if is_told {
            expected.push(cheaper.clone());
        }
        assert_eq!(told(&owner).await, expected, "at {price:?}");
    }
    // One that its user deleted still counts.
    owner
        .batch_execute(
            "update notifications set payload = '{}', deleted_at = now(); delete from saved_searches",
        )
        .await
        .expect("updates");
    owner
        .batch_execute("insert into saved_searches (user_id, name) values ('anna', 'All')")
        .await
        .expect("inserts");
    reprice(&owner, desk, Some(7_000)).await;
    match_some(&db, 50).await.expect("matches");
    assert_eq!(told(&owner).await, expected);
    // What is there for long is good, when it is found for the first time.
    let lamp = list(&owner, "Lamp", Some(500)).await;
    owner.execute("update listings set created_at = now() - interval '3 days'", &[]).await.expect("updates");
    match_some(&db, 50).await.expect("matches");
    assert_eq!(told(&owner).await.last(), Some(&("anna".to_owned(), lamp, "good".to_owned())));
}

#[tokio::test]
async fn several_searches_of_a_user_tell_once_by_all_of_their_channels() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    owner
        .batch_execute(
            "insert into user_prefs (user_id, notify_channels, delivery) values
                 ('anna', '[\"webhook\"]', null), ('cleo', '[\"email\"]', 'digest'), ('dora', '[]', null);
             insert into saved_searches (user_id, name, words_include, channels, delivery) values
                 ('anna', 'first', '{desk}', '{email}', 'instant'), ('anna', 'second', '{oak}', null, 'digest'),
                 ('anna', 'other', '{lamp}', '{discord}', null),
                 ('ben', 'digest', '{desk}', '{email,discord}', 'digest'), ('cleo', 'preferred', '{desk}', null, null),
                 ('dora', 'inbox alone', '{desk}', null, 'digest'), ('emil', 'without preferences', '{desk}', null, null),
                 ('finn', 'none', '{desk}', '{}', null)",
        )
        .await
        .expect("inserts");
    let desk = list(&owner, "Oak desk", Some(0)).await;
    let matched = match_some(&worker(&database), 50).await.expect("matches");
    assert_eq!((matched.listings, matched.job_ids.len()), (1, 2));
    let sql = "select user_id, status::text, awaits_digest, sent_at is not null, payload ->> 'saved_search',
                   array(select jsonb_object_keys(notifications.deliveries) order by 1),
                   array(select channel from deliveries where notification_ids = array[notifications.id] and job_id is not null
                         order by channel)
               from notifications where listing_id = $1 order by user_id";
    type Told = (String, String, bool, bool, String, Vec<String>, Vec<String>);
    let rows = owner.query(sql, &[&desk]).await.expect("reads");
    let told: Vec<Told> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4), row.get(5), row.get(6)))
        .collect();
    let expected = [
        ("anna", "pending", false, false, "first", vec!["email", "webhook"]),
        ("ben", "pending", true, false, "digest", vec![]),
        ("cleo", "pending", true, false, "preferred", vec![]),
        ("dora", "sent", false, true, "inbox alone", vec![]),
        ("emil", "sent", false, true, "without preferences", vec![]),
        ("finn", "sent", false, true, "none", vec![]),
    ]
    .map(|(user, status, awaits, sent, search, channels)| {
        let channels: Vec<String> = channels.into_iter().map(str::to_owned).collect();
        (user.into(), status.into(), awaits, sent, search.into(), channels.clone(), channels)
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn of_workers_at_once_none_tells_what_another_does() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    owner
        .batch_execute(
            "insert into saved_searches (user_id, name, words_include, channels)
             select 'user ' || n, 'n', '{desk}', '{email}' from generate_series(1, 30) n;
             insert into listings (source, source_id, title, url) select 's', n::text, 'Desk ' || n, 'http://a'
             from generate_series(1, 60) n;
             insert into listings_to_match (listing_id) select id from listings",
        )
        .await
        .expect("inserts");
    let workers = (0..4).map(|_| async {
        let db = worker(&database);
        let mut listings = 0;
        while let Matched { listings: some @ 1.., .. } = told_at_most(&db, 7, 100).await.expect("matches") {
            listings += some;
        }
        listings
    });
    let listings: usize = futures_util::future::join_all(workers).await.into_iter().sum();
    assert!(listings >= 60, "{listings}");
    assert_eq!(count(&owner, "notifications").await, 1800);
    assert_eq!(count(&owner, "deliveries").await, 1800);
    assert_eq!(count(&owner, "jobs where kind = 'delivery'").await, 1800);
    assert_eq!(count(&owner, "listings_to_match").await, 0);
}

#[tokio::test]
async fn more_users_than_fit_into_one_go_are_told_in_the_next_and_none_is_lost() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    owner
        .batch_execute(
            "insert into saved_searches (user_id, name) select 'user ' || n, 'n' from generate_series(1, 25) n",
        )
        .await
        .expect("inserts");
    for title in ["Desk", "Lamp", "Sofa"] {
        list(&owner, title, Some(100)).await;
    }
    let db = worker(&database);
    for expected in [10, 20, 30, 40, 50, 60, 70, 75] {
        assert!(told_at_most(&db, 50, 10).await.expect("matches").listings > 0);
        assert_eq!(count(&owner, "notifications").await, expected);
    }
    assert_eq!(count(&owner, "listings_to_match").await, 0);
    assert_eq!(match_some(&db, 50).await.expect("matches"), Matched::default());
}

#[tokio::test]
async fn a_listing_that_is_put_there_meanwhile_waits_for_the_next() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let mut other = database.owner().await;
    owner
        .batch_execute("insert into saved_searches (user_id, name) values ('anna', 'n')")
        .await
        .expect("inserts");
    let desk = list(&owner, "Desk", Some(100)).await;
    let writing = other.transaction().await.expect("begins");
    writing.execute("update listings_to_match set since = clock_timestamp()", &[]).await.expect("updates");
    let db = worker(&database);
    assert_eq!(match_some(&db, 50).await.expect("matches").listings, 0);
    writing.commit().await.expect("commits");
    // One that is being deleted too.
    let deleting = other.transaction().await.expect("begins");
    deleting.execute("delete from listings where id = $1", &[&desk]).await.expect("deletes");
    assert_eq!(match_some(&db, 50).await.expect("matches").listings, 0);
    deleting.rollback().await.expect("rolls back");
    assert_eq!(match_some(&db, 50).await.expect("matches").listings, 1);
    assert_eq!(told(&owner).await.len(), 1);
}

#[tokio::test]
async fn searches_are_looked_up_by_their_anchors() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    owner
        .batch_execute(
            "insert into saved_searches (user_id, name, words_include)
             select 'user ' || n / 50, 'n', array['word' || n % 900, 'other' || n] from generate_series(1, 5000) n;
             analyze saved_searches",
        )
        .await
        .expect("inserts");
    list(&owner, "word7 other7 other907 brass lamp", None).await;
    let db = worker(&database);
    let plan =
        db.write(&format!("explain (analyze, costs off, timing off) {MATCH}"), &[&50_i64, &1000_i64]).await;
    let plan: String =
        plan.expect("explains").iter().map(|row| format!("{}\n", row.get::<_, &str>(0))).collect();
    assert!(plan.contains("Index Scan using saved_searches_anchor_idx"), "{plan}");
    assert!(!plan.contains("Seq Scan on saved_searches"), "{plan}");
    assert_eq!(count(&owner, "notifications").await, 2);
}

fn valued(waiting: &listings_to_value::Waiting, score: Option<f64>) -> Valued<'_> {
    let snapshot = Snapshot {
        fair_price_cents: 1000,
        low_cents: 900,
        high_cents: 1100,
        effective_comps: 3.0,
        ask_cents: 500,
        currency: "USD".into(),
        band: Band::Good,
        reasons: vec![],
        model: "v0".into(),
        as_of: Timestamp::now(),
        comps: vec![],
        usual: UsualAmounts::default(),
    };
    let deal = |score| Deal {
        score,
        snapshot: snapshot.clone(),
        rank: score,
        cell: None,
        product: None,
        cluster_id: None,
    };
    Valued { waiting, earlier: None, deal: score.map(deal) }
}

#[tokio::test]
async fn what_changed_or_became_better_is_matched_and_what_a_fit_moves_a_little_is_not() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let db = Database::new(database.config.clone(), Role::App);
    owner
        .batch_execute(
            "insert into listings (source, source_id, title, url) values ('s', '1', 'Desk', 'http://a')",
        )
        .await
        .expect("inserts");
    let refit = "insert into listings_to_value (listing_id) values (1)
                 on conflict (listing_id) do update set since = clock_timestamp()";
    for (cause, score, is_to_match) in [
        ("", Some(50.0), true),
        (refit, Some(50.5), false),
        (refit, Some(51.4), false),
        (refit, Some(52.5), true),
        (refit, Some(30.0), false),
        (refit, None, false),
        (refit, Some(10.0), true),
        ("update listings set price_cents = 5", Some(10.0), true),
        // Both: what changed counts, also when a fit comes in between.
        (
            "update listings set title = 'Oak desk'; update listings_to_value set since = clock_timestamp()",
            None,
            true,
        ),
        ("update listings set last_seen_at = now()", None, false),
        ("update listings set available = false", Some(90.0), false),
        ("update listings set available = true", Some(90.0), true),
    ] {
        owner.batch_execute(cause).await.expect(cause);
        let waiting = listings_to_value::longest(&db).await.expect("reads");
        let valued: Vec<Valued<'_>> = waiting.iter().map(|waiting| valued(waiting, score)).collect();
        listings_to_value::write(&db, &valued, &[]).await.expect("writes");
        let waits = count(&owner, "listings_to_match").await;
        assert_eq!(waits, i64::from(is_to_match), "{cause} with {score:?}");
        owner.batch_execute("delete from listings_to_match").await.expect("deletes");
    }
}
