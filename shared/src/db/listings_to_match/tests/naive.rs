//! The statement beside a predicate that asks each search by itself, in a market made up at random.

use std::collections::BTreeSet;

use super::{count, told, worker};
use crate::db::listings_to_match::{Matched, told_at_most};
use crate::testing::TestDatabase;
use crate::testing::random::Random;
use crate::values::Place;

const WORDS: [&str; 8] = ["walnut", "desk", "lamp", "sofa", "brass", "oak", "mirror", "clock"];
const CONDITIONS: [&str; 5] = ["poor", "fair", "good", "great", "excellent"];

#[derive(Debug)]
struct Thing {
    title: Vec<&'static str>,
    description: Vec<&'static str>,
    price_cents: Option<i64>,
    currency: &'static str,
    condition: Option<usize>,
    category: Option<&'static str>,
    place: Option<(f64, f64)>,
    available: bool,
    score: Option<(f64, &'static str)>,
}

#[derive(Debug)]
struct Search {
    include: Vec<String>,
    exclude: Vec<String>,
    category: Option<&'static str>,
    currency: &'static str,
    min_price_cents: Option<i64>,
    max_price_cents: Option<i64>,
    min_condition: Option<usize>,
    circle: Option<(f64, f64, i32)>,
    min_score: Option<f64>,
    paused: bool,
}

fn maybe<T>(random: &mut Random, of: usize, value: impl FnOnce(&mut Random) -> T) -> Option<T> {
    (random.below(of) == 0).then(|| value(random))
}

fn words(random: &mut Random, count: usize) -> Vec<&'static str> {
    (0..count).map(|_| random.one_of(&WORDS)).collect()
}

/// Around the date line and the pole too.
fn place(random: &mut Random) -> (f64, f64) {
    let (lat, lng) = random.one_of(&[(37.0, -122.0), (-17.0, 179.8), (89.5, 10.0)]);
    let lng = lng + random.below(100) as f64 / 100.0;
    (lat + random.below(100) as f64 / 250.0, if lng > 180.0 { lng - 360.0 } else { lng })
}

fn thing(random: &mut Random) -> Thing {
    let (title_length, description_length) = (1 + random.below(4), random.below(3));
    Thing {
        title: words(random, title_length),
        description: words(random, description_length),
        price_cents: maybe(random, 8, |_| ()).map_or_else(|| Some(random.below(6) as i64 * 1000), |()| None),
        currency: random.one_of(&["USD", "USD", "EUR"]),
        condition: (random.below(5) > 0).then(|| random.below(5)),
        category: random.one_of(&[None, Some("home"), Some("home>desks")]),
        place: (random.below(4) > 0).then(|| place(random)),
        available: random.below(10) > 0,
        score: (random.below(4) > 0)
            .then(|| (random.below(11) as f64 * 10.0, random.one_of(&["good", "fair", "great", "verify"]))),
    }
}

fn search(random: &mut Random) -> Search {
    let (includes, excludes) = (random.one_of(&[0, 0, 1, 1, 2, 3]), random.one_of(&[0, 0, 0, 1, 2]));
    let phrase = |random: &mut Random| {
        let length = 1 + usize::from(random.below(5) == 0);
        words(random, length).join(" ")
    };
    let min_price_cents = maybe(random, 5, |random| random.below(3) as i64 * 1000);
    Search {
        include: (0..includes).map(|_| phrase(random)).collect(),
        exclude: (0..excludes).map(|_| phrase(random)).collect(),
        category: maybe(random, 4, |random| random.one_of(&["home", "home>desks"])),
        currency: random.one_of(&["USD", "USD", "EUR"]),
        min_price_cents,
        max_price_cents: maybe(random, 3, |random| {
            min_price_cents.unwrap_or_default() + random.below(4) as i64 * 1000
        }),
        min_condition: maybe(random, 4, |random| random.below(5)),
        circle: maybe(random, 3, |random| {
            let (lat, lng) = place(random);
            (lat, lng, 1 + random.below(60) as i32)
        }),
        min_score: maybe(random, 4, |random| random.below(11) as f64 * 10.0),
        paused: random.below(12) == 0,
    }
}

/// What matching means, said once more.
fn matches(search: &Search, thing: &Thing) -> bool {
    let has = |text: &[&str], phrase: &String| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        text.windows(phrase.len()).any(|words| words == phrase)
    };
    let text = [thing.title.as_slice(), thing.description.as_slice()].concat();
    let is_bounded = search.min_price_cents.is_some() || search.max_price_cents.is_some();
    !search.paused
        && thing.available
        && thing.score.is_none_or(|(_, band)| band != "verify")
        && search.include.iter().all(|phrase| has(&thing.title, phrase))
        && !search.exclude.iter().any(|phrase| has(&text, phrase))
        && search.category.is_none_or(|category| thing.category == Some(category))
        && (!is_bounded
            || thing.currency == search.currency
                && thing.price_cents.is_some_and(|price| {
                    search.min_price_cents.is_none_or(|least| price >= least)
                        && search.max_price_cents.is_none_or(|most| price <= most)
                }))
        && search.min_condition.is_none_or(|least| thing.condition.is_some_and(|is| is >= least))
        && search.circle.is_none_or(|(lat, lng, miles)| {
            thing.place.is_some_and(|(there_lat, there_lng)| {
                Place::at(lat, lng).miles_to(Place::at(there_lat, there_lng)) <= f64::from(miles)
            })
        })
        && search.min_score.is_none_or(|least| thing.score.is_some_and(|(score, _)| score >= least))
}

#[tokio::test]
async fn a_listing_finds_exactly_the_searches_that_it_matches() {
    let mut random = Random::with_a_new_seed();
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let searches: Vec<Search> = (0..600).map(|_| search(&mut random)).collect();
    let things: Vec<Thing> = (0..120).map(|_| thing(&mut random)).collect();
    for (number, search) in searches.iter().enumerate() {
        let sql = "insert into saved_searches (user_id, name, words_include, words_exclude, category, currency,
                       min_price_cents, max_price_cents, min_condition, lat, lng, radius_mi, min_score, paused)
                   values ($1, 'n', $2, $3, $4, $5, $6, $7, $8::text::item_condition, $9, $10, $11, $12, $13)";
        owner
            .execute(
                sql,
                &[
                    &format!("user {number}"),
                    &search.include,
                    &search.exclude,
                    &search.category,
                    &search.currency,
                    &search.min_price_cents,
                    &search.max_price_cents,
                    &search.min_condition.map(|is| CONDITIONS[is]),
                    &search.circle.map(|(lat, ..)| lat),
                    &search.circle.map(|(_, lng, _)| lng),
                    &search.circle.map(|(.., miles)| miles),
                    &search.min_score,
                    &search.paused,
                ],
            )
            .await
            .expect("inserts");
    }
    for (number, thing) in things.iter().enumerate() {
        let sql = "insert into listings (source, source_id, title, description, price_cents, currency, condition, category,
                       url, lat, lng, available)
                   values ('s', $1, $2, $3, $4, $5, $6::text::item_condition, $7, 'http://a', $8, $9, $10) returning id";
        let row = owner
            .query_one(
                sql,
                &[
                    &number.to_string(),
                    &thing.title.join(" "),
                    &thing.description.join(" "),
                    &thing.price_cents,
                    &thing.currency,
                    &thing.condition.map(|is| CONDITIONS[is]),
                    &thing.category,
                    &thing.place.map(|(lat, _)| lat),
                    &thing.place.map(|(_, lng)| lng),
                    &thing.available,
                ],
            )
            .await
            .expect("inserts");
        let id: i64 = row.get(0);
        assert_eq!(id, number as i64 + 1);
        if let Some((score, band)) = thing.score {
            let sql =
                "insert into deals (listing_id, band, score, rank) values ($1, $2::text::deal_band, $3, 0)";
            owner.execute(sql, &[&id, &band, &score]).await.expect("inserts");
        }
    }
    owner
        .batch_execute("insert into listings_to_match (listing_id) select id from listings")
        .await
        .expect("inserts");
    let db = worker(&database);
    let mut listings = 0;
    while let Matched { listings: some @ 1.., .. } = told_at_most(&db, 50, 700).await.expect("matches") {
        listings += some;
    }
    assert!(listings >= things.len());
    let found: BTreeSet<(String, i64)> =
        told(&owner).await.into_iter().map(|(user, listing, _)| (user, listing)).collect();
    let mut expected = BTreeSet::new();
    for (number, search) in searches.iter().enumerate() {
        for (listing, thing) in things.iter().enumerate().filter(|(_, thing)| matches(search, thing)) {
            expected.insert((format!("user {number}"), listing as i64 + 1));
            assert!(!thing.title.is_empty());
        }
    }
    let explained = |(user, listing): &(String, i64)| {
        let number: usize = user["user ".len()..].parse().expect("is a number");
        format!("{:?} and {:?}", searches[number], things[*listing as usize - 1])
    };
    let missed: Vec<_> = expected.difference(&found).map(explained).collect();
    let invented: Vec<_> = found.difference(&expected).map(explained).collect();
    assert!(missed.is_empty() && invented.is_empty(), "missed {missed:#?}, invented {invented:#?}");
    assert!(expected.len() > 1000, "{} matches say little", expected.len());
    assert_eq!(count(&owner, "listings_to_match").await, 0);
}
