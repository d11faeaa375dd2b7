//! Answers: their headers, and one problem a status.

use lambda_http::http::StatusCode;
use serde_json::{Map, Value, json};
use shared::Error;
use shared::error::{Place, Problem};
use shared::http::{self, DEALS_INGEST};

const COMMON: [&str; 3] = ["Cache-Control", "X-Content-Type-Options", "X-Request-Id"];

/// An answer with a body as JSON, by the name of its schema.
pub fn json_body(description: &str, schema: &str, headers: &[&str]) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    body(description, "application/json", schema, headers)
}

pub fn body(description: &str, content_type: &str, schema: Value, headers: &[&str]) -> Value {
    json!({
        "description": description,
        "headers": header_references(headers),
        "content": { content_type: { "schema": schema } },
    })
}

pub fn no_body(description: &str, headers: &[&str]) -> Value {
    json!({ "description": description, "headers": header_references(headers) })
}

/// The problem of a status, by reference.
pub fn problem(status: u16) -> Value {
    json!({ "$ref": format!("#/components/responses/{}", name(status)) })
}

/// The same in words of one's own.
pub fn problem_because(status: u16, description: &str) -> Value {
    json!({ "$ref": format!("#/components/responses/{}", name(status)), "description": description })
}

/// `components.headers`.
pub fn headers() -> Value {
    let header = |description: &str, example: &str, required: bool| {
        json!({
            "description": description,
            "required": required,
            "schema": { "type": "string" },
            "example": example,
        })
    };
    json!({
        "Cache-Control": header("Who may keep the answer, and how long.", "private, no-store", false),
        "Content-Security-Policy": header("What the page may load.", "default-src 'none'", true),
        "ETag": header("The row's version.", "\"1\"", true),
        "Idempotent-Replayed": header("`true` on the answer to a request that was already served.", "true", false),
        "Location": header("The path of the row.", "/listings/1", true),
        "Retry-After": header("Seconds to wait before another try.", "1", false),
        "WWW-Authenticate": header("How to be let in.", "Bearer", true),
        "X-Content-Type-Options": header("The content type is as it is said.", "nosniff", false),
        "X-Request-Id": header("For questions about this request.", REQUEST_ID, false),
    })
}

const REQUEST_ID: &str = "8f5d3c1e-6f0a-4b3a-9d0f-2f6f5d1c7a10";

/// `components.responses`: what the code answers to each error is the example.
pub fn responses() -> Value {
    let gateway = json!({ "schema": {
        "type": "object", "properties": { "message": { "type": "string" } }, "required": ["message"]
    } });
    let wrong = |place, detail: &str| vec![Problem::new(place, detail)];
    let mut responses: Map<String, Value> = [
        (
            "The query string, the body or a header cannot be read; `errors` names each parameter that is wrong.",
            Error::Parameters(wrong(Place::Parameter("limit".into()), "is not a whole number from 1 to 100")),
        ),
        ("There is no valid token.", Error::Unauthenticated),
        ("The token lacks the scope.", Error::Forbidden(DEALS_INGEST)),
        ("There is no such row, or it is another's.", Error::NotFound("listing")),
        ("It contradicts what is there, or the first request with this Idempotency-Key still runs.", Error::StillRunning),
        ("The row is not in the version that `If-Match` names.", Error::PreconditionFailed),
        ("The body has more than 1 MB.", Error::TooLarge(1024 * 1024)),
        ("The body is of a type that is not read here.", Error::UnsupportedMediaType("application/json")),
        (
            "Fields are wrong, unknown or missing: `errors` names each. Or the Idempotency-Key stands for another request.",
            Error::Fields(wrong(Place::Pointer("/title".into()), "is missing")),
        ),
        ("Temporarily unavailable.", Error::Deadline),
    ]
    .map(|(description, error)| {
        let mut response = response(description, &error);
        // The gateway answers these too, in its own way.
        if matches!(error, Error::Unauthenticated | Error::TooLarge(_)) {
            response["content"]["application/json"] = gateway.clone();
        }
        (name(error.status().as_u16()), response)
    })
    .into_iter()
    .collect();
    let throttled = json!({
        "description": "Too much is asked at once. The gateway says so.",
        "content": { "application/json": gateway },
    });
    responses.insert(name(429), throttled);
    responses.into()
}

fn response(description: &str, error: &Error) -> Value {
    let (parts, body) = http::problem(REQUEST_ID, error).into_parts();
    let example: Value = serde_json::from_str(&body.to_text()).expect("a problem is JSON");
    let headers: Vec<&str> = OWN.into_iter().filter(|name| parts.headers.contains_key(*name)).collect();
    let content = json!({ "schema": { "$ref": "#/components/schemas/Problem" }, "example": example });
    json!({
        "description": description,
        "headers": header_references(&headers),
        "content": { "application/problem+json": content },
    })
}

/// The headers that only some problems have.
const OWN: [&str; 2] = ["Retry-After", "WWW-Authenticate"];

fn header_references(names: &[&str]) -> Value {
    let reference =
        |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    names.iter().chain(&COMMON).map(reference).collect::<Map<_, _>>().into()
}

/// `NotFound` for 404.
fn name(status: u16) -> String {
    let status = StatusCode::from_u16(status).expect("is a status");
    status.canonical_reason().expect("is a known one").replace(' ', "")
}
