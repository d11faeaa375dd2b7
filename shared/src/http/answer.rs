//! Answers: JSON, problem details (RFC 9457), and the headers that every one of them carries.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use lambda_http::Request;
use lambda_http::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::response::Builder;
use lambda_http::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::page::Page;
use super::precondition::names_version;
use super::{Response, ResponseBody};
use crate::error::Problem;
use crate::{Error, Result};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Awaits a route and answers whatever came of it: the one place where errors are logged and mapped.
pub async fn respond(
    request_id: String,
    route: impl Future<Output = Result<Response>>,
) -> Result<Response, Infallible> {
    // A panic is answered too; what it said is in the log.
    let outcome = AssertUnwindSafe(route).catch_unwind().await.unwrap_or(Err(Error::Panic));
    let mut response = outcome.unwrap_or_else(|error| {
        let status = error.status();
        if status.is_server_error() {
            tracing::error!(request_id, status = status.as_u16(), cause = error.cause(), "request failed");
        }
        problem(&request_id, &error)
    });
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    Ok(response)
}

/// 200 with a body.
pub fn ok(value: &impl Serialize) -> Result<Response> {
    status(StatusCode::OK, value)
}

/// 200 with a page of a list.
pub fn page(page: Page) -> Result<Response> {
    Ok(with_body(Builder::new(), "application/json", page.into_body()))
}

/// A body with a status of one's own.
pub fn status(status: StatusCode, value: &impl Serialize) -> Result<Response> {
    Ok(json(Builder::new().status(status), "application/json", value))
}

/// 200 with text of any type, and headers of one's own.
pub fn document(
    content_type: &'static str,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    body: &str,
) -> Result<Response> {
    let mut response = with_body(Builder::new(), content_type, ResponseBody::text(body));
    response.headers_mut().extend(headers);
    Ok(response)
}

/// 200 with a row and its version as the `ETag`, or 304 when the caller has that version already.
pub fn tagged(request: &Request, version: i32, value: &impl Serialize) -> Result<Response> {
    if names_version(request.headers(), &IF_NONE_MATCH, version) {
        let response = Builder::new().status(StatusCode::NOT_MODIFIED).header(ETAG, etag(version));
        return Ok(response.body(ResponseBody::empty()).expect("parts are valid"));
    }
    changed(version, value)
}

/// 200 with a row that this request changed, and its new version.
pub fn changed(version: i32, value: &impl Serialize) -> Result<Response> {
    Ok(json(Builder::new().header(ETAG, etag(version)), "application/json", value))
}

/// What is told of a row that was created, now or at an earlier try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Of the row; `None` when an earlier try wrote it.
    pub id: Option<i64>,
    /// Of the job that it made, which waits to be announced.
    pub job_id: Option<i64>,
    /// 201, or 200 for a row that took the place of one that was there.
    pub status: StatusCode,
    /// Where the row is: its path.
    pub location: String,
    pub etag: String,
    /// The row as JSON.
    pub body: String,
    pub replayed: bool,
}

impl Created {
    /// A row of `/collection`.
    pub fn of(collection: &str, id: i64, version: i32, value: &impl Serialize) -> Created {
        Created {
            id: Some(id),
            job_id: None,
            status: StatusCode::CREATED,
            location: format!("{collection}/{id}"),
            etag: etag(version),
            body: serde_json::to_string(value).expect("our types have string keys and finite numbers"),
            replayed: false,
        }
    }
}

/// 201 with the row, its version, and where it is.
pub fn created(created: Created) -> Result<Response> {
    let mut response =
        Builder::new().status(created.status).header(LOCATION, created.location).header(ETAG, created.etag);
    if created.replayed {
        response = response.header(IDEMPOTENT_REPLAYED, "true");
    }
    Ok(with_body(response, "application/json", ResponseBody::text(&created.body)))
}

/// 204.
pub fn no_content() -> Result<Response> {
    let response = Builder::new().status(StatusCode::NO_CONTENT);
    Ok(response.body(ResponseBody::empty()).expect("parts are valid"))
}

/// RFC 9457. The status says what kind of problem it is, hence `about:blank`; `errors` says where.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProblemDetails<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    errors: &'a [Problem],
}

impl<'a> ProblemDetails<'a> {
    pub(super) fn of(error: &'a Error, request_id: &'a str) -> ProblemDetails<'a> {
        let status = error.status();
        ProblemDetails {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: match status {
                StatusCode::SERVICE_UNAVAILABLE => "temporarily unavailable".into(),
                _ => error.to_string(),
            },
            instance: request_id,
            errors: match error {
                Error::Parameters(problems) | Error::Fields(problems) => problems,
                _ => &[],
            },
        }
    }
}

/// What a caller is told of an error.
pub fn problem(request_id: &str, error: &Error) -> Response {
    let status = error.status();
    let mut response = Builder::new().status(status);
    let headers = response.headers_mut().expect("no part is invalid yet");
    match error {
        Error::MethodNotAllowed(allowed) => insert(headers, ALLOW, allowed),
        Error::Unauthenticated => insert(headers, WWW_AUTHENTICATE, "Bearer"),
        Error::Forbidden(_) => insert(headers, WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\""),
        Error::StillRunning => insert(headers, RETRY_AFTER, "1"),
        _ if status == StatusCode::SERVICE_UNAVAILABLE => insert(headers, RETRY_AFTER, "1"),
        _ => {}
    }
    json(response, "application/problem+json", &ProblemDetails::of(error, request_id))
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

fn json(response: Builder, content_type: &'static str, value: &impl Serialize) -> Response {
    with_body(response, content_type, ResponseBody::json(value))
}

fn with_body(response: Builder, content_type: &'static str, body: ResponseBody) -> Response {
    response.header(CONTENT_TYPE, content_type).body(body).expect("parts are valid")
}

/// A strong tag: equal versions are equal bytes.
fn etag(version: i32) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use crate::testing::answer;

    #[tokio::test]
    async fn a_panic_is_answered_and_what_it_said_is_not_told() {
        let answer = answer(async { panic!("hunter2") }).await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.body["detail"], "internal error");
        assert_eq!(answer.body["instance"], "the-request-id");
    }
}
