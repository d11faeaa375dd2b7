//! `GET /health`: whether PostgreSQL and Redis answer. `GET /ping`: whether this process does. Both are public.

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use lambda_http::{Request, RequestExt};
use serde::Serialize;
use shared::http::{self, Response};
use shared::values::Timestamp;
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

/// For each of the two, asked at the same time: an answer never takes much longer.
const DEADLINE: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    tokio::join!(app.db.warm_up(), app.cache.warm_up());
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let path = request.raw_http_path();
    match (path.rsplit('/').next(), request.method()) {
        (Some("health"), &Method::GET) => health(app).await,
        (Some("ping"), &Method::GET) => http::ok(&Ping { pong: true, time: Timestamp::now() }),
        (Some("health" | "ping"), _) => Err(Error::MethodNotAllowed("GET")),
        _ => Err(Error::NotFound("path")),
    }
}

#[derive(Serialize)]
struct Ping {
    pong: bool,
    time: Timestamp,
}

/// The earlier system's body, field for field.
#[derive(Serialize)]
struct Health {
    ok: bool,
    db: bool,
    redis: bool,
    /// Jobs in the queue; `null` when that cannot be known.
    queue_depth: Option<u64>,
    version: &'static str,
    time: Timestamp,
}

async fn health(app: &App) -> Result<Response> {
    let (database, queue) = tokio::join!(
        tokio::time::timeout(DEADLINE, app.db.read("select 1", &[])),
        tokio::time::timeout(DEADLINE, app.cache.queue_depth()),
    );
    let db = matches!(database, Ok(Ok(_)));
    let (redis, queue_depth) = match queue {
        Ok(Ok(depth)) => (true, depth),
        _ => (false, None),
    };
    let health = Health {
        ok: db && redis,
        db,
        redis,
        queue_depth,
        version: env!("CARGO_PKG_VERSION"),
        time: Timestamp::now(),
    };
    http::status(if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &health)
}
