//! Deliveries in any order, cut anywhere, repeated, interleaved and killed, against one delivery in order.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{ListingObservation, upsert};
use crate::Role;
use crate::db::Database;
use crate::http;
use crate::testing::random::Random;
use crate::testing::{INGESTER, TestDatabase, request};

const OBSERVATIONS: usize = 150;

/// Few listings, few moments and few prices, so that many observations meet.
fn observations(random: &mut Random) -> Vec<Value> {
    let mut observation = || {
        let at = random.one_of(&[true, false]);
        json!({
            "source": random.one_of(&["craigslist", "ebay", "offerup"]),
            "source_id": random.below(4).to_string(),
            "title": random.one_of(&["Walnut desk", "walnut desk", "Oak table"]),
            "description": random.one_of(&[json!(null), json!(""), json!("Ends")]),
            "price_cents": random.one_of(&[json!(null), json!(0), json!(4500), json!(9900)]),
            "currency": random.one_of(&["USD", "EUR"]),
            "condition": random.one_of(&[json!(null), json!("poor"), json!("good")]),
            "url": random.one_of(&["http://a", "http://b"]),
            "lat": at.then_some(-0.0),
            "lng": at.then_some(1.5),
            "posted_at": random.one_of(&[json!(null), json!("2026-01-01T00:00:00Z")]),
            "available": random.below(2) == 0,
            "observed_at": format!("2026-01-0{}T00:00:00Z", 1 + random.below(6)),
        })
    };
    (0..OBSERVATIONS).map(|_| observation()).collect()
}

async fn deliver(db: &Database, items: &[Value]) {
    let request = request("POST", "/listings/batch", INGESTER, Some(&json!({ "items": items })));
    let batch = http::batch(&request, ListingObservation::read).expect("is a batch");
    assert_eq!(batch.accepted.len(), items.len());
    // Until it is known to have happened, as a deliverer would.
    loop {
        match upsert(db, &batch.accepted).await {
            Ok(upserted) => return assert_eq!(upserted.len(), items.len()),
            Err(error) => assert_eq!(error.status(), 503, "{}", error.cause()),
        }
    }
}

/// All that is known, without ids, versions and times of writing.
async fn known(owner: &Client) -> (String, String) {
    let rows =
        "select string_agg((to_jsonb(t) - array['id', 'version', 'created_at', 'updated_at'])::text, E'\\n'
                    order by source, source_id) from listings t";
    let history = "select string_agg(concat_ws(' ', source, source_id, observed_at, coalesce(h.price_cents, -1), h.currency),
                    E'\\n' order by source, source_id, observed_at)
                   from price_history h join listings on listings.id = listing_id";
    let text = async |sql| owner.query_one(sql, &[]).await.expect("reads").get::<_, String>(0);
    (text(rows).await, text(history).await)
}

#[tokio::test]
async fn any_order_repetition_interleaving_and_cut_of_deliveries_ends_up_the_same() {
    let mut random = Random::with_a_new_seed();
    let once = TestDatabase::migrated().await;
    let mut items = observations(&mut random);
    items.sort_by_key(|item| item["observed_at"].as_str().map(str::to_owned));
    let db = Database::new(once.config.clone(), Role::App);
    for batch in items.chunks(10) {
        deliver(&db, batch).await;
    }
    let expected = known(&once.owner().await).await;
    // Every price that was seen is there once, the greatest of those that were seen at the same moment.
    let mut moments: Vec<String> = items
        .iter()
        .map(|item| format!("{} {} {}", item["source"], item["source_id"], item["observed_at"]))
        .collect();
    moments.sort();
    moments.dedup();
    assert_eq!(expected.1.lines().count(), moments.len());

    let shuffled = TestDatabase::migrated().await;
    let mut deliveries = Vec::new();
    for _time in 0..3 {
        random.shuffle(&mut items);
        deliveries.extend(items.clone());
    }
    random.shuffle(&mut deliveries);
    let mut batches: [Vec<Vec<Value>>; 2] = Default::default();
    while !deliveries.is_empty() {
        let cut = deliveries.len().saturating_sub(1 + random.below(40));
        batches[random.below(2)].push(deliveries.split_off(cut));
    }
    let one_after_the_other = async |batches: &[Vec<Value>]| {
        let db = Database::new(shuffled.config.clone(), Role::App);
        for batch in batches {
            deliver(&db, batch).await;
        }
    };
    let owner = shuffled.owner().await;
    let kill = async {
        let others = "select pg_terminate_backend(pid) from pg_stat_activity
                      where datname = current_database() and pid <> pg_backend_pid()";
        for _time in 0..8 {
            tokio::time::sleep(Duration::from_millis(7)).await;
            owner.batch_execute(others).await.expect("kills");
        }
    };
    tokio::join!(one_after_the_other(&batches[0]), one_after_the_other(&batches[1]), kill);
    let found = known(&owner).await;
    assert_eq!(found.0, expected.0);
    assert_eq!(found.1, expected.1);
    // And what was read out of the titles stands beside them.
    let without = "select count(*) from listings where terms is null and title <> ''";
    assert_eq!(owner.query_one(without, &[]).await.expect("reads").get::<_, i64>(0), 0);
}

#[tokio::test]
async fn of_two_batches_that_create_the_same_listings_at_once_each_is_told_their_ids() {
    let database = TestDatabase::migrated().await;
    let dbs = [0, 1].map(|_| Database::new(database.config.clone(), Role::App));
    for round in 0..10 {
        let items: Vec<Value> = (0..20)
            .map(|n| {
                json!({ "source": "s", "source_id": format!("{round} {n}"), "title": "t", "url": "http://a",
                        "observed_at": "2026-01-01T00:00:00Z" })
            })
            .collect();
        let request = request("POST", "/listings/batch", INGESTER, Some(&json!({ "items": items })));
        let batch = http::batch(&request, ListingObservation::read).expect("is a batch");
        let mut reversed = http::batch(&request, ListingObservation::read).expect("is a batch").accepted;
        reversed.reverse();
        let (a, b) = tokio::join!(upsert(&dbs[0], &batch.accepted), upsert(&dbs[1], &reversed));
        let (a, mut b) = (a.expect("is written"), b.expect("is written"));
        b.reverse();
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a.id, b.id);
            let statuses = [a.status, b.status];
            assert!(statuses.contains(&http::ItemStatus::Created), "{statuses:?}");
            assert!(statuses.contains(&http::ItemStatus::Unchanged), "{statuses:?}");
        }
    }
}
