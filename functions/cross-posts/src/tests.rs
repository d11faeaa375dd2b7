//! What sellers do with their cross-posts, from request to answer, against real servers.

mod fences;

use serde_json::{Value, json};
use shared::App;
use shared::testing::bad_input::{self, Resource};
use shared::testing::{Answer, TestDatabase, answer, request};

use super::route;

const ANNA: &str = "anna";
const BEN: &str = "ben";

/// Anna has the items 1 and 2, Ben has 3.
async fn database() -> TestDatabase {
    let database = TestDatabase::migrated().await;
    let items =
        "insert into my_items (user_id, title) values ('anna', 'Lamp'), ('anna', 'Sofa'), ('ben', 'Desk')";
    database.owner().await.batch_execute(items).await.unwrap();
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

async fn create(app: &App, post: &Value) -> Answer {
    ask(app, "POST", "/cross-posts", ANNA, Some(post)).await
}

fn on_ebay() -> Value {
    json!({
        "my_item_id": 1,
        "platform": "ebay",
        "external_id": "v1|1234",
        "listing_url": "https://www.ebay.example/itm/1234",
        "status": "live",
        "metadata": { "notes": "with a reserve", "fee": 0.13 }
    })
}

#[tokio::test]
async fn a_cross_post_is_created_read_changed_and_deleted() {
    let database = database().await;
    let app = database.app();
    let created = create(&app, &on_ebay()).await;
    assert_eq!((created.status, created.header("location")), (201, "/cross-posts/1"), "{}", created.body);
    for (name, value) in on_ebay().as_object().unwrap() {
        assert_eq!(&created.body[name], value, "{name}");
    }
    let read = ask(&app, "GET", "/cross-posts/1", ANNA, None).await;
    assert_eq!((read.status, read.header("etag"), &read.body), (200, "\"1\"", &created.body));

    let patch = json!({ "external_id": null, "listing_url": null, "metadata": { "notes": null, "fee": null }, "status": "sold" });
    let changed = ask_with(&app, "PATCH", "/cross-posts/1", ("if-match", "\"1\""), &patch).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    for (name, value) in patch.as_object().unwrap() {
        let value = if name == "metadata" { &json!({}) } else { value };
        assert_eq!(&changed.body[name], value, "{name}");
    }
    let stale = ask_with(&app, "PATCH", "/cross-posts/1", ("if-match", "\"1\""), &patch).await;
    assert_eq!(stale.status, 412);

    let refused = ask(&app, "DELETE", "/cross-posts/1", ANNA, None).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["detail"], "cannot be deleted while sold; allowed: pending, failed, delisted");
    let delisted = json!({ "status": "delisted" });
    assert_eq!(ask(&app, "PATCH", "/cross-posts/1", ANNA, Some(&delisted)).await.status, 200);
    assert_eq!(ask(&app, "DELETE", "/cross-posts/1", ANNA, None).await.status, 204);
    assert_eq!(ask(&app, "GET", "/cross-posts/1", ANNA, None).await.status, 404);

    let smallest = create(&app, &json!({ "my_item_id": 1, "platform": "ebay" })).await.body;
    assert_eq!((&smallest["status"], &smallest["metadata"]), (&json!("pending"), &json!({})));
}

#[tokio::test]
async fn a_step_that_makes_no_sense_is_refused_with_those_that_are_allowed() {
    let database = database().await;
    let app = database.app();
    let mut post = on_ebay();
    post["status"] = json!("sold");
    let refused = create(&app, &post).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["detail"], "cannot begin as sold; allowed: pending, live");

    post["status"] = json!("pending");
    assert_eq!(create(&app, &post).await.status, 201);
    let path = ask(&app, "GET", "/cross-posts", ANNA, None).await.body["items"][0]["id"].to_string();
    let path = format!("/cross-posts/{path}");
    let step = async |to: &str| ask(&app, "PATCH", &path, ANNA, Some(&json!({ "status": to }))).await;
    for (allowed, refused, detail) in [
        ("failed", "sold", "cannot go from failed to sold; allowed: pending, delisted"),
        ("pending", "sold", "cannot go from pending to sold; allowed: live, failed, delisted"),
        ("live", "pending", "cannot go from live to pending; allowed: sold, delisted"),
        ("sold", "failed", "cannot go from sold to failed; allowed: live, delisted"),
        ("delisted", "live", "cannot go from delisted to live; allowed: pending"),
    ] {
        assert_eq!(step(allowed).await.status, 200, "{allowed}");
        // To where it is already is no step.
        assert_eq!(step(allowed).await.status, 200, "{allowed}");
        let refused = step(refused).await;
        assert_eq!((refused.status, &refused.body["detail"]), (409, &json!(detail)));
        assert_eq!(ask(&app, "GET", &path, ANNA, None).await.body["status"], allowed);
    }
}

#[tokio::test]
async fn an_item_has_one_cross_post_per_platform_also_when_ten_come_at_once() {
    let database = database().await;
    let apps: Vec<App> = (0..10).map(|_| database.app()).collect();
    let post = on_ebay();
    let answers = futures_util::future::join_all(apps.iter().map(|app| create(app, &post))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[201].as_slice(), &[409; 9]].concat());
    let refused = answers.iter().find(|answer| answer.status == 409).unwrap();
    assert_eq!(refused.body["detail"], "the item has a cross-post on this platform");

    for (item, platform) in [(1, "offer_up"), (2, "ebay")] {
        let other = json!({ "my_item_id": item, "platform": platform });
        assert_eq!(create(&apps[0], &other).await.status, 201, "{other}");
    }
}

#[tokio::test]
async fn a_cross_post_stays_with_its_item_and_its_platform_and_with_its_orders() {
    let database = database().await;
    let app = database.app();
    create(&app, &on_ebay()).await;
    for (name, value) in [("my_item_id", json!(2)), ("platform", json!("mercari"))] {
        let refused = ask(&app, "PATCH", "/cross-posts/1", ANNA, Some(&json!({ name: value }))).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(format!("/{name}")))
        );
        assert_eq!(refused.body["errors"][0]["detail"], "is not a field that can be set here");
    }
    let order = "insert into orders (user_id, cross_post_id, platform_order_id, total_cents) values ('anna', 1, 'a', 1)";
    database.owner().await.batch_execute(order).await.unwrap();
    let delisted = json!({ "status": "delisted" });
    assert_eq!(ask(&app, "PATCH", "/cross-posts/1", ANNA, Some(&delisted)).await.status, 200);
    let refused = ask(&app, "DELETE", "/cross-posts/1", ANNA, None).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["detail"], "the cross-post has orders, which are history");
    assert_eq!(ask(&app, "GET", "/cross-posts/1", ANNA, None).await.header("etag"), "\"2\"");
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let database = database().await;
    let app = database.app();
    for (item, platform, status) in [(1, "ebay", "live"), (1, "mercari", "pending"), (2, "ebay", "live")] {
        let external_id = format!("{platform}-{item}");
        let post =
            json!({ "my_item_id": item, "platform": platform, "status": status, "external_id": external_id });
        assert_eq!(create(&app, &post).await.status, 201);
    }
    ask(&app, "PATCH", "/cross-posts/1", ANNA, Some(&json!({ "metadata": { "touched": true } }))).await;
    let found = async |query: &str| {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/cross-posts?limit=1&{query}{cursor}");
            let page = ask(&app, "GET", &path, ANNA, None).await;
            assert_eq!(page.status, 200, "{path} {}", page.body);
            ids.extend(
                page.body["items"].as_array().unwrap().iter().map(|post| post["id"].as_i64().unwrap()),
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
    assert_eq!(found("my_item_id=1").await, [2, 1]);
    assert_eq!(found("platform=ebay&sort=created_at").await, [1, 3]);
    assert_eq!(found("status=pending").await, [2]);
    assert_eq!(found("external_id=ebay-2").await, [3]);
    assert_eq!(found("platform=ebay&status=pending").await, [0; 0]);
    for (query, parameter) in
        [("my_item_id=0", "my_item_id"), ("platform=eBay", "platform"), ("status=gone", "status")]
    {
        let refused = ask(&app, "GET", &format!("/cross-posts?{query}"), ANNA, None).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["parameter"]), (400, &json!(parameter)));
    }
}

#[tokio::test]
async fn a_retry_with_the_same_key_gets_the_same_answer_and_makes_no_second_cross_post() {
    let database = database().await;
    let app = database.app();
    let key = ("idempotency-key", "k-1");
    let first = ask_with(&app, "POST", "/cross-posts", key, &on_ebay()).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    let again = ask_with(&app, "POST", "/cross-posts", key, &on_ebay()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
    let other = json!({ "my_item_id": 2, "platform": "ebay" });
    assert_eq!(ask_with(&app, "POST", "/cross-posts", key, &other).await.status, 422);

    // What was refused is not kept: the key is free for what is right.
    let key = ("idempotency-key", "k-2");
    assert_eq!(ask_with(&app, "POST", "/cross-posts", key, &on_ebay()).await.status, 409);
    assert_eq!(ask_with(&app, "POST", "/cross-posts", key, &other).await.status, 201);

    // Two at once: one creates, the other waits for its turn or gets the same answer.
    let (key, twin) = (("idempotency-key", "k-3"), database.app());
    let third = json!({ "my_item_id": 2, "platform": "mercari" });
    let (one, two) = tokio::join!(
        ask_with(&app, "POST", "/cross-posts", key, &third),
        ask_with(&twin, "POST", "/cross-posts", key, &third),
    );
    let created = |answer: &Answer| answer.status == 201 && answer.header("idempotent-replayed").is_empty();
    assert_eq!([&one, &two].into_iter().filter(|answer| created(answer)).count(), 1);
    for answer in [&one, &two] {
        assert!(
            answer.status == 201 || answer.status == 409 && answer.header("retry-after") == "1",
            "{answer:?}"
        );
    }
    assert_eq!(ask(&app, "GET", "/cross-posts", ANNA, None).await.body["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_no_resource_may_take_is_refused() {
    let database = database().await;
    let app = database.app();
    create(&app, &on_ebay()).await;
    create(&app, &json!({ "my_item_id": 2, "platform": "ebay" })).await;
    let mut sample = on_ebay();
    sample["platform"] = json!("mercari");
    let resource = Resource {
        path: "/cross-posts",
        table: "cross_posts",
        caller: ANNA,
        sample,
        text: "platform",
        // No amount of money, but wrong by the same values.
        money: Some("my_item_id"),
        sort: "updated_at",
        filter: "platform=ebay",
    };
    bad_input::is_refused(&database, &resource, async |request| answer(route(&app, request)).await).await;
    for (field, value) in [
        ("platform", json!("eBay")),
        ("platform", json!("e bay")),
        ("platform", json!("ébay")),
        ("platform", json!("x".repeat(51))),
        ("external_id", json!("")),
        ("external_id", json!("x".repeat(121))),
        ("listing_url", json!("javascript:alert(1)")),
        ("status", json!("closed")),
        ("metadata", json!([])),
        ("metadata", json!({ "a": "\u{0}" })),
    ] {
        let mut post = json!({ "my_item_id": 1, "platform": "mercari" });
        post[field] = value;
        let refused = create(&app, &post).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(format!("/{field}"))),
            "{post}"
        );
    }
}
