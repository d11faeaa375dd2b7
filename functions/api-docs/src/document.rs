//! The API as an `OpenAPI` 3.1 document, made of the types that the functions read and write.

mod buying;
mod jobs;
mod market;
mod operations;
mod responses;
mod schemas;
mod selling;
mod service;
mod valuations;

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use shared::http::{Fields, ProblemDetails};

pub static JSON: LazyLock<String> = LazyLock::new(|| document().to_string());

/// Paths and schemas by their names, as the resources add them.
#[derive(Default)]
struct Parts {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Parts {
    /// A row that is answered with, and a page of them.
    fn output<T: JsonSchema>(&mut self, name: &str) {
        self.schemas.insert(name.into(), schemas::output::<T>());
        self.schemas.insert(format!("{name}Page"), schemas::page_of(name));
    }

    fn input<T: JsonSchema>(&mut self, name: &str, read: impl Fn(&mut Fields) -> T, example: &Value) {
        self.schemas.insert(name.into(), schemas::input(read, example));
    }

    /// Says what a field of several schemas is, where its type does not say so.
    fn describe(&mut self, schemas: &[&str], field: &str, description: &str) {
        for name in schemas {
            let schema = self.schemas.get_mut(*name).expect("is there");
            let field = schema["properties"].get_mut(field).expect("is there");
            field["description"] = description.into();
        }
    }
}

pub fn document() -> Value {
    let mut parts = Parts::default();
    market::add(&mut parts);
    valuations::add(&mut parts);
    selling::add(&mut parts);
    buying::add(&mut parts);
    jobs::add(&mut parts);
    service::add(&mut parts);
    parts.schemas.insert("Problem".into(), schemas::output::<ProblemDetails<'_>>());

    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Deal Scout",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Finds underpriced second-hand goods, and helps to sell one's own.",
            "description": DESCRIPTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": TAGS.map(|(name, description)| json!({ "name": name, "description": description })),
        "security": [{ "bearer": [] }],
        "paths": parts.paths,
        "components": {
            "schemas": parts.schemas,
            "parameters": operations::parameters(),
            "headers": responses::headers(),
            "responses": responses::responses(),
            "securitySchemes": { "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A token of the identity provider. Its `sub` is the user; its `scope` may hold \
                    `deals/ingest`, which writing the market needs.",
            } },
        },
    })
}

const DESCRIPTION: &str = "\
The market (listings, their scores, comparable sales) can be read by every signed-in caller and written by callers \
with the scope `deals/ingest`. All else belongs to a user: nobody reaches what is another's, and is told the same as \
of what does not exist.

Errors are problem details (RFC 9457); `instance` is the request's id and `errors` names each field or parameter that \
is wrong. Unknown fields and parameters are errors. A verb that a path does not have is a 405 with `Allow`; a path \
that does not exist is a 404. The gateway in front answers by itself, as `{\"message\": …}` in `application/json`: 401 \
without a valid token, 404 for an unknown path, 413 for a body of more than 10 MB, and 429 when too much is asked.

Lists are paged: `next_cursor` of one page is `cursor` of the next, with the same filter and sort. Sorted by a field \
that may be null, nulls come last in both directions. Changes are merge patches (RFC 7396): what is absent stays as \
it is, `null` clears. An `ETag` names a version of a row: `If-Match` guards a change or a deletion, `If-None-Match` \
saves an answer. A POST with an `Idempotency-Key` can be repeated for 24 hours and happens once.";

const TAGS: [(&str, &str); 15] = [
    ("Listings", "What marketplaces offer."),
    ("Listing scores", "How good a deal a listing is, by one measure or another."),
    ("Deals", "What is worth a look, the best first."),
    ("Valuations", "What a thing is worth, with the evidence."),
    ("Comparable sales", "What comparable things went for."),
    ("My items", "What the caller has to sell, from draft to sold."),
    ("Cross-posts", "The caller's items as they are posted on marketplaces."),
    ("Orders", "What buyers ordered from the caller's posts."),
    ("Marketplace accounts", "Where the caller sells. Credentials go in and never come out."),
    ("Snap jobs", "Photos that become drafts of items."),
    ("Jobs", "Work in the background, and how far it is."),
    ("Notifications", "What the caller was told."),
    ("Saved searches", "What the caller wants to be told of when it is new, cheaper or newly good."),
    ("Preferences", "What the caller looks for, and how to be told. Nothing set means no restriction."),
    ("Service", "Whether the service is up, and how to use it."),
];
