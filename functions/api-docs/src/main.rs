//! `GET /openapi.json`: the API as an `OpenAPI` document. `GET /docs`: a page to read and try it. Both are public.

mod document;
mod page;

use std::sync::LazyLock;

use lambda_http::http::Method;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue};
use lambda_http::{Request, RequestExt};
use shared::http::{self, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    LazyLock::force(&document::JSON);
    LazyLock::force(&page::POLICY);
    shared::lambda::serve(app, route).await
}

async fn route(_: &App, request: Request) -> Result<Response> {
    let path = request.raw_http_path();
    match (path.rsplit('/').next(), request.method()) {
        (Some("openapi.json"), &Method::GET) => {
            http::document("application/json", [(CACHE_CONTROL, FIVE_MINUTES)], &document::JSON)
        }
        (Some("docs"), &Method::GET) => http::document(
            "text/html; charset=utf-8",
            [(CACHE_CONTROL, FIVE_MINUTES), (CONTENT_SECURITY_POLICY, page::POLICY.clone())],
            page::HTML,
        ),
        (Some("openapi.json" | "docs"), _) => Err(Error::MethodNotAllowed("GET")),
        _ => Err(Error::NotFound("path")),
    }
}

const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");
