//! Many listings at once: what becomes of each, and what is refused.

use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, INGESTER, READER, TestDatabase, answer, raw_request, request};

use super::super::route;
use super::{ask, couch, create};

const BATCH: &str = "/listings/batch";

fn seen(source_id: &str, price_cents: i64, observed_at: &str) -> Value {
    json!({ "source": "s", "source_id": source_id, "title": "Walnut desk", "url": "http://a",
            "price_cents": price_cents, "observed_at": observed_at })
}

async fn send(app: &App, query: &str, items: &[Value]) -> Answer {
    ask(app, "POST", &format!("{BATCH}{query}"), INGESTER, Some(&json!({ "items": items }))).await
}

/// What became of each: its status and its row.
async fn results(app: &App, items: &[Value]) -> Vec<(String, Option<i64>)> {
    let answer = send(app, "", items).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let results = answer.body["results"].as_array().unwrap();
    assert_eq!(results.len(), items.len());
    let told = results.iter().enumerate().map(|(index, result)| {
        assert_eq!(result["index"], index);
        assert_eq!(result["problem"].is_null(), result["status"] != "rejected", "{result}");
        assert_eq!(result["id"].is_null(), result["status"] == "rejected", "{result}");
        (result["status"].as_str().unwrap().to_owned(), result["id"].as_i64())
    });
    told.collect()
}

async fn listing(app: &App, id: i64) -> (Value, String) {
    let answer = ask(app, "GET", &format!("/listings/{id}"), READER, None).await;
    let etag = answer.header("etag").to_owned();
    (answer.body, etag)
}

async fn prices(app: &App, id: i64) -> Value {
    let answer = ask(app, "GET", &format!("/listings/{id}/price-history"), READER, None).await;
    assert_eq!((answer.status, &answer.body["next_cursor"]), (200, &Value::Null));
    answer.body["items"].as_array().unwrap().iter().map(|item| item["price_cents"].clone()).collect()
}

#[tokio::test]
async fn each_item_is_told_what_became_of_it_and_which_row_it_is() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let is = |status: &str, id: i64| (status.to_owned(), Some(id));
    let first = [seen("a", 100, "2026-01-01T00:00:00Z"), seen("b", 200, "2026-01-01T00:00:00Z")];
    assert_eq!(results(&app, &first).await, [is("created", 1), is("created", 2)]);
    assert_eq!(results(&app, &first).await, [is("unchanged", 1), is("unchanged", 2)]);
    let (row, etag) = listing(&app, 1).await;
    assert_eq!((&row["last_seen_at"], etag.as_str()), (&json!("2026-01-01T00:00:00Z"), "\"1\""));
    assert_eq!(row["available"], true);

    let second = [
        seen("a", 100, "2026-01-03T00:00:00Z"), // seen again
        seen("b", 150, "2026-01-03T00:00:00Z"), // has a new price
        seen("c", 300, "2026-01-03T00:00:00Z"), // is new
        seen("a", 90, "2026-01-02T00:00:00Z"),  // superseded in this batch
        seen("c", 300, "2026-01-03T00:00:00Z"), // the same twice
        seen("b", 170, "2025-12-31T00:00:00Z"), // older than what is there
    ];
    let expected = [
        is("unchanged", 1),
        is("updated", 2),
        is("created", 3),
        is("unchanged", 1),
        is("unchanged", 3),
        is("unchanged", 2),
    ];
    let mut found = results(&app, &second).await;
    // The id of a new row is the sequence's affair.
    let new = found[2].1;
    for result in &mut found {
        result.1 = if result.1 == new { Some(3) } else { result.1 };
    }
    assert_eq!(found, expected);
    let (row, etag) = listing(&app, 1).await;
    assert_eq!((&row["price_cents"], &row["last_seen_at"]), (&json!(100), &json!("2026-01-03T00:00:00Z")));
    assert_eq!(etag, "\"2\"", "what is answered has changed");
    assert!(row["updated_at"].as_str() > row["created_at"].as_str());
    let (row, etag) = listing(&app, 2).await;
    assert_eq!((&row["price_cents"], etag.as_str()), (&json!(150), "\"2\""));
    assert_eq!(prices(&app, 1).await, json!([100, 90, 100]));
    assert_eq!(prices(&app, 2).await, json!([150, 200, 170]));

    // Without a time it is now; a clock may be a little fast, and what is stored is not.
    let mut now = seen("a", 80, "");
    now.as_object_mut().unwrap().remove("observed_at");
    assert_eq!(results(&app, &[now]).await, [is("updated", 1)]);
    let owner = database.owner().await;
    let soon = "select to_json(now() + interval '2 minutes') #>> '{}'";
    let soon: String = owner.query_one(soon, &[]).await.unwrap().get(0);
    assert_eq!(results(&app, &[seen("a", 70, &soon)]).await, [is("updated", 1)]);
    let ahead = owner.query_one("select count(*) from listings where last_seen_at > now()", &[]).await;
    assert_eq!(ahead.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn all_fields_are_kept_and_a_listing_that_is_seen_is_what_it_is_seen_as() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    assert_eq!(results(&app, &[couch()]).await[0].0, "created");
    let (row, _) = listing(&app, 1).await;
    for (name, value) in couch().as_object().unwrap() {
        assert_eq!(&row[name], value, "{name}");
    }
    let mut smallest = seen("7712345678", 1, "");
    smallest["source"] = "craigslist".into();
    for name in ["observed_at", "price_cents"] {
        smallest.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(results(&app, &[smallest]).await[0].0, "updated");
    let (row, _) = listing(&app, 1).await;
    for name in
        ["description", "price_cents", "condition", "category", "thumbnail_url", "lat", "lng", "posted_at"]
    {
        assert_eq!(row[name], Value::Null, "{name}");
    }
    assert_eq!((&row["available"], &row["currency"]), (&json!(true), &json!("USD")));
    assert_eq!(prices(&app, 1).await, json!([null, 15000]));
}

#[tokio::test]
async fn a_change_by_hand_is_not_undone_by_a_delivery_that_comes_again() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let batch = [seen("a", 100, "2026-01-01T00:00:00Z")];
    results(&app, &batch).await;
    let patch = json!({ "available": false, "price_cents": 50, "title": "walnut DESK" });
    let patched = ask(&app, "PATCH", "/listings/1", INGESTER, Some(&patch)).await;
    assert_eq!(patched.status, 200);
    assert_eq!(results(&app, &batch).await[0].0, "unchanged");
    assert_eq!(listing(&app, 1).await.0, patched.body);
    assert_eq!(prices(&app, 1).await, json!([50, 100]));
    let history = ask(&app, "GET", "/listings/1/price-history", READER, None).await;
    assert_eq!(history.body["items"][0]["observed_at"], patched.body["last_seen_at"]);
}

#[tokio::test]
async fn a_bad_item_is_pointed_at_and_the_others_are_kept() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let good = couch();
    let with = |name: &str, value: Value| {
        let mut item = couch();
        item[name] = value;
        item.to_string()
    };
    let raw = |name: &str, json: &str| with(name, json!("RAW")).replace("\"RAW\"", json);
    let cases = [
        ("/price_cents", raw("price_cents", "1e400")),
        ("/price_cents", raw("price_cents", "-1e400")),
        ("/price_cents", with("price_cents", json!("15000"))),
        ("/price_cents", with("price_cents", json!("NaN"))),
        ("/price_cents", with("price_cents", json!(-1))),
        ("/price_cents", with("price_cents", json!(0.5))),
        ("/price_cents", with("price_cents", json!(1_000_000_000_000_i64))),
        ("/price_cents", with("price_cents", json!(i64::MAX))),
        ("/price_cents", raw("price_cents", "99999999999999999999")),
        ("/currency", with("currency", json!("ZZZ"))),
        ("/currency", with("currency", json!("usd"))),
        ("/observed_at", with("observed_at", json!("2199-01-01T00:00:00Z"))),
        ("/observed_at", with("observed_at", json!("1969-12-31T23:59:59Z"))),
        ("/observed_at", with("observed_at", json!("yesterday"))),
        ("/title", with("title", json!(""))),
        ("/title", raw("title", "\"\\ud800\"")),
        ("/title", raw("title", "1e400")),
        ("/title", with("title", json!("a\u{0}b"))),
        ("/title", with("title", Value::Null)),
        ("/description", with("description", json!("x".repeat(300_000)))),
        ("/lng", with("lng", Value::Null)),
        ("/lat", with("lat", json!(90.1))),
        ("/lat", raw("lat", "1e400")),
        ("/id", with("id", json!(7))),
        ("/a~1b", with("a/b", json!(7))),
        ("/source_id", with("source_id", Value::Null)),
        ("", "7".into()),
        ("", "null".into()),
        ("", "[]".into()),
        ("", "\"item\"".into()),
        ("", format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))),
    ];
    let items: Vec<&str> = cases.iter().map(|(_, item)| item.as_str()).collect();
    let body =
        format!("{{\"items\":[{},{good},{}]}}", items.join(","), seen("last", 1, "2026-01-01T00:00:00Z"));
    let send = async |query: &str| {
        let body = ("application/json", body.as_bytes());
        answer(route(&app, raw_request("POST", &format!("{BATCH}{query}"), INGESTER, Some(body)))).await
    };

    let refused = send("?atomic=true").await;
    assert_eq!((refused.status, refused.header("content-type")), (422, "application/problem+json"));
    let errors = refused.body["errors"].as_array().unwrap();
    for (index, (pointer, _)) in cases.iter().enumerate() {
        let pointer = format!("/items/{index}{pointer}");
        assert!(errors.iter().any(|error| error["pointer"] == pointer), "{pointer}: {}", refused.body);
    }
    assert_eq!(ask(&app, "GET", "/listings", READER, None).await.body["items"], json!([]));

    let answer = send("").await;
    assert_eq!(answer.status, 200);
    let results = answer.body["results"].as_array().unwrap();
    for (index, ((pointer, _), result)) in cases.iter().zip(results).enumerate() {
        let problem = &result["problem"];
        assert_eq!((&result["index"], &result["status"]), (&json!(index), &json!("rejected")), "{pointer}");
        assert_eq!((&result["id"], &problem["status"]), (&Value::Null, &json!(422)), "{pointer}");
        assert_eq!(problem["errors"][0]["pointer"], *pointer, "{problem}");
        assert_eq!(problem["title"], "Unprocessable Entity");
    }
    let kept: Vec<&Value> = results[cases.len()..].iter().map(|result| &result["status"]).collect();
    assert_eq!(kept, ["created", "created"]);
    assert_eq!(send("?atomic=false").await.status, 200);
    assert_eq!(ask(&app, "GET", "/listings", READER, None).await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_body_that_is_no_batch_is_refused_as_a_whole() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let item = seen("a", 1, "2026-01-01T00:00:00Z");
    let body = |items: &Value| json!({ "items": items }).to_string();
    for (name, status, pointer, sent) in [
        ("nothing", 400, "", String::new()),
        ("an array", 400, "", "[]".into()),
        ("NaN", 400, "", body(&json!([item])).replace(":1,", ":NaN,")),
        ("two values", 400, "", "{} {}".into()),
        ("no items", 422, "/items", "{}".into()),
        ("null", 422, "/items", body(&Value::Null)),
        ("text", 422, "/items", body(&json!("a"))),
        ("an object", 422, "/items", body(&json!({ "0": item }))),
        ("0 items", 422, "/items", body(&json!([]))),
        ("501 items", 422, "/items", body(&json!(vec![&item; 501]))),
        ("an unknown member", 422, "/a~1b", json!({ "items": [item], "a/b": 1 }).to_string()),
        ("too much", 413, "", body(&json!(["x".repeat(4_200_000)]))),
    ] {
        let body = ("application/json", sent.as_bytes());
        let answer = answer(route(&app, raw_request("POST", BATCH, INGESTER, Some(body)))).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        assert_eq!(answer.body["errors"][0]["pointer"].as_str().unwrap_or_default(), pointer, "{name}");
    }
    for (query, name) in [("?atomic=yes", "atomic"), ("?atomic=", "atomic"), ("?limit=1", "limit")] {
        let answer = send(&app, query, std::slice::from_ref(&item)).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["parameter"]), (400, &json!(name)), "{query}");
    }
    let text = raw_request("POST", BATCH, INGESTER, Some(("text/plain", b"{}")));
    assert_eq!(answer(route(&app, text)).await.status, 415);
    let with_key = async |key: &str| {
        let mut request = request("POST", BATCH, INGESTER, Some(&json!({ "items": [item] })));
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        answer(route(&app, request)).await
    };
    assert_eq!(with_key(&"k".repeat(256)).await.status, 400);
    assert_eq!(ask(&app, "GET", "/listings", READER, None).await.body["items"], json!([]));
    for status in ["created", "unchanged"] {
        let answer = with_key("k").await;
        assert_eq!((answer.status, &answer.body["results"][0]["status"]), (200, &json!(status)));
    }
    let largest: Vec<Value> = (0..500).map(|n| seen(&n.to_string(), 1, "2026-01-01T00:00:00Z")).collect();
    assert_eq!(results(&app, &largest).await.len(), 500);
}

#[tokio::test]
async fn an_answer_stays_small_whatever_was_in_a_batch() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let long = "\"\\".repeat(100);
    let item: Value =
        (0..36).map(|n| (format!("{n}{long}"), Value::Null)).collect::<serde_json::Map<_, _>>().into();
    let items = vec![item; 200];
    for query in ["", "?atomic=true"] {
        let body = json!({ "items": items }).to_string().into_bytes();
        assert!(body.len() > 2_900_000);
        let request =
            raw_request("POST", &format!("{BATCH}{query}"), INGESTER, Some(("application/json", &body)));
        let answer = answer(route(&app, request)).await;
        // As Lambda wraps it.
        let size = Value::String(answer.body.to_string()).to_string().len();
        assert!(size < 4_000_000, "{size}");
    }
}

#[tokio::test]
async fn batches_are_ingesters_own() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let body = json!({ "items": [seen("a", 1, "2026-01-01T00:00:00Z")] });
    for (caller, status) in [("", 401), (READER, 403), ("reader deals/ingester", 403)] {
        assert_eq!(ask(&app, "POST", BATCH, caller, Some(&body)).await.status, status);
    }
    create(&app, &couch()).await;
    for (path, status) in [("/listings/1/price-history", 200), ("/listings/99/price-history", 404)] {
        assert_eq!(ask(&app, "GET", path, READER, None).await.status, status);
        assert_eq!(ask(&app, "GET", path, "", None).await.status, 401);
    }
}

#[tokio::test]
async fn the_changes_of_a_price_are_paged_the_newest_first() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let day = |day: i64| format!("2026-01-{day:02}T00:00:00Z");
    // Every second day as the day before; in another order than they happened.
    let mut items: Vec<Value> = (1..=20).map(|n| seen("a", (n + 1) / 2 * 100, &day(n))).collect();
    items.rotate_left(7);
    items[3]["currency"] = "EUR".into(); // day 11, and so also the 12th is a change
    results(&app, &items).await;

    let all = ask(&app, "GET", "/listings/1/price-history", READER, None).await.body["items"].clone();
    let days: Vec<&Value> = all.as_array().unwrap().iter().map(|item| &item["observed_at"]).collect();
    let expected: Vec<String> = [19, 17, 15, 13, 12, 11, 9, 7, 5, 3, 1].into_iter().map(day).collect();
    assert_eq!(days, expected.iter().collect::<Vec<_>>());
    assert_eq!(all[5], json!({ "observed_at": day(11), "price_cents": 600, "currency": "EUR" }));

    let (mut walked, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = ask(&app, "GET", &format!("/listings/1/price-history{query}"), READER, None).await;
        let items = page.body["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        walked.extend(items.clone());
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        query = format!("?limit=3&cursor={cursor}");
    }
    assert_eq!(json!(walked), all);
    // A cursor is of one listing, and nothing else can be asked.
    create(&app, &couch()).await;
    let elsewhere = query.replace("?limit=3&", "?");
    for query in [elsewhere.as_str(), "?limit=0", "?sort=observed_at", "?cursor=abc"] {
        let answer = ask(&app, "GET", &format!("/listings/2/price-history{query}"), READER, None).await;
        assert_eq!(answer.status, 400, "{query}");
    }
}
