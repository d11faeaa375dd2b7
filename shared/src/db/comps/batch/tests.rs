//! Deliveries in any order, cut anywhere, repeated and interleaved, against one delivery in order.

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{CompObservation, upsert};
use crate::Role;
use crate::db::Database;
use crate::http;
use crate::testing::random::Random;
use crate::testing::{INGESTER, TestDatabase, request};

fn observations(random: &mut Random) -> Vec<Value> {
    let mut observation = || {
        let at = random.one_of(&[true, false]);
        json!({
            "source": random.one_of(&["craigslist", "ebay"]),
            "source_id": random.below(4).to_string(),
            "category": random.one_of(&["a", "b"]),
            "title": random.one_of(&["Walnut desk", "walnut desk", "Oak table"]),
            "price_cents": random.one_of(&[0, 4500]),
            "currency": random.one_of(&["USD", "EUR"]),
            "condition": random.one_of(&[json!(null), json!("poor"), json!("good")]),
            "kind": random.one_of(&["sold", "asking"]),
            "lat": at.then_some(2.5),
            "lng": at.then_some(-0.0),
            "metadata": random.one_of(&[json!(null), json!({ "bids": 1 }), json!({ "bids": 1.0 })]),
            "observed_at": format!("2026-01-0{}T00:00:00Z", 1 + random.below(4)),
        })
    };
    (0..100).map(|_| observation()).collect()
}

async fn deliver(db: &Database, items: &[Value]) {
    let request = request("POST", "/comps/batch", INGESTER, Some(&json!({ "items": items })));
    let batch = http::batch(&request, CompObservation::read).expect("is a batch");
    assert_eq!(upsert(db, &batch.accepted).await.expect("is written").len(), items.len());
}

async fn known(owner: &Client) -> String {
    let rows =
        "select string_agg((to_jsonb(t) - array['id', 'version', 'created_at', 'updated_at'])::text, E'\\n'
                    order by source, source_id) from comps t";
    owner.query_one(rows, &[]).await.expect("reads").get(0)
}

#[tokio::test]
async fn any_order_repetition_interleaving_and_cut_of_deliveries_ends_up_the_same() {
    let mut random = Random::with_a_new_seed();
    let (once, shuffled) = (TestDatabase::migrated().await, TestDatabase::migrated().await);
    let mut items = observations(&mut random);
    items.sort_by_key(|item| item["observed_at"].as_str().map(str::to_owned));
    let db = Database::new(once.config.clone(), Role::App);
    for batch in items.chunks(7) {
        deliver(&db, batch).await;
    }
    let mut deliveries = [items.clone(), items.clone(), items].concat();
    random.shuffle(&mut deliveries);
    let (a, b) = deliveries.split_at(random.below(deliveries.len()));
    let sizes = [1 + random.below(30), 1 + random.below(30)];
    let one_after_the_other = async |deliveries: &[Value], size: usize| {
        let db = Database::new(shuffled.config.clone(), Role::App);
        for batch in deliveries.chunks(size) {
            deliver(&db, batch).await;
        }
    };
    tokio::join!(one_after_the_other(a, sizes[0]), one_after_the_other(b, sizes[1]));
    let owner = shuffled.owner().await;
    assert_eq!(known(&owner).await, known(&once.owner().await).await);
    // The terms by which comps are found are those of the titles that they have now.
    let astray = "select count(*) from comps full join (
                      select comp_id, array_agg(term order by term) as found from comp_terms group by comp_id
                  ) as by_term on comp_id = id
                  where terms is null or found <> (select array_agg(distinct term order by term) from unnest(terms) term)";
    assert_eq!(owner.query_one(astray, &[]).await.expect("reads").get::<_, i64>(0), 0);
}
