//! What a listing is worth, from the request that writes it to the one that asks why.

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, INGESTER, READER, TestDatabase};
use shared::valuation::terms;
use tokio_postgres::Client;

use super::{ask, create};

/// Title, price, condition, kind, and how many days ago; in dollars, the first of them comp 1.
const COMPS: [(&str, i64, &str, &str, i32); 6] = [
    ("Acme Rocket R5 64GB", 20_000, "good", "sold", 3),
    ("acme rocket R-5, 64 gb, black", 23_000, "good", "sold", 11),
    ("Rocket R5 64GB Acme", 30_000, "excellent", "sold", 20),
    ("Acme Rocket R5 64GB", 26_000, "good", "asking", 1),
    ("Acme Rocket R5 256GB", 90_000, "good", "sold", 1),
    ("Case for Acme Rocket R5 64GB", 900, "good", "sold", 1),
];

async fn fill(owner: &Client) {
    let insert =
        "insert into comps (category, title, price_cents, condition, kind, observed_at, source, terms)
                  values ('phones', $1, $2, $3::text::item_condition, $4::text::comp_kind,
                      now() - make_interval(days => $5), 's', $6)";
    for (title, price_cents, condition, kind, days) in COMPS {
        let terms = terms(title);
        owner.execute(insert, &[&title, &price_cents, &condition, &kind, &days, &terms]).await.unwrap();
    }
}

fn phone(source: &str, source_id: &str, price_cents: impl Into<Value>) -> Value {
    json!({
        "source": source, "source_id": source_id, "title": "ACME Rocket R5 64gb", "price_cents": price_cents.into(),
        "condition": "good", "category": "phones", "url": "http://a", "lat": 37.0, "lng": -122.0
    })
}

async fn valuation(app: &App, id: i64) -> Answer {
    ask(app, "GET", &format!("/listings/{id}/valuation"), READER, None).await
}

async fn post(app: &App, listing: &Value) -> i64 {
    let created = create(app, listing).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.body["id"].as_i64().unwrap()
}

async fn patch(app: &App, id: i64, changes: &Value) {
    let patched = ask(app, "PATCH", &format!("/listings/{id}"), INGESTER, Some(changes)).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
}

/// The score as it is stored, and what it was found from.
async fn stored(owner: &Client, id: i64) -> Option<(f64, Value)> {
    let sql = "select value, snapshot from listing_scores where listing_id = $1 and metric = 'deal_score'";
    owner.query_opt(sql, &[&id]).await.unwrap().map(|row| (row.get(0), row.get(1)))
}

/// The feed's rows: listing and cluster.
async fn deals(owner: &Client) -> Vec<(i64, Option<i64>)> {
    let rows =
        owner.query("select listing_id, cluster_id from deals order by listing_id", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// What the told evidence makes of a price: above 0 when it says more, below when less.
fn pull(told: &Value, fair: f64) -> f64 {
    let number = |item: &Value, name: &str| item[name].as_f64().unwrap();
    let limit = number(told, "pull_limit");
    let one = |item: &Value| {
        let ln = (number(item, "adjusted_price_cents") / fair).ln();
        number(item, "weight") * ln.clamp(-limit, limit)
    };
    told["evidence"].as_array().unwrap().iter().map(one).sum()
}

#[tokio::test]
async fn a_listing_is_valued_as_it_is_written_and_the_evidence_makes_the_price() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    fill(&owner).await;
    let id = post(&app, &phone("a", "1", 12_600)).await;
    let explained = |answer: Answer, stored: (f64, Value)| {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let (told, (score, snapshot)) = (answer.body, stored);
        assert_eq!(told["score"].as_f64().map(f64::to_bits), Some(score.to_bits()));
        for name in [
            "fair_price_cents",
            "low_cents",
            "high_cents",
            "effective_comps",
            "ask_cents",
            "currency",
            "band",
            "reasons",
            "model",
            "as_of",
        ] {
            // As text, so that no bit of a number is lost.
            assert_eq!(told[name].to_string(), snapshot[name].to_string(), "{name}");
        }
        let evidence = told["evidence"].as_array().unwrap();
        let ids: Value = evidence.iter().map(|item| item["comp_id"].clone()).collect();
        assert_eq!(ids, snapshot["comps"]);
        let fair = told["fair_price_cents"].as_f64().unwrap();
        assert!(pull(&told, fair - 1.0) > 0.0 && pull(&told, fair + 1.0) < 0.0, "{told}");
        told
    };
    let told = explained(valuation(&app, id).await, stored(&owner, id).await.unwrap());
    assert_eq!(
        (&told["listing_id"], &told["confidence"], &told["reason"]),
        (&json!(id), &json!(0.9), &Value::Null)
    );
    let mut ids: Vec<i64> =
        told["evidence"].as_array().unwrap().iter().map(|item| item["comp_id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4], "neither another variant nor an accessory");
    let first = &told["evidence"][0];
    assert_eq!((&first["title"], &first["price_cents"]), (&json!(COMPS[0].0), &json!(COMPS[0].1)));
    assert_eq!(deals(&owner).await, [(id, None)]);

    // A change is valued at once, however it comes.
    patch(&app, id, &json!({ "price_cents": 45_000 })).await;
    let dearer = explained(valuation(&app, id).await, stored(&owner, id).await.unwrap());
    assert_eq!(
        (&dearer["ask_cents"], &dearer["fair_price_cents"]),
        (&json!(45_000), &told["fair_price_cents"])
    );
    assert!(dearer["score"].as_f64() < told["score"].as_f64());
    let batch = json!({ "items": [phone("a", "1", 11_300_i64)] });
    assert_eq!(ask(&app, "POST", "/listings/batch", INGESTER, Some(&batch)).await.status, 200);
    let cheaper = explained(valuation(&app, id).await, stored(&owner, id).await.unwrap());
    assert_eq!(cheaper["ask_cents"], 11_300);

    patch(&app, id, &json!({ "description": "Looks like new. Does not turn on." })).await;
    let broken = explained(valuation(&app, id).await, stored(&owner, id).await.unwrap());
    assert_eq!((&broken["band"], &broken["score"]), (&json!("verify"), &json!(0.0)));
    patch(&app, id, &json!({ "description": "Looks like new." })).await;

    // What the evidence was is told as it was found, also when a comp is gone meanwhile.
    owner.execute("delete from comps where id = 2", &[]).await.unwrap();
    let told = valuation(&app, id).await.body;
    assert_eq!(told["fair_price_cents"], cheaper["fair_price_cents"]);
    assert!(told["evidence"].as_array().unwrap().iter().all(|item| item["comp_id"] != 2));
}

#[tokio::test]
async fn what_has_no_value_has_a_reason() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    fill(&owner).await;
    let mut unknown = phone("a", "unknown", 12_000);
    unknown["title"] = "Acme Comet C9".into();
    let unpriced = phone("a", "unpriced", Value::Null);
    for (listing, reason) in
        [(unknown, "no comparable sales in the last year"), (unpriced, "the listing names no price")]
    {
        let id = post(&app, &listing).await;
        let told = valuation(&app, id).await;
        assert_eq!((told.status, &told.body["reason"]), (200, &json!(reason)));
        for name in ["fair_price_cents", "low_cents", "high_cents", "score", "band"] {
            assert_eq!(told.body[name], Value::Null, "{name}");
        }
        assert_eq!((&told.body["ask_cents"], &told.body["evidence"]), (&listing["price_cents"], &json!([])));
        assert!(stored(&owner, id).await.is_none());
    }
    // Another way in than the API's own: nothing has valued it yet.
    let insert = "insert into listings (source, source_id, title, url, price_cents)
                  values ('sql', '1', 'Acme Rocket R5 64GB', 'http://a', 12000) returning id";
    let id = owner.query_one(insert, &[]).await.unwrap().get(0);
    assert_eq!(valuation(&app, id).await.body["reason"], "it will be valued within minutes");
    assert_eq!(deals(&owner).await, []);

    let missing = ask(&app, "GET", "/listings/99", READER, None).await;
    for path in ["/listings/99/valuation", "/listings/0/valuation", "/listings/abc/valuation"] {
        assert_eq!(ask(&app, "GET", path, READER, None).await, missing, "{path}");
    }
    assert_eq!(ask(&app, "GET", "/listings/1/valuation", "", None).await.status, 401);
}

#[tokio::test]
async fn what_is_no_longer_available_keeps_its_value_and_leaves_the_feed() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    fill(&owner).await;
    let id = post(&app, &phone("a", "1", 12_600)).await;
    let value = valuation(&app, id).await.body["fair_price_cents"].clone();
    patch(&app, id, &json!({ "available": false })).await;
    let told = valuation(&app, id).await;
    assert_eq!((told.status, &told.body["fair_price_cents"]), (200, &value));
    assert_eq!(deals(&owner).await, []);
    patch(&app, id, &json!({ "available": true })).await;
    assert_eq!(deals(&owner).await, [(id, None)]);
    patch(&app, id, &json!({ "price_cents": null })).await;
    assert_eq!((deals(&owner).await, stored(&owner, id).await), (vec![], None));
}

#[tokio::test]
async fn one_item_on_two_marketplaces_is_one_cluster_and_two_of_one_source_never_are() {
    let database = TestDatabase::migrated().await;
    let (app, owner) = (database.app(), database.owner().await);
    fill(&owner).await;
    let mut twin = phone("b", "1", 12_500);
    twin["title"] = "Acme Rocket R5 64 GB - great!".into();
    let mut elsewhere = phone("c", "1", 12_600);
    elsewhere["lat"] = 38.0.into();
    let first = post(&app, &phone("a", "1", 12_600)).await;
    let second = post(&app, &twin).await;
    let same_source = post(&app, &phone("b", "2", 12_500)).await;
    let far = post(&app, &elsewhere).await;
    let alone = [(same_source, None), (far, None)];
    assert_eq!(deals(&owner).await[..2], [(first, Some(first)), (second, Some(first))]);
    assert_eq!(deals(&owner).await[2..], alone);

    // A price that is another's now: the other one of that source is the twin.
    patch(&app, second, &json!({ "price_cents": 15_000 })).await;
    let expected = [(first, Some(first)), (second, None), (same_source, Some(first)), (far, None)];
    assert_eq!(deals(&owner).await, expected);
}
