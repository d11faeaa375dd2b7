//! What sellers do with their orders, from request to answer, against real servers.

mod fences;
mod steps;

use serde_json::{Value, json};
use shared::App;
use shared::testing::bad_input::{self, Resource};
use shared::testing::{Answer, TestDatabase, answer, request};

use super::route;

const ANNA: &str = "anna";
const BEN: &str = "ben";

/// Anna has the posts 1 and 2 on eBay and 3 on Mercari, of items that have other ids; Ben has 4 on eBay.
async fn database() -> TestDatabase {
    let database = TestDatabase::migrated().await;
    let posts = "
        insert into my_items (user_id, title) values ('ben', 'Desk'), ('anna', 'Lamp'), ('anna', 'Sofa');
        insert into cross_posts (user_id, my_item_id, platform, status) values
            ('anna', 2, 'ebay', 'live'), ('anna', 3, 'ebay', 'live'), ('anna', 2, 'mercari', 'live'),
            ('ben', 1, 'ebay', 'live')";
    database.owner().await.batch_execute(posts).await.unwrap();
    database
}

async fn ask(app: &App, method: &str, path: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, path, caller, body))).await
}

async fn ask_with(app: &App, method: &str, path: &str, header: (&'static str, &str), body: &Value) -> Answer {
    let mut request = request(method, path, ANNA, Some(body));
    request.headers_mut().insert(header.0, header.1.parse().unwrap());
    answer(route(app, request)).await
}

async fn create(app: &App, order: &Value) -> Answer {
    ask(app, "POST", "/orders", ANNA, Some(order)).await
}

fn lamp_sold() -> Value {
    json!({
        "cross_post_id": 1,
        "platform_order_id": "12-34567-89012",
        "status": "paid",
        "total_cents": 4500,
        "currency": "EUR",
        "metadata": { "buyer": "Nobody", "fee": 0.13 }
    })
}

#[tokio::test]
async fn an_order_is_created_read_changed_and_deleted() {
    let database = database().await;
    let app = database.app();
    let mut pending = lamp_sold();
    pending["status"] = json!("pending");
    let created = create(&app, &pending).await;
    assert_eq!((created.status, created.header("location")), (201, "/orders/1"), "{}", created.body);
    for (name, value) in pending.as_object().unwrap() {
        assert_eq!(&created.body[name], value, "{name}");
    }
    assert_eq!((&created.body["platform"], &created.body["my_item_id"]), (&json!("ebay"), &json!(2)));
    let read = ask(&app, "GET", "/orders/1", ANNA, None).await;
    assert_eq!((read.status, read.header("etag"), &read.body), (200, "\"1\"", &created.body));

    let patch = json!({ "total_cents": 0, "currency": "USD", "metadata": { "buyer": null, "fee": null }, "status": "cancelled" });
    let changed = ask_with(&app, "PATCH", "/orders/1", ("if-match", "\"1\""), &patch).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    for (name, value) in patch.as_object().unwrap() {
        let value = if name == "metadata" { &json!({}) } else { value };
        assert_eq!(&changed.body[name], value, "{name}");
    }
    let stale = ask_with(&app, "PATCH", "/orders/1", ("if-match", "\"1\""), &patch).await;
    assert_eq!(stale.status, 412);
    for name in ["cross_post_id", "platform_order_id", "platform", "my_item_id"] {
        let refused = ask(&app, "PATCH", "/orders/1", ANNA, Some(&json!({ name: read.body[name] }))).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(format!("/{name}")))
        );
    }

    assert_eq!(ask(&app, "DELETE", "/orders/1", ANNA, None).await.status, 204);
    assert_eq!(ask(&app, "GET", "/orders/1", ANNA, None).await.status, 404);

    let smallest = json!({ "cross_post_id": 3, "platform_order_id": "a", "total_cents": 0 });
    let smallest = create(&app, &smallest).await.body;
    assert_eq!((&smallest["platform"], &smallest["status"]), (&json!("mercari"), &json!("pending")));
    assert_eq!((&smallest["currency"], &smallest["metadata"]), (&json!("USD"), &json!({})));
}

#[tokio::test]
async fn a_platforms_order_is_there_once_also_for_two_posts_and_when_ten_come_at_once() {
    let database = database().await;
    let apps: Vec<App> = (0..10).map(|_| database.app()).collect();
    let orders: Vec<Value> = (0..10)
        .map(|n| {
            let mut order = lamp_sold();
            order["cross_post_id"] = json!(1 + n % 2);
            order
        })
        .collect();
    let creations = apps.iter().zip(&orders).map(|(app, order)| create(app, order));
    let answers = futures_util::future::join_all(creations).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[201].as_slice(), &[409; 9]].concat());
    let refused = answers.iter().find(|answer| answer.status == 409).unwrap();
    assert_eq!(refused.body["detail"], "there is an order with this platform_order_id on this platform");

    // The same id on another platform is another order, and so it is for another user.
    let mut order = lamp_sold();
    order["cross_post_id"] = json!(3);
    assert_eq!(create(&apps[0], &order).await.status, 201);
    order["cross_post_id"] = json!(4);
    assert_eq!(ask(&apps[0], "POST", "/orders", BEN, Some(&order)).await.status, 201);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let database = database().await;
    let app = database.app();
    let mut created_at = Vec::new();
    for (post, status, total_cents) in [(1, "paid", 500), (2, "pending", 100), (3, "paid", 100)] {
        let platform_order_id = format!("{post}-{total_cents}");
        let order = json!({ "cross_post_id": post, "platform_order_id": platform_order_id, "status": status,
                            "total_cents": total_cents });
        let created = create(&app, &order).await;
        assert_eq!(created.status, 201, "{}", created.body);
        created_at.push(created.body["created_at"].as_str().unwrap().to_owned());
    }
    ask(&app, "PATCH", "/orders/1", ANNA, Some(&json!({ "metadata": { "touched": true } }))).await;
    let found = async |query: &str| {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/orders?limit=1&{query}{cursor}");
            let page = ask(&app, "GET", &path, ANNA, None).await;
            assert_eq!(page.status, 200, "{path} {}", page.body);
            ids.extend(
                page.body["items"].as_array().unwrap().iter().map(|order| order["id"].as_i64().unwrap()),
            );
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    };
    assert_eq!(found("").await, [3, 2, 1]);
    assert_eq!(found("sort=created_at").await, [1, 2, 3]);
    assert_eq!(found("sort=-updated_at").await, [1, 3, 2]);
    assert_eq!(found("sort=total_cents").await, [2, 3, 1]);
    assert_eq!(found("sort=-total_cents").await, [1, 3, 2]);
    assert_eq!(found("cross_post_id=2").await, [2]);
    assert_eq!(found("platform=ebay").await, [2, 1]);
    assert_eq!(found("status=paid&sort=total_cents").await, [3, 1]);
    assert_eq!(found(&format!("created_at_min={}", created_at[1])).await, [3, 2]);
    assert_eq!(found(&format!("created_at_max={}", created_at[1])).await, [2, 1]);
    assert_eq!(found(&format!("created_at_min={0}&created_at_max={0}", created_at[1])).await, [2]);
    for (query, parameter) in [
        ("cross_post_id=-1", "cross_post_id"),
        ("platform=eBay", "platform"),
        ("status=closed", "status"),
        ("created_at_min=yesterday", "created_at_min"),
        ("created_at_max=1969-12-31T23:59:59Z", "created_at_max"),
    ] {
        let refused = ask(&app, "GET", &format!("/orders?{query}"), ANNA, None).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["parameter"]), (400, &json!(parameter)));
    }
}

#[tokio::test]
async fn a_retry_with_the_same_key_gets_the_same_answer_and_makes_no_second_order() {
    let database = database().await;
    let app = database.app();
    let key = ("idempotency-key", "k-1");
    let first = ask_with(&app, "POST", "/orders", key, &lamp_sold()).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    // The answer of then, whatever became of the order.
    ask(&app, "PATCH", "/orders/1", ANNA, Some(&json!({ "status": "shipped" }))).await;
    let again = ask_with(&app, "POST", "/orders", key, &lamp_sold()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
    let other = json!({ "cross_post_id": 2, "platform_order_id": "b", "total_cents": 1 });
    assert_eq!(ask_with(&app, "POST", "/orders", key, &other).await.status, 422);

    // Two at once: one creates, the other waits for its turn or gets the same answer.
    let (key, twin) = (("idempotency-key", "k-2"), database.app());
    let (one, two) = tokio::join!(
        ask_with(&app, "POST", "/orders", key, &other),
        ask_with(&twin, "POST", "/orders", key, &other),
    );
    let created = |answer: &Answer| answer.status == 201 && answer.header("idempotent-replayed").is_empty();
    assert_eq!([&one, &two].into_iter().filter(|answer| created(answer)).count(), 1);
    for answer in [&one, &two] {
        assert!(
            answer.status == 201 || answer.status == 409 && answer.header("retry-after") == "1",
            "{answer:?}"
        );
    }
    assert_eq!(ask(&app, "GET", "/orders", ANNA, None).await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_no_resource_may_take_is_refused() {
    let database = database().await;
    let app = database.app();
    create(&app, &lamp_sold()).await;
    create(&app, &json!({ "cross_post_id": 2, "platform_order_id": "b", "total_cents": 1 })).await;
    let mut sample = lamp_sold();
    sample["platform_order_id"] = json!("c");
    let resource = Resource {
        path: "/orders",
        table: "orders",
        caller: ANNA,
        sample: sample.clone(),
        text: "platform_order_id",
        money: Some("total_cents"),
        sort: "total_cents",
        filter: "status=paid",
    };
    bad_input::is_refused(&database, &resource, async |request| answer(route(&app, request)).await).await;
    for (field, value) in [
        ("platform", json!("ebay")),
        ("my_item_id", json!(2)),
        ("platform_order_id", json!("x".repeat(121))),
        ("cross_post_id", json!(0)),
        ("cross_post_id", json!("1")),
        ("total_cents", Value::Null),
        ("currency", json!("usd")),
        ("status", json!("closed")),
        ("metadata", json!("a")),
    ] {
        let mut order = sample.clone();
        order[field] = value;
        let refused = create(&app, &order).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(format!("/{field}"))),
            "{order}"
        );
    }
}
