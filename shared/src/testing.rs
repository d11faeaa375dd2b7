//! For tests: a migrated database each, events as requests, answers as values. Needs the servers that
//! `make test` starts, and fails without them.

pub mod bad_input;
mod certificates;
mod kill_switch;
mod postgres_server;
mod proxy;
pub mod random;
mod redis_server;

use lambda_http::request::LambdaRequest;
use lambda_http::{Request, RequestExt};
use refinery::Migration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::{Duration, Instant};
use tokio_postgres::Client;

pub use self::certificates::Certificates;
pub use self::kill_switch::{KillSwitch, Protocol};
pub use self::postgres_server::PostgresServer;
pub use self::proxy::{Cut, Moment, Proxy};
pub use self::redis_server::RedisServer;

use crate::config::{Config, PostgresConfig};
use crate::{App, Result, Role, db, http, lambda, migrations};

/// A caller's standing in a test.
pub const READER: &str = "reader";
pub const INGESTER: &str = "ingester deals/ingest";

/// What credentials are sealed with in a test.
pub const CREDENTIALS_KEYS: &str = "test:dGhlIHNhbWUgaW4gYWxsIG9mIHRoZSB0ZXN0cyAuLi4=";

/// A database of the test's own, dropped with the value.
#[derive(Debug)]
pub struct TestDatabase {
    pub config: PostgresConfig,
}

impl TestDatabase {
    /// A copy of the migrated template.
    pub async fn migrated() -> TestDatabase {
        TestDatabase::create(&format!("template {}", template().await)).await
    }

    /// A database that no migration has seen.
    pub async fn empty() -> TestDatabase {
        TestDatabase::create("template template0").await
    }

    async fn create(options: &str) -> TestDatabase {
        let admin = connect(&server()).await;
        let name = format!("test_{}_{}", std::process::id(), random_suffix());
        admin.batch_execute(&format!("create database {name} {options}")).await.expect("creates a database");
        TestDatabase { config: PostgresConfig { database: name, ..server() } }
    }

    /// For functions that run as processes of their own.
    pub fn url(&self) -> String {
        let server = variable("TEST_DATABASE_URL");
        let (server, _) = server.rsplit_once('/').expect("names a database");
        format!("{server}/{}?sslmode=disable", self.config.database)
    }

    /// A connection as the owner of everything.
    pub async fn owner(&self) -> Client {
        connect(&self.config).await
    }

    /// A function's connections to this database, and to the tests' Redis.
    pub fn app(&self) -> App {
        App::new(config(&self.config), Role::App)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.config.database.clone();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
            runtime.block_on(async {
                let admin = connect(&server()).await;
                admin
                    .batch_execute(&format!("drop database if exists {name} with (force)"))
                    .await
                    .expect("drops");
            });
        });
        // A test that stops the server has nothing to drop.
        let _ = dropped.join();
    }
}

/// What a function in a test is configured with: this database, the tests' Redis, and callers taken at their word.
pub fn config(postgres: &PostgresConfig) -> Config {
    let lookup = |name: &str| match name {
        "REDIS_URL" => Some(variable("TEST_REDIS_URL")),
        "DEV_AUTH" => Some("1".into()),
        "CREDENTIALS_KEYS" => Some(CREDENTIALS_KEYS.into()),
        _ => None,
    };
    Config { postgres: postgres.clone(), ..Config::from_lookup(&lookup).expect("is complete") }
}

/// The Redis that `make test` started.
pub fn redis_url() -> String {
    variable("TEST_REDIS_URL")
}

/// The server that `make test` started.
pub fn server() -> PostgresConfig {
    server_at(&variable("TEST_DATABASE_URL"))
}

pub fn server_at(url: &str) -> PostgresConfig {
    let lookup = |name: &str| (name == "DATABASE_URL").then(|| url.to_owned());
    Config::from_lookup(&lookup).expect("is complete").postgres
}

pub async fn connect(config: &PostgresConfig) -> Client {
    db::connect(config, None).await.expect("connects").0
}

/// A request as `cargo lambda watch` would send it; `caller` is a user id and scopes, empty for nobody.
pub fn request(method: &str, path_and_query: &str, caller: &str, body: Option<&Value>) -> Request {
    let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
    raw_request(method, path_and_query, caller, body.as_ref().map(|(kind, bytes)| (*kind, bytes.as_slice())))
}

/// The same with a content type and bytes of one's own.
pub fn raw_request(method: &str, path_and_query: &str, caller: &str, body: Option<(&str, &[u8])>) -> Request {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let mut headers = json!({ "host": "127.0.0.1:9000" });
    if !caller.is_empty() {
        headers["authorization"] = format!("Bearer {caller}").into();
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "routeKey": "$default",
            "stage": "$default",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test" },
            "timeEpoch": 0
        },
        "isBase64Encoded": false
    });
    if let Some((content_type, bytes)) = body {
        use base64::Engine;
        event["headers"]["content-type"] = content_type.into();
        event["body"] = base64::engine::general_purpose::STANDARD.encode(bytes).into();
        event["isBase64Encoded"] = true.into();
    }
    event_request(&event.to_string())
}

/// A recorded event of API Gateway or of `cargo lambda watch` as a request.
pub fn event_request(event: &str) -> Request {
    let event: LambdaRequest = serde_json::from_str(event).expect("is an event of the HTTP API");
    let request: Request = lambda::readable(event).into();
    request.with_lambda_context(lambda_http::Context::default())
}

/// What a caller gets to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: lambda_http::http::HeaderMap,
    /// `null` for an empty body.
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("is text"))
    }
}

/// The answer as the function's shell makes it.
pub async fn answer(route: impl Future<Output = Result<http::Response>>) -> Answer {
    // What the log would say, and more.
    let route = async { route.await.inspect_err(|error| eprintln!("{error:?}")) };
    let response = http::respond("the-request-id".into(), route).await.expect("cannot fail");
    let (parts, body) = response.into_parts();
    let text = body.to_text();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("is JSON") },
    }
}

/// A name that no other test has at this moment.
pub fn random_suffix() -> String {
    use std::hash::{BuildHasher, Hasher};
    format!("{:016x}", std::hash::RandomState::new().build_hasher().finish())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by `make test`"))
}

/// The name of the database that has all migrations, made by whichever test comes first.
async fn template() -> String {
    let embedded = migrations::embedded();
    let name = format!("template_{}", digest(&embedded));
    let admin = connect(&server()).await;
    let lock = "select pg_advisory_lock(hashtext('template'))";
    admin.batch_execute(lock).await.expect("locks");
    let exists = "select exists (select from pg_database where datname = $1) as exists";
    if !admin.query_one(exists, &[&name]).await.expect("reads").get::<_, bool>("exists") {
        let unfinished = format!("{name}_unfinished");
        for statement in [
            format!("drop database if exists {unfinished}"),
            format!("create database {unfinished} template template0"),
        ] {
            admin.batch_execute(&statement).await.expect("prepares a template");
        }
        let config = PostgresConfig { database: unfinished.clone(), ..server() };
        let (mut client, connection) = db::connect(&config, None).await.expect("connects");
        let deadline = Instant::now() + Duration::from_secs(30);
        migrations::migrate(&mut client, &embedded, deadline).await.expect("migrates");
        drop(client);
        connection.await.expect("ends");
        // The server's side may take a moment longer to go.
        while admin.batch_execute(&format!("alter database {unfinished} rename to {name}")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    name
}

fn digest(migrations: &[Migration]) -> String {
    let mut hash = Sha256::new();
    for migration in migrations {
        hash.update(migration.checksum().to_be_bytes());
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The paths that the local router in `Cargo.toml` sends to a function, sorted.
pub fn routed_paths(function: &str) -> Vec<String> {
    let manifest: toml::Table = include_str!("../../Cargo.toml").parse().expect("is TOML");
    let router = &manifest["workspace"]["metadata"]["lambda"]["watch"]["router"];
    let mut paths: Vec<String> = router
        .as_table()
        .expect("is a table")
        .iter()
        .filter(|(_, target)| target.as_str() == Some(function))
        .map(|(path, _)| path.clone())
        .collect();
    paths.sort();
    paths
}
