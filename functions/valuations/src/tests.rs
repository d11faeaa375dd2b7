//! What callers are told a thing is worth, from request to answer, against real servers.

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, READER, TestDatabase, answer, raw_request, request, routed_paths};
use shared::valuation::terms;

use super::route;

async fn ask(app: &App, body: &Value) -> Answer {
    answer(route(app, request("POST", "/valuations", READER, Some(body)))).await
}

/// Comps as `(title, price_cents, condition, kind, days old)`, in dollars.
async fn fill(database: &TestDatabase, comps: &[(&str, i64, &str, &str, i32)]) {
    let owner = database.owner().await;
    let insert =
        "insert into comps (category, title, price_cents, condition, kind, observed_at, source, terms)
                  values ('phones', $1, $2, $3::text::item_condition, $4::text::comp_kind,
                      now() - make_interval(days => $5), 's', $6)";
    for (title, price_cents, condition, kind, days) in comps {
        owner.execute(insert, &[title, price_cents, condition, kind, days, &terms(title)]).await.unwrap();
    }
}

const PHONES: [(&str, i64, &str, &str, i32); 7] = [
    ("Acme Rocket R5 64GB", 20_000, "good", "sold", 3),
    ("acme rocket R-5, 64 gb, black", 22_000, "good", "sold", 10),
    ("Rocket R5 64GB Acme", 30_000, "excellent", "sold", 20),
    ("Acme Rocket R5 64GB", 26_000, "good", "asking", 1),
    ("Acme Rocket R5 256GB", 90_000, "good", "sold", 1),
    ("Case for Acme Rocket R5 64GB", 900, "good", "sold", 1),
    ("Acme Rocket R5 64GB", 1, "good", "sold", 800),
];

#[tokio::test]
async fn a_thing_is_worth_what_its_like_went_for_and_the_evidence_makes_the_price() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    fill(&database, &PHONES).await;
    let subject = json!({ "title": "Acme Rocket R5 64GB", "category": "phones", "condition": "good", "currency": "USD",
        "lat": 37.0, "lng": -122.0 });
    let told = ask(&app, &subject).await;
    assert_eq!(told.status, 200);
    let cents = |name: &str| told.body[name].as_i64().unwrap();
    let (low, fair, high) = (cents("low_cents"), cents("fair_price_cents"), cents("high_cents"));
    assert!(low < fair && fair < high && (20_000..24_000).contains(&fair), "{low} {fair} {high}");
    assert_eq!(
        (&told.body["confidence"], &told.body["currency"], &told.body["model"], &told.body["reason"]),
        (&json!(0.9), &json!("USD"), &json!("v0"), &Value::Null)
    );
    let evidence = told.body["evidence"].as_array().unwrap();
    let mut ids: Vec<i64> = evidence.iter().map(|item| item["comp_id"].as_i64().unwrap()).collect();
    assert_eq!(ids[0], 1, "the newest of the same condition that was sold weighs the most");
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4], "neither another variant, nor an accessory, nor what is years ago");
    assert!(evidence.iter().all(|item| !item["why"].as_str().unwrap().is_empty()));

    let limit = told.body["pull_limit"].as_f64().unwrap();
    let pull = |fair: f64| -> f64 {
        let one = |item: &Value| {
            let ln = (item["adjusted_price_cents"].as_f64().unwrap() / fair).ln();
            item["weight"].as_f64().unwrap() * ln.clamp(-limit, limit)
        };
        evidence.iter().map(one).sum()
    };
    let fair = fair as f64;
    assert!(pull(fair - 1.0) > 0.0 && pull(fair + 1.0) < 0.0, "{} at {fair}", pull(fair));
}

#[tokio::test]
async fn without_evidence_there_is_no_price_but_a_reason() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    fill(&database, &PHONES).await;
    for (subject, reason) in [
        (json!({ "title": "Acme Rocket R6 64GB" }), "no comparable sales in the last year"),
        (
            json!({ "title": "Acme Rocket R5 64GB", "currency": "EUR" }),
            "no comparable sales in the last year",
        ),
        (json!({ "title": "WTB Acme Rocket R5" }), "the title does not say what is offered"),
        (json!({ "title": "!!!" }), "the title does not say what is offered"),
    ] {
        let told = ask(&app, &subject).await;
        assert_eq!((told.status, &told.body["reason"]), (200, &json!(reason)), "{subject}");
        for name in ["fair_price_cents", "low_cents", "high_cents"] {
            assert_eq!(told.body[name], Value::Null, "{subject} {name}");
        }
        assert_eq!(told.body["evidence"], json!([]), "{subject}");
    }
    // Of another variant there is, with a wider interval.
    let wide =
        |told: &Answer| told.body["high_cents"].as_f64().unwrap() / told.body["low_cents"].as_f64().unwrap();
    let same = ask(&app, &json!({ "title": "Acme Rocket R5 256GB" })).await;
    let sibling = ask(&app, &json!({ "title": "Acme Rocket R5 128GB" })).await;
    assert!(sibling.body["evidence"][0]["why"].as_str().unwrap().contains("sibling"), "{}", sibling.body);
    assert!(wide(&sibling) > wide(&same));
}

#[tokio::test]
async fn what_cannot_be_valued_is_refused_by_its_field() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for (field, value) in [
        ("title", json!("")),
        ("title", json!("x".repeat(256))),
        ("title", Value::Null),
        ("title", json!("a\u{0}")),
        ("category", json!(7)),
        ("condition", json!("mint")),
        ("currency", json!("ZZZ")),
        ("currency", json!("usd")),
        ("lat", json!(91)),
        ("price_cents", json!(1)),
    ] {
        let mut subject = json!({ "title": "a", "lng": 1 });
        subject[field] = value.clone();
        if field != "lat" {
            subject.as_object_mut().unwrap().remove("lng");
        }
        let refused = ask(&app, &subject).await;
        assert_eq!(refused.status, 422, "{field} {value}");
        let pointers: Vec<&Value> =
            refused.body["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert!(pointers.contains(&&json!(format!("/{field}"))), "{field} {value}: {pointers:?}");
    }
    let missing = ask(&app, &json!({ "lat": 1 })).await;
    assert_eq!(missing.status, 422);
    let malformed = raw_request("POST", "/valuations", READER, Some(("application/json", b"{")));
    assert_eq!(answer(route(&app, malformed)).await.status, 400);
    let wrong_verb = answer(route(&app, request("GET", "/valuations", READER, None))).await;
    assert_eq!((wrong_verb.status, wrong_verb.header("allow")), (405, "POST"));
}

#[test]
fn the_router_knows_the_path() {
    assert_eq!(routed_paths("valuations"), ["/valuations"]);
}
