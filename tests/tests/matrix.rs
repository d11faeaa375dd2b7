//! Who reaches what: every operation of the API's own document × callers, ids, references, cursors, keys and tags.

use api_tests::{Answer, Caller, Gateway};
use serde_json::{Value, json};
use shared::testing::TestDatabase;

// An administrator reads and retries what is dead, which nothing of Anna's is, and else has no rights to her rows.
const ANNA: Caller = Caller { user_id: "anna", scope: "openid deals/admin" };
const BEN: Caller = Caller { user_id: "ben", scope: "openid deals/admin" };
const INGESTER: Caller = Caller { user_id: "ingester", scope: "openid deals/ingest" };

/// What a path stands for, and so who may do what. A path that is not here fails the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Anybody's.
    Public,
    /// Read by every signed-in caller, written by ingesters.
    Market,
    /// Answered to every signed-in caller, and kept nowhere.
    Question,
    /// Answered to every signed-in caller, about a place of their own.
    Upload,
    /// Rows of a user.
    Owned,
    /// The one row of a user.
    Single,
}

fn kind(path: &str) -> Kind {
    match path {
        "/health" | "/ping" | "/openapi.json" | "/docs" => Kind::Public,
        "/listings"
        | "/listings/batch"
        | "/listings/{id}"
        | "/listings/{id}/scores"
        | "/listings/{id}/price-history"
        | "/listings/{id}/valuation"
        | "/deals"
        | "/comps"
        | "/comps/batch"
        | "/comps/{id}" => Kind::Market,
        "/valuations" => Kind::Question,
        "/snap-jobs/uploads" => Kind::Upload,
        "/my-items"
        | "/my-items/{id}"
        | "/cross-posts"
        | "/cross-posts/{id}"
        | "/orders"
        | "/orders/{id}"
        | "/marketplace-accounts"
        | "/marketplace-accounts/{id}"
        | "/snap-jobs"
        | "/snap-jobs/{id}"
        | "/jobs"
        | "/jobs/{id}"
        | "/saved-searches"
        | "/saved-searches/{id}"
        | "/saved-searches/{id}/preview"
        | "/snap-jobs/{id}/retry"
        | "/notifications"
        | "/notifications/{id}" => Kind::Owned,
        "/user-prefs" => Kind::Single,
        path => panic!("{path} has no row in this matrix"),
    }
}

/// An operation of the document.
#[derive(Debug)]
struct Operation {
    method: String,
    path: String,
    kind: Kind,
    /// The document's own example of a body.
    body: Option<Value>,
    /// Fields that the server alone sets: in an answer, and in no body.
    server_owned: Vec<String>,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("has paths") {
        for (method, operation) in item.as_object().expect("is an object") {
            if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let kind = kind(path);
            assert_eq!(operation["security"] == json!([]), kind == Kind::Public, "{method} {path}: security");
            let content = ["application/json", "application/merge-patch+json"]
                .iter()
                .map(|media| &operation["requestBody"]["content"][*media])
                .find(|content| content.is_object());
            let names = |schema: &Value| -> Vec<String> {
                let properties = resolve(document, schema)["properties"].as_object();
                properties.map(|all| all.keys().cloned().collect()).unwrap_or_default()
            };
            let accepted = content.map(|content| names(&content["schema"])).unwrap_or_default();
            let answered = ["200", "201"]
                .iter()
                .map(|status| resolve(document, &operation["responses"][*status]))
                .flat_map(|response| names(&response["content"]["application/json"]["schema"]));
            let mut server_owned: Vec<String> =
                answered.filter(|name| content.is_some() && !accepted.contains(name)).collect();
            server_owned.sort();
            server_owned.dedup();
            if content.is_some() {
                server_owned.extend(["user_id".into(), "version".into()]);
            }
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                kind,
                body: content.map(|content| example(document, content)),
                server_owned,
            });
        }
    }
    operations
}

fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).expect("the reference resolves"),
        None => value,
    }
}

fn example(document: &Value, content: &Value) -> Value {
    resolve(document, &content["schema"])["examples"][0].clone()
}

/// Rows of Anna's, one a collection, and of the market: path of the collection and id.
struct World {
    database: TestDatabase,
    gateway: Gateway,
    operations: Vec<Operation>,
    rows: Vec<(String, i64)>,
}

impl World {
    async fn new() -> World {
        let database = TestDatabase::migrated().await;
        let mut gateway = Gateway::new(&database);
        let document = gateway.ask("GET", "/openapi.json", None, &[], None);
        assert_eq!(document.status, 200);
        let operations = operations(&document.body);
        let mut world = World { database, gateway, operations, rows: Vec::new() };
        // In the order in which one refers to the other.
        for collection in [
            "/listings",
            "/comps",
            "/my-items",
            "/cross-posts",
            "/orders",
            "/marketplace-accounts",
            "/snap-jobs",
            "/saved-searches",
        ] {
            let body = world.body("POST", collection);
            let caller = if kind(collection) == Kind::Market { INGESTER } else { ANNA };
            let created = world.gateway.ask("POST", collection, Some(caller), &[], Some(&body));
            assert_eq!(created.status, 201, "{collection}: {} for {body}", created.body);
            world.rows.push((collection.into(), created.body["id"].as_i64().expect("has an id")));
        }
        let owner = world.database.owner().await;
        owner
            .batch_execute(
                "insert into notifications (user_id, channel) values ('anna', 'inbox');
                 insert into user_prefs (user_id) values ('anna')",
            )
            .await
            .expect("inserts");
        let id = owner.query_one("select id from notifications", &[]).await.expect("reads").get("id");
        world.rows.push(("/notifications".into(), id));
        let id = owner.query_one("select id from jobs", &[]).await.expect("the snap job made one").get("id");
        world.rows.push(("/jobs".into(), id));
        world
    }

    fn id(&self, collection: &str) -> i64 {
        self.rows.iter().find(|(path, _)| path == collection).expect("has a row").1
    }

    /// The document's example, with references to rows that are there.
    fn body(&self, method: &str, path: &str) -> Value {
        let found =
            self.operations.iter().find(|operation| operation.method == method && operation.path == path);
        let mut body = found
            .unwrap_or_else(|| panic!("{method} {path} is not documented"))
            .body
            .clone()
            .expect("has a body");
        for (field, collection) in [("my_item_id", "/my-items"), ("cross_post_id", "/cross-posts")] {
            if body.get(field).is_some() {
                body[field] = self.id(collection).into();
            }
        }
        if body.get("photos").is_some() {
            body["photos"] = json!(["https://photos.example.com/1.jpg"]);
        }
        body
    }

    /// The path of the row that is there, or of one that is missing.
    fn target(&self, path: &str, missing: bool) -> String {
        let collection = format!("/{}", path.split('/').nth(1).unwrap_or_default());
        match path.contains("{id}") {
            true if missing => path.replace("{id}", "9000000000"),
            true => path.replace("{id}", &self.id(&collection).to_string()),
            false => path.to_owned(),
        }
    }

    async fn rows_of_anna(&self) -> String {
        let owner = self.database.owner().await;
        let mut all = String::new();
        for table in [
            "listings",
            "listing_scores",
            "price_history",
            "deals",
            "comps",
            "my_items",
            "cross_posts",
            "orders",
            "marketplace_accounts",
            "snap_jobs",
            "jobs",
            "notifications",
            "saved_searches",
            "user_prefs",
        ] {
            let sql = format!(
                "select coalesce(string_agg(t::text, ',' order by t::text), '') from {table} t
                               where coalesce(to_jsonb(t) ->> 'user_id', 'anna') = 'anna'"
            );
            all.push_str(owner.query_one(&sql, &[]).await.expect("reads").get(0));
        }
        all
    }
}

#[tokio::test]
async fn without_claims_nothing_but_the_public_answers() {
    let mut world = World::new().await;
    for n in 0..world.operations.len() {
        let Operation { method, path, kind, body, .. } = &world.operations[n];
        let (method, path, kind, body) = (method.clone(), path.clone(), *kind, body.clone());
        let target = world.target(&path, false);
        let answer = world.gateway.ask(&method, &target, None, &[], body.as_ref());
        if kind == Kind::Public {
            assert_eq!(answer.status, 200, "{method} {path}");
        } else {
            assert_eq!(
                (answer.status, answer.header("www-authenticate")),
                (401, "Bearer"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn the_market_is_written_by_ingesters_alone() {
    let mut world = World::new().await;
    let before = world.rows_of_anna().await;
    let mut refused = 0;
    for n in 0..world.operations.len() {
        let Operation { method, path, kind, .. } = &world.operations[n];
        if *kind != Kind::Market {
            continue;
        }
        let (method, path) = (method.clone(), path.clone());
        let target = world.target(&path, false);
        let body = (method != "GET" && method != "DELETE").then(|| world.body(&method, &path));
        let answer = world.gateway.ask(&method, &target, Some(ANNA), &[], body.as_ref());
        let expected = if method == "GET" { 200 } else { 403 };
        assert_eq!(answer.status, expected, "{method} {path}: {}", answer.body);
        refused += u32::from(expected == 403);
    }
    assert!(refused >= 7, "{refused} writes were refused");
    assert_eq!(before, world.rows_of_anna().await);
}

#[tokio::test]
async fn a_question_is_answered_to_everybody_and_its_answer_is_kept_nowhere() {
    let mut world = World::new().await;
    let before = world.rows_of_anna().await;
    let mut answered = 0;
    for n in 0..world.operations.len() {
        let Operation { method, path, kind, .. } = &world.operations[n];
        if *kind != Kind::Question {
            continue;
        }
        let (method, path) = (method.clone(), path.clone());
        let body = world.body(&method, &path);
        for caller in [ANNA, BEN, INGESTER, ANNA] {
            let key = [("idempotency-key", "the same")];
            let answer = world.gateway.ask(&method, &path, Some(caller), &key, Some(&body));
            assert_eq!(
                (answer.status, answer.header("location")),
                (200, ""),
                "{method} {path}: {}",
                answer.body
            );
            assert_eq!(answer.header("idempotent-replayed"), "", "{method} {path}");
            answered += 1;
        }
    }
    assert!(answered > 0);
    assert_eq!(before, world.rows_of_anna().await);
}

#[tokio::test]
async fn a_place_for_an_upload_is_the_callers_own() {
    let mut world = World::new().await;
    let path = "/snap-jobs/uploads";
    let body = world.body("POST", path);
    for caller in [ANNA, BEN] {
        let answer = world.gateway.ask("POST", path, Some(caller), &[], Some(&body));
        assert_eq!(answer.status, 201, "{}", answer.body);
        let photo = answer.body["photo"].as_str().expect("is told");
        assert!(photo.starts_with(&format!("uploads/{}/", caller.user_id)), "{photo}");
        let url = answer.body["url"].as_str().expect("is told");
        assert!(url.starts_with(&format!("https://photos.s3.eu-west-1.amazonaws.com/{photo}?")), "{url}");
        // S3 takes it, not this API.
        let sent = world.gateway.ask("PUT", &format!("{path}?photo={photo}"), Some(caller), &[], None);
        assert_eq!((sent.status, sent.header("allow")), (405, "POST"));
    }
}

#[tokio::test]
async fn another_users_row_is_as_one_that_is_missing() {
    let mut world = World::new().await;
    let before = world.rows_of_anna().await;
    for n in 0..world.operations.len() {
        let Operation { method, path, kind, body, .. } = &world.operations[n];
        if *kind != Kind::Owned {
            continue;
        }
        let (method, path, has_body) = (method.clone(), path.clone(), body.is_some());
        let body = has_body.then(|| world.body(&method, &path));
        if path.contains("{id}") {
            let (others, missing) = (world.target(&path, false), world.target(&path, true));
            let ask = |world: &mut World, target: &str| -> Answer {
                world.gateway.ask(&method, target, Some(BEN), &[], body.as_ref()).without_request_id()
            };
            let (others, missing) = (ask(&mut world, &others), ask(&mut world, &missing));
            assert_eq!((others.status, &others), (404, &missing), "{method} {path}");
        } else if method == "GET" {
            let answer = world.gateway.ask("GET", &path, Some(BEN), &[], None);
            assert_eq!((answer.status, &answer.body["items"]), (200, &json!([])), "{path}");
        }
    }
    // Preferences have no id: Ben's are his own, whatever Anna's are.
    let answer = world.gateway.ask("GET", "/user-prefs", Some(BEN), &[], None);
    assert_eq!((answer.status, answer.header("etag")), (200, "\"0\""));
    assert_eq!(before, world.rows_of_anna().await);
}

#[tokio::test]
async fn a_reference_to_another_users_row_is_as_one_to_a_row_that_is_missing() {
    let mut world = World::new().await;
    let references = [("/cross-posts", "my_item_id"), ("/orders", "cross_post_id")];
    for operation in world.operations.iter().filter(|operation| operation.kind == Kind::Owned) {
        for field in operation.body.iter().flat_map(|body| body.as_object().expect("is an object").keys()) {
            let known = references.contains(&(operation.path.as_str(), field.as_str()));
            // A marketplace's own ids refer to nothing of ours.
            let foreign = ["external_id", "platform_order_id"].contains(&field.as_str());
            assert!(!field.ends_with("_id") || known || foreign, "{} refers by {field}", operation.path);
        }
    }
    for (path, field) in references {
        let others = world.body("POST", path);
        let mut missing = others.clone();
        missing[field] = 9_000_000_000_i64.into();
        let ask = |world: &mut World, body: &Value| {
            world.gateway.ask("POST", path, Some(BEN), &[], Some(body)).without_request_id()
        };
        let (others, missing) = (ask(&mut world, &others), ask(&mut world, &missing));
        assert_eq!((others.status, &others), (422, &missing), "{path}");
        assert_eq!(others.body["errors"][0]["pointer"], format!("/{field}"));
    }
    // A photo of another's uploads.
    let body = json!({ "photos": ["uploads/anna/1.jpg"] });
    let answer = world.gateway.ask("POST", "/snap-jobs", Some(BEN), &[], Some(&body));
    assert_eq!((answer.status, &answer.body["errors"][0]["pointer"]), (422, &json!("/photos/0")));
}

#[tokio::test]
async fn a_cursor_shows_nobody_anothers_rows() {
    let mut world = World::new().await;
    let owner = world.database.owner().await;
    // A second row of each, so that there is a next page.
    owner
        .batch_execute(
            "insert into my_items (user_id, title) values ('anna', 'second');
             insert into cross_posts (user_id, my_item_id, platform)
                 select user_id, id, 'second' from my_items where title <> 'second';
             insert into orders (user_id, cross_post_id, platform_order_id, total_cents)
                 select user_id, cross_post_id, 'second', 1 from orders;
             insert into marketplace_accounts (user_id, platform) values ('anna', 'second');
             insert into snap_jobs (user_id) values ('anna');
             insert into saved_searches (user_id, name) values ('anna', 'second');
             insert into notifications (user_id, channel) values ('anna', 'second')",
        )
        .await
        .expect("inserts");
    let lists: Vec<String> = world
        .operations
        .iter()
        .filter(|operation| operation.method == "GET" && operation.kind == Kind::Owned)
        .filter(|operation| !operation.path.contains("{id}"))
        .map(|operation| operation.path.clone())
        .collect();
    assert!(lists.len() >= 6, "{lists:?}");
    for path in lists {
        let first = world.gateway.ask("GET", &format!("{path}?limit=1"), Some(ANNA), &[], None);
        let cursor = first.body["next_cursor"].as_str().expect("there are more");
        let page = format!("{path}?limit=100&cursor={cursor}");
        assert_eq!(world.gateway.ask("GET", &page, Some(ANNA), &[], None).status, 200, "{path}");
        let answer = world.gateway.ask("GET", &page, Some(BEN), &[], None);
        assert_eq!((answer.status, &answer.body["items"]), (200, &json!([])), "{path}");
    }
}

#[tokio::test]
async fn a_key_is_its_users_own_and_a_retry_is_answered_as_before() {
    let mut world = World::new().await;
    let creates: Vec<(String, Caller)> = world
        .operations
        .iter()
        .filter(|operation| operation.method == "POST")
        .filter(|operation| ![Kind::Question, Kind::Upload].contains(&operation.kind))
        // A batch can be sent again in any case; a retry creates nothing.
        .filter(|operation| !operation.path.ends_with("/batch") && !operation.path.ends_with("/retry"))
        .map(|operation| {
            (operation.path.clone(), if operation.kind == Kind::Market { INGESTER } else { ANNA })
        })
        .collect();
    assert!(creates.len() >= 7, "{creates:?}");
    let fresh = |mut body: Value| {
        for field in ["platform", "platform_order_id", "source_id"] {
            if body.get(field).is_some() {
                body[field] = "fresh".into();
            }
        }
        body
    };
    for (path, caller) in creates {
        let key = [("idempotency-key", path.as_str())];
        let target = world.target(&path, false);
        let body = fresh(world.body("POST", &path));
        let first = world.gateway.ask("POST", &target, Some(caller), &key, Some(&body));
        let again = world.gateway.ask("POST", &target, Some(caller), &key, Some(&body));
        assert_eq!((first.status, again.status), (201, 201), "{path}: {}", first.body);
        let replayed = |answer: &Answer| answer.header("idempotent-replayed").to_owned();
        assert_eq!((replayed(&first).as_str(), replayed(&again).as_str()), ("", "true"), "{path}");
        assert_eq!((&first.body, first.header("location")), (&again.body, again.header("location")));

        let mut other = body.clone();
        other["currency"] = "EUR".into();
        other["notes"] = "other".into();
        other["account_name"] = "other".into();
        other.as_object_mut().expect("is an object").retain(|name, _| match name.as_str() {
            "currency" => {
                !path.contains("scores")
                    && !path.contains("accounts")
                    && !path.contains("posts")
                    && !path.contains("jobs")
            }
            "notes" => path.contains("jobs"),
            "account_name" => path.contains("accounts"),
            _ => true,
        });
        if path.contains("posts") {
            other["platform"] = "other".into();
        }
        if path.contains("scores") {
            other["value"] = 1.into();
        }
        let misused = world.gateway.ask("POST", &target, Some(caller), &key, Some(&other));
        assert_eq!(misused.status, 422, "{path}: {}", misused.body);
        assert_eq!(misused.body["detail"], "this Idempotency-Key stands for another request", "{path}");

        // Ben's key of the same name is another; what he refers to is not his.
        let bens = world.gateway.ask("POST", &target, Some(BEN), &key, Some(&body));
        let expected = match path.as_str() {
            "/cross-posts" | "/orders" => 422,
            _ if caller.user_id == INGESTER.user_id => 403,
            _ => 201,
        };
        assert_eq!((bens.status, replayed(&bens).as_str()), (expected, ""), "{path}: {}", bens.body);
    }
}

#[tokio::test]
async fn a_stale_tag_changes_nothing() {
    let mut world = World::new().await;
    let before = world.rows_of_anna().await;
    let mut refused = 0;
    for n in 0..world.operations.len() {
        let Operation { method, path, kind, .. } = &world.operations[n];
        if !["PUT", "PATCH", "DELETE"].contains(&method.as_str()) || *kind == Kind::Upload {
            continue;
        }
        let (method, path) = (method.clone(), path.clone());
        let caller = if *kind == Kind::Market { INGESTER } else { ANNA };
        let body = (method != "DELETE").then(|| world.body(&method, &path));
        let target = world.target(&path, false);
        let stale = [("if-match", "\"77\"")];
        let answer = world.gateway.ask(&method, &target, Some(caller), &stale, body.as_ref());
        assert_eq!(answer.status, 412, "{method} {path}: {}", answer.body);
        refused += 1;
    }
    assert!(refused >= 15, "{refused} writes were refused");
    assert_eq!(before, world.rows_of_anna().await);
}

#[tokio::test]
async fn what_the_server_sets_nobody_else_sets() {
    let mut world = World::new().await;
    let before = world.rows_of_anna().await;
    let mut refused = 0;
    for n in 0..world.operations.len() {
        let Operation { method, path, kind, server_owned, body } = &world.operations[n];
        if body.is_none() {
            continue;
        }
        let (method, path, server_owned) = (method.clone(), path.clone(), server_owned.clone());
        let caller = if *kind == Kind::Market { INGESTER } else { ANNA };
        let target = world.target(&path, false);
        for field in server_owned {
            let mut body = world.body(&method, &path);
            body[&field] = json!("mallory");
            let answer = world.gateway.ask(&method, &target, Some(caller), &[], Some(&body));
            let pointers: Vec<_> = answer.body["errors"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|error| error["pointer"].as_str())
                .collect();
            let pointer = format!("/{field}");
            assert_eq!(answer.status, 422, "{method} {path} with {field}: {}", answer.body);
            assert!(pointers.contains(&pointer.as_str()), "{method} {path} with {field}: {}", answer.body);
            refused += 1;
        }
    }
    assert!(refused >= 60, "{refused} fields were refused");
    assert_eq!(before, world.rows_of_anna().await);
}
