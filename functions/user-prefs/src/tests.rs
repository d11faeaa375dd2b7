//! What callers do with their preferences, from request to answer, against real servers.

mod refusals;
mod targets;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::App;
use shared::testing::{Answer, TestDatabase, answer, request};

use super::route;

const ANNA: &str = "anna";
const BEN: &str = "ben";

async fn ask(app: &App, method: &str, caller: &str, body: Option<&Value>) -> Answer {
    answer(route(app, request(method, "/user-prefs", caller, body))).await
}

async fn ask_if(app: &App, method: &str, header: &'static str, value: &str, body: Option<&Value>) -> Answer {
    let mut request = request(method, "/user-prefs", ANNA, body);
    request.headers_mut().insert(header, value.parse().unwrap());
    answer(route(app, request)).await
}

fn all() -> Value {
    json!({
        "lat": 37.3382,
        "lng": -121.8863,
        "city": "San Jose, CA",
        "radius_mi": 25,
        "min_condition": "good",
        "max_price_cents": { "furniture>sofas": 15000, "a/b~c": 0 },
        "keywords_include": ["walnut", "mid-century"],
        "keywords_exclude": ["broken"],
        "notify_channels": ["webhook", "email"],
        "time_zone": "America/Argentina/Buenos_Aires",
        "quiet_hours": { "start": "22:00", "end": "07:00" },
        "email": "anna@example.com",
        "delivery": "digest",
        "digest_at": "18:30",
        "daily_cap": 20
    })
}

fn nothing() -> Value {
    json!({
        "lat": null, "lng": null, "city": null, "radius_mi": null, "min_condition": null, "max_price_cents": {},
        "keywords_include": [], "keywords_exclude": [], "notify_channels": [], "time_zone": null, "quiet_hours": null,
        "email": null, "delivery": null, "digest_at": null, "daily_cap": null
    })
}

fn without_times(answer: &Answer) -> Value {
    let mut prefs = answer.body.clone();
    assert_eq!(prefs.as_object_mut().unwrap().remove("target_hints"), Some(json!({})));
    for name in ["created_at", "updated_at"] {
        assert!(prefs.as_object_mut().unwrap().remove(name).is_some(), "{name}");
    }
    prefs
}

#[tokio::test]
async fn nothing_is_assumed_and_what_is_put_replaces_everything() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let none = ask(&app, "GET", ANNA, None).await;
    assert_eq!((none.status, none.header("etag")), (200, "\"0\""));
    assert_eq!((without_times(&none), &none.body["created_at"]), (nothing(), &Value::Null));
    assert_eq!(ask_if(&app, "GET", "if-none-match", "\"0\"", None).await.status, 304);

    let put = ask(&app, "PUT", ANNA, Some(&all())).await;
    assert_eq!((put.status, put.header("etag"), without_times(&put)), (200, "\"1\"", all()), "{}", put.body);
    let read = ask(&app, "GET", ANNA, None).await;
    assert_eq!((read.status, read.header("etag"), &read.body), (200, "\"1\"", &put.body));
    assert!(read.body["created_at"].is_string());
    // Another's are their own.
    assert_eq!(without_times(&ask(&app, "GET", BEN, None).await), nothing());

    let few = json!({ "city": "Vallejo", "quiet_hours": { "start": "13:00", "end": "14:30" }, "keywords_include": null });
    let put = ask(&app, "PUT", ANNA, Some(&few)).await;
    let mut expected = nothing();
    expected["city"] = few["city"].clone();
    expected["quiet_hours"] = few["quiet_hours"].clone();
    assert_eq!((put.status, put.header("etag"), without_times(&put)), (200, "\"2\"", expected));
}

#[tokio::test]
async fn a_patch_is_laid_on_what_is_there_or_on_nothing() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let patch = async |patch: Value| ask(&app, "PATCH", ANNA, Some(&patch)).await;
    let first = patch(json!({ "city": "Vallejo", "max_price_cents": { "a": 1, "b": 2, "c": null } })).await;
    let mut expected = nothing();
    expected["city"] = "Vallejo".into();
    expected["max_price_cents"] = json!({ "a": 1, "b": 2 });
    assert_eq!(
        (first.status, first.header("etag"), without_times(&first)),
        (200, "\"1\"", expected),
        "{}",
        first.body
    );

    assert_eq!(without_times(&ask(&app, "PUT", ANNA, Some(&all())).await), all());
    assert_eq!(without_times(&patch(json!({})).await), all());
    // Objects are merged, arrays replaced (RFC 7396).
    let merged = patch(json!({
        "radius_mi": 5,
        "max_price_cents": { "furniture>sofas": null, "lamps": 900 },
        "keywords_include": ["teak"],
        "quiet_hours": { "end": "06:30" }
    }))
    .await;
    let mut expected = all();
    expected["radius_mi"] = 5.into();
    expected["max_price_cents"] = json!({ "a/b~c": 0, "lamps": 900 });
    expected["keywords_include"] = json!(["teak"]);
    expected["quiet_hours"] = json!({ "start": "22:00", "end": "06:30" });
    assert_eq!((merged.status, without_times(&merged)), (200, expected), "{}", merged.body);

    let clear = nothing().as_object().unwrap().keys().map(|name| (name.clone(), Value::Null)).collect();
    let cleared = patch(Value::Object(clear)).await;
    assert_eq!((cleared.status, cleared.header("etag"), without_times(&cleared)), (200, "\"5\"", nothing()));
    assert_eq!(without_times(&patch(all()).await), all());
}

#[tokio::test]
async fn of_many_first_writers_that_name_version_0_one_wins() {
    let database = TestDatabase::migrated().await;
    let apps: Vec<App> = (0..8).map(|_| database.app()).collect();
    for app in &apps {
        app.db.warm_up().await;
    }
    let owner = database.owner().await;
    let city = json!({ "city": "mine" });
    for round in 0..10 {
        let method = if round % 2 == 0 { "PUT" } else { "PATCH" };
        let writes = apps.iter().map(|app| ask_if(app, method, "if-match", "\"0\"", Some(&city)));
        let mut statuses: Vec<u16> = join_all(writes).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412], "{method}");
        owner.batch_execute("delete from user_prefs").await.unwrap();
    }
}

#[tokio::test]
async fn if_match_holds_for_put_and_patch() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let city = json!({ "city": "mine" });
    for method in ["PUT", "PATCH"] {
        for (wrong, right) in [("\"1\"", "\"0\""), ("\"0\"", "\"1\""), ("W/\"2\"", "\"7\", \"2\"")] {
            assert_eq!(
                ask_if(&app, method, "if-match", wrong, Some(&city)).await.status,
                412,
                "{method} {wrong}"
            );
            assert_eq!(
                ask_if(&app, method, "if-match", right, Some(&city)).await.status,
                200,
                "{method} {right}"
            );
        }
        assert_eq!(ask_if(&app, method, "if-match", "*", Some(&city)).await.header("etag"), "\"4\"");
        database.owner().await.batch_execute("delete from user_prefs").await.unwrap();
    }
}

#[tokio::test]
async fn no_patch_is_lost_among_many_at_once() {
    let database = TestDatabase::migrated().await;
    let apps: Vec<App> = (0..4).map(|_| database.app()).collect();
    let patches = [
        json!({ "city": "Vallejo" }),
        json!({ "min_condition": "fair", "max_price_cents": { "a": 1 } }),
        json!({ "max_price_cents": { "b": 2 } }),
        json!({ "notify_channels": ["email"] }),
    ];
    let owner = database.owner().await;
    for _ in 0..10 {
        let writes = apps.iter().zip(&patches).map(|(app, patch)| ask(app, "PATCH", ANNA, Some(patch)));
        assert!(join_all(writes).await.iter().all(|answer| answer.status == 200));
        let prefs = ask(&apps[0], "GET", ANNA, None).await;
        let mut expected = nothing();
        expected["city"] = "Vallejo".into();
        expected["min_condition"] = "fair".into();
        expected["max_price_cents"] = json!({ "a": 1, "b": 2 });
        expected["notify_channels"] = json!(["email"]);
        assert_eq!((prefs.header("etag"), without_times(&prefs)), ("\"4\"", expected));
        owner.batch_execute("delete from user_prefs").await.unwrap();
    }
}

#[tokio::test]
async fn a_user_reaches_their_own_row_alone_even_in_sql() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    ask(&app, "PUT", ANNA, Some(&all())).await;
    let changed = app.db.write_as(BEN, "update user_prefs set city = 'x' returning id", &[]).await.unwrap();
    assert!(changed.is_empty());
    assert!(app.db.read("select from user_prefs", &[]).await.unwrap().is_empty());
    let insert =
        "insert into user_prefs (user_id) values ('anna') on conflict (user_id) do update set city = 'x'";
    assert!(app.db.write_as(BEN, insert, &[]).await.is_err());
    assert_eq!(without_times(&ask(&app, "GET", ANNA, None).await), all());
}
