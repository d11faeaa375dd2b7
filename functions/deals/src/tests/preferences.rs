//! What a caller's own preferences make of the feed.

use serde_json::{Value, json};
use shared::testing::TestDatabase;
use tokio_postgres::Client;

use super::market::{Offer, insert};
use super::{FAR, HOME, NEAR, READER, ask, items, titles};

async fn prefer(owner: &Client, user_id: &str, preferences: &Value) {
    let sql = "insert into user_prefs (user_id, lat, lng, radius_mi, min_condition, max_price_cents, keywords_include, keywords_exclude)
               select $1, lat, lng, radius_mi, min_condition, coalesce(max_price_cents, '{}'),
                      coalesce(keywords_include, '[]'), coalesce(keywords_exclude, '[]')
               from jsonb_populate_record(null::user_prefs, $2)";
    owner.execute("delete from user_prefs where user_id = $1", &[&user_id]).await.expect("deletes");
    owner.execute(sql, &[&user_id, preferences]).await.expect("inserts");
}

#[tokio::test]
async fn each_preference_restricts_the_feed_and_what_is_asked_for_wins() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    for offer in [
        Offer { score: 90.0, condition: Some("fair"), place: Some(FAR), ..Offer::named("oak desk") },
        Offer { score: 89.0, condition: None, place: Some(NEAR), ..Offer::named("mid-century lamp") },
        Offer {
            score: 88.0,
            condition: Some("excellent"),
            price: Some(9000),
            ..Offer::named("desks of pine")
        },
        Offer {
            score: 87.0,
            description: Some("Goes well with an OAK table; don't ask for a \"discount\"."),
            category: Some("music"),
            price: Some(9000),
            place: Some(HOME),
            ..Offer::named("piano")
        },
        Offer { score: 86.0, price: None, category: None, ..Offer::named("century of the lamp") },
    ] {
        insert(&owner, &offer).await;
    }
    let all = ["oak desk", "mid-century lamp", "desks of pine", "piano", "century of the lamp"];
    let (desk, mid, pine, piano, century) = (all[0], all[1], all[2], all[3], all[4]);
    let home = json!({ "lat": HOME.0, "lng": HOME.1 });
    let radius = json!({ "lat": HOME.0, "lng": HOME.1, "radius_mi": 10 });
    let prices = json!({ "max_price_cents": { "furniture": 1000, "tools": 1 } });
    let words = |include: &[&str], exclude: &[&str]| json!({ "keywords_include": include, "keywords_exclude": exclude });
    for (preferences, query, expected) in [
        (json!({}), "", &all[..]),
        (home.clone(), "", &[mid, piano, desk, pine, century]),
        (home.clone(), "radius_mi=10", &[mid, piano]),
        (radius.clone(), "", &[mid, piano]),
        (radius.clone(), "radius_mi=60", &[mid, piano, desk]),
        // Around another place, a radius of home has no meaning.
        (radius.clone(), "near=37.95,-121.875", &[desk, mid, piano, pine, century]),
        (radius, "near=37.95,-121.875&radius_mi=10", &[desk]),
        (json!({ "min_condition": "poor" }), "", &[desk, pine, piano, century]),
        (json!({ "min_condition": "good" }), "", &[pine, piano, century]),
        (json!({ "min_condition": "excellent" }), "", &[pine]),
        (prices.clone(), "", &[desk, mid, piano, century]),
        (prices.clone(), "category=furniture", &[desk, mid]),
        (prices, "max_price_cents=9000", &[desk, mid, pine, piano]),
        (words(&["oak"], &[]), "", &[desk, piano]),
        (words(&["OAKS", "pine"], &[]), "", &[desk, pine, piano]),
        (words(&["mid century", "don't"], &[]), "", &[mid]),
        (words(&["mid-century"], &[]), "", &[mid]),
        (words(&["century lamp"], &[]), "", &[mid]),
        (words(&["\"discount\""], &[]), "", &[piano]),
        (words(&["violin"], &[]), "", &[]),
        (words(&[], &["oak", "-lamp"]), "", &[pine]),
        (words(&["desk"], &["pine"]), "", &[desk]),
        // Nothing in a word means anything, and one without a meaning restricts nothing.
        (words(&["the"], &["!!! & | ( :*"]), "", &all),
        (words(&["the", "oak"], &[]), "", &[desk, piano]),
        (words(&["oak or pine"], &["oak\" or \"pine"]), "", &[]),
        (words(&["'; drop table deals --", "\\", ":*", "<->"], &[]), "", &[]),
        (
            words(&["oak", "pine"], &[]),
            "category=furniture&near=37.375,-121.875&max_price_cents=1000",
            &[desk],
        ),
    ] {
        prefer(&owner, READER, &preferences).await;
        assert_eq!(titles(&app, query).await, expected, "{preferences} {query}");
    }

    // They are the caller's own.
    prefer(&owner, READER, &json!({})).await;
    prefer(&owner, "another", &json!({ "lat": 0, "lng": 0, "radius_mi": 1, "min_condition": "excellent" }))
        .await;
    assert_eq!(titles(&app, "").await, all);
    assert_eq!(items(&app, "").await[0]["distance_mi"], Value::Null);
    let answer = ask(&app, "radius_mi=10").await;
    assert_eq!((answer.status, &answer.body["errors"][0]["parameter"]), (400, &json!("radius_mi")));
}
