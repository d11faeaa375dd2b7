use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::config::{Config, RedisConfig};
use shared::testing::{
    Answer, PostgresServer, RedisServer, TestDatabase, answer, config, connect, event_request, request,
    routed_paths,
};
use shared::{App, Role};

use super::route;

async fn get(app: &App, path: &str) -> Answer {
    answer(route(app, request("GET", path, "", None))).await
}

fn redis_at(url: &str) -> RedisConfig {
    Config::from_lookup(&|name| (name == "REDIS_URL").then(|| url.to_owned())).unwrap().redis
}

/// An address that takes connections and never says a word.
fn silence() -> (std::net::TcpListener, u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The fields that do not change from call to call.
fn steady(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    let time = body.as_object_mut().unwrap().remove("time").unwrap();
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    assert!(time.duration_until(jiff::Timestamp::now()).abs() < jiff::SignedDuration::from_secs(5));
    (answer.status, body)
}

fn health(ok: bool, db: bool, redis: bool, queue_depth: Option<u64>) -> (u16, Value) {
    let status = if ok { 200 } else { 503 };
    (status, json!({ "ok": ok, "db": db, "redis": redis, "queue_depth": queue_depth, "version": "0.1.0" }))
}

#[tokio::test]
async fn a_healthy_system_answers_the_earlier_systems_body_in_its_order() {
    let database = TestDatabase::migrated().await;
    // Of its own: in the other tests' there may be jobs.
    let redis = RedisServer::start();
    let config = Config { redis: redis_at(&redis.url), ..config(&database.config) };
    let app = App::new(config, Role::App);
    let response = route(&app, request("GET", "/health", "", None)).await.unwrap();
    let text = response.body().to_text();
    let start = r#"{"ok":true,"db":true,"redis":true,"queue_depth":0,"version":"0.1.0","time":"20"#;
    assert!(text.starts_with(start) && text.ends_with("Z\"}"), "{text}");
    assert_eq!(steady(&get(&app, "/health").await), health(true, true, true, Some(0)));
}

#[tokio::test]
async fn the_queue_is_as_deep_as_its_stream_and_unknown_when_its_key_holds_something_else() {
    let database = TestDatabase::migrated().await;
    let redis = RedisServer::start();
    let app = App::new(Config { redis: redis_at(&redis.url), ..config(&database.config) }, Role::App);
    assert_eq!(steady(&get(&app, "/health").await), health(true, true, true, Some(0)));
    for job in ["1", "2", "3"] {
        redis.run(&["XADD", "deals:jobs", "*", "job", job]);
    }
    assert_eq!(steady(&get(&app, "/health").await), health(true, true, true, Some(3)));
    redis.run(&["SET", "deals:jobs", "text"]);
    assert_eq!(steady(&get(&app, "/health").await), health(true, true, true, None));
}

#[tokio::test]
async fn either_of_the_two_may_go_and_come_back() {
    let server = PostgresServer::start();
    connect(&server.config).await.batch_execute("create role deals_app").await.unwrap();
    let redis = RedisServer::start();
    let app = App::new(Config { redis: redis_at(&redis.url), ..config(&server.config) }, Role::App);
    let healthy = health(true, true, true, Some(0));
    assert_eq!(steady(&get(&app, "/health").await), healthy);

    redis.stop();
    assert_eq!(steady(&get(&app, "/health").await), health(false, true, false, None));
    server.crash();
    assert_eq!(steady(&get(&app, "/health").await), health(false, false, false, None));
    redis.start_again();
    assert_eq!(steady(&get(&app, "/health").await), health(false, false, true, Some(0)));
    server.start_again();
    assert_eq!(steady(&get(&app, "/health").await), healthy);
}

#[tokio::test]
async fn servers_that_take_connections_and_say_nothing_do_not_delay_the_answer() {
    let database = TestDatabase::migrated().await;
    let (_postgres, postgres_port) = silence();
    let (_redis, redis_port) = silence();
    let mut postgres = database.config.clone();
    postgres.port = postgres_port;
    let redis = redis_at(&format!("redis://127.0.0.1:{redis_port}"));
    let app = App::new(Config { redis, ..config(&postgres) }, Role::App);
    for _ in 0..2 {
        let asked = Instant::now();
        assert_eq!(steady(&get(&app, "/health").await), health(false, false, false, None));
        assert!(asked.elapsed() < Duration::from_millis(1500), "{:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn a_ping_asks_nobody() {
    let database = TestDatabase::migrated().await;
    let (_silent, port) = silence();
    let mut postgres = database.config.clone();
    postgres.port = port;
    let redis = redis_at(&format!("redis://127.0.0.1:{port}"));
    let app = App::new(Config { redis, ..config(&postgres) }, Role::App);
    let asked = Instant::now();
    let answer = get(&app, "/ping").await;
    assert!(asked.elapsed() < Duration::from_millis(400), "less than either would be waited for");
    assert_eq!((answer.status, &answer.body["pong"]), (200, &json!(true)));
}

#[tokio::test]
async fn every_routed_path_is_served_without_a_caller_and_for_one_verb() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    assert_eq!(routed_paths("health"), ["/health", "/ping"]);
    for path in routed_paths("health") {
        assert_eq!(get(&app, &path).await.status, 200);
        for verb in ["POST", "HEAD", "DELETE"] {
            let answer = answer(route(&app, request(verb, &path, "", None))).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET"), "{verb} {path}");
        }
    }
    assert_eq!(get(&app, "/other").await.status, 404);
    for event in
        [include_str!("../../../events/health_get.json"), include_str!("../../../events/ping_get.json")]
    {
        assert_eq!(answer(route(&app, event_request(event))).await.status, 200);
    }
}
