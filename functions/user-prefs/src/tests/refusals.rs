//! What is refused, and how it is told.

use serde_json::{Value, json};
use shared::testing::{TestDatabase, answer, raw_request, routed_paths};

use super::super::route;
use super::{ANNA, Answer, all, ask, nothing, without_times};

fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut pointers: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    pointers
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once_and_where() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let wrong = json!({
        "lat": 91, "lng": "east", "city": "", "radius_mi": 0.5, "min_condition": { "good": null },
        "max_price_cents": { "a/b": -1, "": 1, "c": 1.5, "d": "1", "n\u{0}": 1 },
        "keywords_include": ["ok", "", 5, null, "x".repeat(101)], "keywords_exclude": {},
        "notify_channels": ["email", "email", "sms"], "time_zone": "PST8PDT",
        "quiet_hours": { "start": "24:00", "end": "7:00", "zone": "UTC" },
        "id": 1, "user_id": "ben", "version": 7, "created_at": null, "updated_at": null
    });
    let expected = [
        "/city",
        "/created_at",
        "/id",
        "/keywords_exclude",
        "/keywords_include/1",
        "/keywords_include/2",
        "/keywords_include/3",
        "/keywords_include/4",
        "/lat",
        "/lng",
        "/max_price_cents/",
        "/max_price_cents/a~1b",
        "/max_price_cents/c",
        "/max_price_cents/d",
        "/max_price_cents/n\0",
        "/min_condition",
        "/notify_channels/1",
        "/notify_channels/2",
        "/quiet_hours/end",
        "/quiet_hours/start",
        "/quiet_hours/zone",
        "/radius_mi",
        "/time_zone",
        "/updated_at",
        "/user_id",
        "/version",
    ];
    for method in ["PUT", "PATCH"] {
        let answer = ask(&app, method, ANNA, Some(&wrong)).await;
        assert_eq!((answer.status, pointers(&answer)), (422, expected.to_vec()), "{method} {}", answer.body);
    }
    assert_eq!(without_times(&ask(&app, "GET", ANNA, None).await), nothing());
}

#[tokio::test]
async fn what_does_not_go_together_is_refused_also_with_what_is_there() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let many = |from: usize, to: usize| -> Value {
        (from..to).map(|n| (n.to_string(), json!(1))).collect::<serde_json::Map<_, _>>().into()
    };
    let keywords = vec!["a"; 51];
    for (method, body, pointer) in [
        ("PUT", json!({ "lat": 1 }), "/lng"),
        ("PUT", json!({ "lng": 1 }), "/lng"),
        ("PUT", json!({ "radius_mi": 5 }), "/radius_mi"),
        ("PUT", json!({ "radius_mi": 12437 }), "/radius_mi"),
        ("PUT", json!({ "quiet_hours": { "start": "22:00" } }), "/quiet_hours/end"),
        ("PUT", json!({ "quiet_hours": { "start": "22:00", "end": "22:00" } }), "/quiet_hours/end"),
        ("PUT", json!({ "max_price_cents": { "a": null } }), "/max_price_cents/a"),
        ("PUT", json!({ "max_price_cents": many(0, 101) }), "/max_price_cents"),
        ("PUT", json!({ "keywords_exclude": keywords }), "/keywords_exclude"),
        ("PATCH", json!({ "lat": 1 }), "/lng"),
        ("PATCH", json!({ "radius_mi": 5 }), "/radius_mi"),
        ("PATCH", json!({ "quiet_hours": { "start": "22:00" } }), "/quiet_hours"),
        ("PATCH", json!({ "quiet_hours": { "start": null } }), "/quiet_hours/start"),
    ] {
        let answer = ask(&app, method, ANNA, Some(&body)).await;
        assert_eq!(answer.status, 422, "{method} {body}");
        assert!(pointers(&answer).contains(&pointer), "{method} {body}: {}", answer.body);
    }

    assert_eq!(ask(&app, "PUT", ANNA, Some(&all())).await.status, 200);
    for (patch, pointer) in [
        (json!({ "lng": null }), "/lng"),
        (json!({ "lat": null, "lng": null }), "/radius_mi"),
        (json!({ "quiet_hours": { "end": "22:00" } }), "/quiet_hours/end"),
        (json!({ "max_price_cents": many(0, 99) }), "/max_price_cents"),
    ] {
        let answer = ask(&app, "PATCH", ANNA, Some(&patch)).await;
        assert_eq!((answer.status, pointers(&answer)), (422, vec![pointer]), "{patch}: {}", answer.body);
    }
    assert_eq!(ask(&app, "GET", ANNA, None).await.header("etag"), "\"1\"");
    let patch = json!({ "max_price_cents": many(0, 98) });
    assert_eq!(ask(&app, "PATCH", ANNA, Some(&patch)).await.status, 200);
}

#[tokio::test]
async fn a_time_zone_is_one_of_the_iana_database() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for good in ["UTC", "Europe/Paris", "America/Port-au-Prince", "Etc/GMT+12", "Etc/GMT-14", "Asia/Kolkata"]
    {
        let answer = ask(&app, "PATCH", ANNA, Some(&json!({ "time_zone": good }))).await;
        assert_eq!((answer.status, &answer.body["time_zone"]), (200, &json!(good)));
    }
    // In its own spelling.
    let answer = ask(&app, "PATCH", ANNA, Some(&json!({ "time_zone": "Europe/PARIS" }))).await;
    assert_eq!((answer.status, &answer.body["time_zone"]), (200, &json!("Europe/Paris")));
    for bad in [
        "PST",
        "EST5",
        "EST5EDT",
        "Mars/Base",
        "Mars/Base-One",
        "Mars/Base3",
        "Etc/GMT+13",
        "Etc/GMT-15",
        "+05:00",
    ] {
        for method in ["PUT", "PATCH"] {
            let answer = ask(&app, method, ANNA, Some(&json!({ "time_zone": bad }))).await;
            assert_eq!((answer.status, pointers(&answer)), (422, vec!["/time_zone"]), "{method} {bad}");
        }
    }
    assert_eq!(ask(&app, "GET", ANNA, None).await.body["time_zone"], "Europe/Paris");
    // It is the row's, and not the connection's.
    let zone = app.db.read("select current_setting('TimeZone')", &[]).await.unwrap();
    assert_ne!(zone[0].get::<_, &str>(0), "Europe/Paris");
}

#[tokio::test]
async fn bodies_verbs_and_callers_that_are_none_are_refused() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for (content_type, body, put, patch) in [
        ("application/json", &b"{"[..], 400, 400),
        ("application/json", b"[]", 400, 400),
        ("text/plain", b"{}", 415, 415),
        ("application/merge-patch+json", b"{}", 415, 200),
    ] {
        for (method, status) in [("PUT", put), ("PATCH", patch)] {
            let request = raw_request(method, "/user-prefs", ANNA, Some((content_type, body)));
            assert_eq!(answer(route(&app, request)).await.status, status, "{method} {content_type}");
        }
    }
    assert_eq!(routed_paths("user-prefs"), ["/user-prefs"]);
    for method in ["POST", "DELETE", "HEAD", "OPTIONS"] {
        let answer = ask(&app, method, ANNA, None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, PUT, PATCH"), "{method}");
        assert_eq!(ask(&app, method, "", None).await.status, 401);
    }
}
