//! What needs no caller: is it up, and how is it used.

use serde_json::{Value, json};
use shared::values::Timestamp;

use super::Parts;
use super::responses::{body, json_body, problem};
use super::schemas::value;

pub fn add(parts: &mut Parts) {
    parts.schemas.insert("Ping".into(), ping());
    parts.schemas.insert("Health".into(), health());

    let up = json_body("Both answer.", "Health", &[]);
    let down = json_body("At least one does not.", "Health", &[]);
    let responses = json!({ "200": up, "503": down });
    add_public(parts, "/health", "getHealth", "Tell whether PostgreSQL and Redis answer", responses);

    let responses = json!({ "200": json_body("It does.", "Ping", &[]) });
    add_public(parts, "/ping", "ping", "Tell whether the service answers", responses);

    let members = json!({
        "type": "object",
        "properties": { "openapi": { "type": "string" }, "info": { "type": "object" }, "paths": { "type": "object" } },
        "required": ["openapi", "info", "paths"],
    });
    let responses = json!({ "200": body("An OpenAPI 3.1 document.", "application/json", members, &[]) });
    add_public(parts, "/openapi.json", "getOpenApi", "Describe the API", responses);

    let text = json!({ "type": "string" });
    let responses = json!({ "200": body("A page.", "text/html", text, &["Content-Security-Policy"]) });
    add_public(parts, "/docs", "getDocs", "Show a page to read and try the API", responses);
}

fn add_public(parts: &mut Parts, path: &str, id: &str, summary: &str, mut responses: Value) {
    responses["429"] = problem(429);
    let operation = json!({
        "operationId": id,
        "summary": summary,
        "tags": ["Service"],
        "security": [],
        "responses": responses,
    });
    parts.paths.insert(path.into(), json!({ "get": operation }));
}

fn ping() -> Value {
    json!({
        "type": "object",
        "properties": { "pong": { "const": true }, "time": value::<Timestamp>() },
        "required": ["pong", "time"],
    })
}

fn health() -> Value {
    json!({
        "type": "object",
        "properties": {
            "ok": { "type": "boolean", "description": "Both answer." },
            "db": { "type": "boolean" },
            "redis": { "type": "boolean" },
            "queue_depth": {
                "type": ["integer", "null"],
                "minimum": 0,
                "description": "Jobs in the queue; `null` when that cannot be known.",
            },
            "version": { "type": "string" },
            "time": value::<Timestamp>(),
        },
        "required": ["ok", "db", "redis", "queue_depth", "version", "time"],
    })
}
