//! Pages after pages: all of it, once, in the order of the formula.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::App;
use shared::testing::TestDatabase;
use tokio_postgres::Client;

use super::ask;
use super::market::{Offer, haversine, insert};

/// Any numbers, the same at each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// With ties in every part of the rank, many places nearby, and some far away or nowhere.
    fn offer(&mut self, number: usize) -> Offer {
        let spread = self.pick(&[0.2, 1.0, 1.0, 40.0]);
        let mut degrees = |middle: f64| middle + (self.below(2001) as f64 / 1000.0 - 1.0) * spread;
        let place = (degrees(37.375), degrees(-121.875));
        Offer {
            price: self.pick(&[Some(0), Some(1000), Some(2000), None]),
            condition: self.pick(&[Some("poor"), Some("good"), None]),
            category: self.pick(&[Some("furniture"), Some("music"), None]),
            place: (self.below(6) > 0).then_some(place),
            available: self.below(10) > 0,
            score: self.below(80) as f64 / 4.0 + self.pick(&[0.0, 40.0, 77.7]),
            band: self.pick(&["great", "good", "fair", "verify"]),
            age: self.below(40) as f64 / 4.0,
            ..Offer::named(&format!("offer {number}"))
        }
    }
}

async fn fill(owner: &Client, count: usize) -> Vec<(i64, Offer)> {
    let mut random = Random(42);
    let mut offers: Vec<(i64, Offer)> = Vec::new();
    for number in 0..count {
        let mut offer = random.offer(number);
        if let Some(back) = [3, 40].get(random.below(20) as usize).filter(|back| **back < number) {
            // The same thing on another marketplace.
            let (id, other) = &mut offers[number - back];
            offer.cluster = Some(*other.cluster.get_or_insert(*id));
            let sql = "update deals set cluster_id = $1 where listing_id = $2";
            owner.execute(sql, &[&other.cluster, id]).await.expect("updates");
        }
        let id = insert(owner, &offer).await;
        offers.push((id, offer));
    }
    owner.batch_execute("analyze").await.expect("analyzes");
    offers
}

/// What the pages together must be.
fn expected(offers: &[(i64, Offer)], near: Option<(f64, f64)>, matches: impl Fn(&Offer) -> bool) -> Vec<i64> {
    let mut found: Vec<(f64, i64, Option<i64>)> = offers
        .iter()
        .filter(|(_, offer)| offer.available && matches(offer))
        .map(|(id, offer)| (offer.final_rank(near), *id, offer.cluster))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    let mut clusters = BTreeSet::new();
    found.retain(|(_, _, cluster)| cluster.is_none_or(|cluster| clusters.insert(cluster)));
    found.into_iter().map(|(_, id, _)| id).collect()
}

async fn walk(app: &App, query: &str) -> Vec<i64> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = ask(app, &format!("{query}{cursor}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        ids.extend(answer.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()));
        match answer.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn pages_are_the_whole_market_in_the_order_of_the_formula() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    let offers = fill(&owner, 900).await;
    let mut random = Random(7);
    for case in 0..36 {
        let near = random.pick(&[
            None,
            Some((37.375, -121.875)),
            Some((37.5, -121.5)),
            Some((60.0, -122.0)),
            Some((0.0, 179.9)),
        ]);
        let radius = random
            .pick(&[None, Some(15.0), Some(60.0), Some(249.0), Some(251.0), Some(2500.0)])
            .filter(|_| near.is_some());
        let category = random.pick(&[None, None, Some("music")]);
        let band = random.pick(&[None, None, Some("great"), Some("verify")]);
        let min_score = random.pick(&[None, Some(45.0)]);
        let max_price = random.pick(&[None, Some(1000)]);
        let mut query = format!("limit={}", random.pick(&[1, 7, 20, 100, 100]));
        for (name, value) in [
            ("near", near.map(|(lat, lng)| format!("{lat},{lng}"))),
            ("radius_mi", radius.map(|miles: f64| miles.to_string())),
            ("category", category.map(str::to_owned)),
            ("band", band.map(str::to_owned)),
            ("min_score", min_score.map(|score: f64| score.to_string())),
            ("max_price_cents", max_price.map(|price: i64| price.to_string())),
        ] {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={value}"));
            }
        }
        let expected = expected(&offers, near, |offer| {
            category.is_none_or(|category| offer.category == Some(category))
                && band.map_or(offer.band != "verify", |band| offer.band == band)
                && min_score.is_none_or(|score| offer.score >= score)
                && max_price.is_none_or(|most| offer.price.is_some_and(|price| price <= most))
                && radius.is_none_or(|radius| {
                    offer
                        .place
                        .is_some_and(|place| haversine(near.expect("a radius has a centre"), place) <= radius)
                })
        });
        assert_eq!(walk(&app, &query).await, expected, "case {case}: {query}");
    }
}

#[tokio::test]
async fn while_deals_come_and_go_a_walk_meets_every_deal_that_stays_once() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    let offers = fill(&owner, 500).await;
    owner.execute("update deals set cluster_id = null", &[]).await.unwrap();
    let go = "delete from listings where id in (
                  select id from listings where id % 3 = 0 or title like 'new%' order by random() limit 3)";
    let stay: Vec<i64> = offers
        .iter()
        .filter(|(id, offer)| id % 3 > 0 && offer.available && offer.band != "verify")
        .map(|(id, _)| *id)
        .collect();
    let walked = AtomicBool::new(false);
    let churn = async {
        let mut random = Random(99);
        let mut changes = 0;
        while !walked.load(Ordering::SeqCst) {
            let new = random.offer(changes);
            insert(&owner, &Offer { title: format!("new {changes}"), ..new }).await;
            let gone = owner.execute(go, &[]).await.expect("deletes");
            changes += 1 + gone as usize;
            tokio::task::yield_now().await;
        }
        changes
    };
    let walks = async {
        for query in
            ["limit=3", "limit=3&near=37.375,-121.875", "limit=20&near=37.375,-121.875&radius_mi=4000"]
        {
            let mut seen = walk(&app, query).await;
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), count, "{query} repeats a deal");
            let missed = stay.iter().filter(|id| seen.binary_search(id).is_err()).count();
            let placeless = if query.contains("radius") {
                offers.iter().filter(|(id, offer)| stay.contains(id) && offer.place.is_none()).count()
            } else {
                0
            };
            assert_eq!(missed, placeless, "{query} misses deals");
        }
        walked.store(true, Ordering::SeqCst);
    };
    let (changes, ()) = tokio::join!(churn, walks);
    assert!(changes > 100, "{changes} changes");
}
