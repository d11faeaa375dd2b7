//! Many comps at once: what becomes of each, and what is refused.

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, INGESTER, READER, TestDatabase};

use super::{ask, couch};

fn seen(source_id: &str, price_cents: i64, observed_at: &str) -> Value {
    json!({ "category": "a", "source": "s", "source_id": source_id, "title": "Walnut desk",
            "price_cents": price_cents, "observed_at": observed_at })
}

async fn send(app: &App, query: &str, items: &[Value]) -> Answer {
    ask(app, "POST", &format!("/comps/batch{query}"), INGESTER, Some(&json!({ "items": items }))).await
}

fn statuses(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let results = answer.body["results"].as_array().unwrap();
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_latest_observation_counts_and_each_is_told_its_row() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let first = [seen("a", 100, "2026-01-02T00:00:00Z"), seen("a", 90, "2026-01-01T00:00:00Z"), couch()];
    let created = send(&app, "", &first).await;
    assert_eq!(statuses(&created), ["created", "unchanged", "created"]);
    let ids: Vec<&Value> =
        created.body["results"].as_array().unwrap().iter().map(|result| &result["id"]).collect();
    assert_eq!(ids[0], ids[1]);
    let read = async |id: &Value| ask(&app, "GET", &format!("/comps/{id}"), READER, None).await;
    let kept = read(ids[2]).await;
    for (name, value) in couch().as_object().unwrap() {
        assert_eq!(&kept.body[name], value, "{name}");
    }
    assert_eq!(read(ids[0]).await.body["price_cents"], 100);
    assert_eq!(statuses(&send(&app, "", &first).await), ["unchanged"; 3]);
    assert_eq!(read(ids[0]).await.header("etag"), "\"1\"");

    let second = [seen("a", 100, "2026-01-03T00:00:00Z"), seen("a", 80, "2025-01-01T00:00:00Z")];
    assert_eq!(statuses(&send(&app, "", &second).await), ["unchanged"; 2]);
    let again = read(ids[0]).await;
    assert_eq!((&again.body["observed_at"], again.header("etag")), (&json!("2026-01-03T00:00:00Z"), "\"2\""));
    assert_eq!(statuses(&send(&app, "", &[seen("a", 70, "2026-01-04T00:00:00Z")]).await), ["updated"]);
    assert_eq!(read(ids[0]).await.body["price_cents"], 70);
}

#[tokio::test]
async fn a_bad_item_is_pointed_at_and_the_others_are_kept() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let with = |name: &str, value: Value| {
        let mut item = couch();
        item[name] = value;
        item
    };
    let cases = [
        ("/source_id", with("source_id", Value::Null)),
        ("/price_cents", with("price_cents", Value::Null)),
        ("/price_cents", with("price_cents", json!(1_000_000_000_000_i64))),
        ("/price_cents", with("price_cents", json!(-1))),
        ("/currency", with("currency", json!("ZZZ"))),
        ("/kind", with("kind", json!("offered"))),
        ("/kind", with("kind", json!({ "sold": null }))),
        ("/observed_at", with("observed_at", json!("2199-01-01T00:00:00Z"))),
        ("/title", with("title", json!(""))),
        ("/title", with("title", json!("x".repeat(300_000)))),
        ("/description", with("description", json!("x".repeat(300_000)))),
        ("/metadata", with("metadata", json!({ "a": "x".repeat(10_000) }))),
        ("/lng", with("lng", Value::Null)),
        ("", json!(7)),
    ];
    let mut items: Vec<Value> = cases.iter().map(|(_, item)| item.clone()).collect();
    items.push(couch());
    let refused = send(&app, "?atomic=true", &items).await;
    assert_eq!(refused.status, 422);
    assert_eq!(ask(&app, "GET", "/comps", READER, None).await.body["items"], json!([]));
    let answer = send(&app, "", &items).await;
    for (index, (pointer, _)) in cases.iter().enumerate() {
        let result = &answer.body["results"][index];
        assert_eq!(result["status"], "rejected", "{pointer}");
        assert_eq!(result["problem"]["errors"][0]["pointer"], *pointer, "{result}");
        let in_the_body = format!("/items/{index}{pointer}");
        let errors = refused.body["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["pointer"] == in_the_body), "{in_the_body}");
    }
    assert_eq!(statuses(&answer).last(), Some(&"created"));
    for items in [vec![], vec![couch(); 501]] {
        let refused = send(&app, "", &items).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/items")));
    }
}
