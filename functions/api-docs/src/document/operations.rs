//! What repeats: a collection's list and create, a row's get, update and delete.

use lambda_http::{Body, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use shared::Result;
use shared::db::list::Sortable;
use shared::http::{DEALS_INGEST, Parameters};

use super::Parts;
use super::responses::{json_body, no_body, problem, problem_because};

/// What operations are named after.
pub struct Resource {
    pub tag: &'static str,
    pub collection: &'static str,
    pub item: &'static str,
    /// The name of the schema, of which `NewX`, `XPatch` and `XPage` are named too.
    pub schema: &'static str,
    pub schema_plural: &'static str,
    /// In a sentence.
    pub one: &'static str,
    pub many: &'static str,
    /// Whether writing needs the scope.
    pub is_market: bool,
}

/// Why writing may be a 409; empty where it never is.
#[derive(Default)]
pub struct Conflicts {
    pub create: &'static str,
    pub update: &'static str,
    pub delete: &'static str,
}

impl Resource {
    /// The list of a collection. `read` is how the code reads its query.
    ///
    /// # Panics
    /// When the code refuses a sort, or the example of a filter.
    pub fn list<T>(
        &self,
        sorts: &[String],
        filters: Vec<Value>,
        read: impl Fn(Parameters) -> Result<T>,
    ) -> Value {
        // A list that has one order alone takes no `sort`.
        let orders = match sorts {
            [] => vec![String::new()],
            _ => sorts.iter().map(|sort| format!("sort={sort}&")).collect(),
        };
        for order in orders {
            let query = filters.iter().fold(format!("{order}limit=20"), |query, filter| {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let example = text(&filter["example"]);
                format!(
                    "{query}&{}={}",
                    text(&filter["name"]),
                    utf8_percent_encode(&example, NON_ALPHANUMERIC)
                )
            });
            let mut request = Request::new(Body::Empty);
            *request.uri_mut() = format!("/?{query}").parse().expect("is a URI");
            if let Err(error) = Parameters::of(&request).and_then(&read) {
                panic!("{query}: {error:?}");
            }
        }
        let mut parameters = vec![reference("limit"), reference("cursor")];
        parameters.extend(sorts.get(1).map(|newest_first| {
            json!({
                "name": "sort",
                "in": "query",
                "description": "`-` is from the highest down. Ties are in the order of `id`.",
                "schema": { "type": "string", "enum": sorts, "default": newest_first },
                "example": newest_first,
            })
        }));
        parameters.extend(filters);
        let page = json_body("A page.", &format!("{}Page", self.schema), &[]);
        let responses = answers(200, page, &[400]);
        let summary = format!("List {}", self.many);
        self.operation(
            self.collection,
            &format!("list{}", self.schema_plural),
            &summary,
            parameters,
            responses,
        )
    }

    pub fn create(&self, conflict: &str) -> Value {
        let created = json_body("Created.", self.schema, &["ETag", "Location", "Idempotent-Replayed"]);
        let mut responses = answers(201, created, &[400, 413, 415, 422]);
        let conflict = match conflict {
            "" => KEY_RUNS.to_owned(),
            _ => format!("{conflict} Or: {KEY_RUNS}"),
        };
        responses["409"] = problem_because(409, &conflict);
        let (id, summary) = (format!("create{}", self.schema), format!("Create {}", self.one));
        let mut operation =
            self.operation(self.collection, &id, &summary, vec![reference("Idempotency-Key")], responses);
        operation["requestBody"] = body(&["application/json"], &format!("New{}", self.schema));
        self.written(operation)
    }

    pub fn get(&self) -> Value {
        let row = json_body("The row.", self.schema, &["ETag"]);
        let mut responses = answers(200, row, &[]);
        responses["304"] = no_body("The caller has this version already.", &["ETag"]);
        let (id, summary) = (format!("get{}", self.schema), format!("Read {}", self.one));
        self.operation(self.item, &id, &summary, vec![reference("If-None-Match")], responses)
    }

    pub fn update(&self, conflict: &str) -> Value {
        let row = json_body("The row as it is now.", self.schema, &["ETag"]);
        let mut responses = answers(200, row, &[400, 412, 413, 415, 422]);
        if !conflict.is_empty() {
            responses["409"] = problem_because(409, conflict);
        }
        let (id, summary) = (format!("update{}", self.schema), format!("Change {}", self.one));
        let mut operation = self.operation(self.item, &id, &summary, vec![reference("If-Match")], responses);
        operation["requestBody"] = body(&PATCH_TYPES, &format!("{}Patch", self.schema));
        self.written(operation)
    }

    /// A row that there is one of, put in the place of what there is.
    pub fn replace(&self) -> Value {
        let row = json_body("The row as it is now.", self.schema, &["ETag"]);
        let responses = answers(200, row, &[400, 412, 413, 415, 422]);
        let (id, summary) = (format!("replace{}", self.schema), format!("Replace {}", self.one));
        let mut operation = self.operation(self.item, &id, &summary, vec![reference("If-Match")], responses);
        operation["requestBody"] = body(&["application/json"], &format!("New{}", self.schema));
        self.written(operation)
    }

    pub fn delete(&self, conflict: &str) -> Value {
        let mut responses = answers(204, no_body("Deleted.", &[]), &[412]);
        if !conflict.is_empty() {
            responses["409"] = problem_because(409, conflict);
        }
        let (id, summary) = (format!("delete{}", self.schema), format!("Delete {}", self.one));
        let operation = self.operation(self.item, &id, &summary, vec![reference("If-Match")], responses);
        self.written(operation)
    }

    /// Many rows in one request.
    pub fn batch(&self, description: &str) -> Value {
        let answer = json_body("What became of each item, in their order.", "BatchAnswer", &[]);
        let responses = answers(200, answer, &[400, 413, 415, 422]);
        let atomic = filter(
            "atomic",
            json!({ "type": "boolean", "default": false }),
            false,
            "All or nothing: with an item that is refused, nothing is written, and the answer is a 422 that names all.",
        );
        let path = format!("{}/batch", self.collection);
        let (id, summary) =
            (format!("upsert{}", self.schema_plural), format!("Create or update {}", self.many));
        let parameters = vec![atomic, reference("Idempotency-Key")];
        let mut operation = self.operation(&path, &id, &summary, parameters, responses);
        operation["requestBody"] = body(&["application/json"], &format!("{}Batch", self.schema));
        let mut operation = self.written(operation);
        operation["description"] =
            format!("{} {description}", operation["description"].as_str().unwrap_or_default()).into();
        operation
    }

    /// Adds all of them.
    pub fn add<T>(
        &self,
        parts: &mut Parts,
        sorts: &[String],
        filters: Vec<Value>,
        read: impl Fn(Parameters) -> Result<T>,
        conflicts: &Conflicts,
    ) {
        let list = self.list(sorts, filters, read);
        let collection = json!({ "get": list, "post": self.create(conflicts.create) });
        let item = json!({
            "get": self.get(),
            "patch": self.update(conflicts.update),
            "delete": self.delete(conflicts.delete),
        });
        parts.paths.insert(self.collection.into(), collection);
        parts.paths.insert(self.item.into(), item);
    }

    pub fn operation(
        &self,
        path: &str,
        id: &str,
        summary: &str,
        parameters: Vec<Value>,
        mut responses: Value,
    ) -> Value {
        let parameters: Vec<Value> = path_parameters(path).chain(parameters).collect();
        if path.contains('{') {
            responses["404"] = problem(404);
        }
        json!({
            "operationId": id,
            "summary": summary,
            "tags": [self.tag],
            "parameters": parameters,
            "responses": responses,
        })
    }

    /// Writing the market takes a scope.
    fn written(&self, mut operation: Value) -> Value {
        if self.is_market {
            operation["security"] = json!([{ "bearer": [DEALS_INGEST] }]);
            operation["description"] = format!("Needs the scope `{DEALS_INGEST}`.").into();
            operation["responses"]["403"] = problem(403);
        }
        operation
    }
}

pub const KEY_RUNS: &str = "The first request with this Idempotency-Key still runs.";
pub const DOLLARS: &str = "`USD` unless told.";

const PATCH_TYPES: [&str; 2] = ["application/merge-patch+json", "application/json"];

/// What a caller may ask a list to be sorted by: each up and down, the first two unless told.
pub fn sorts(sorts: &[Sortable]) -> Vec<String> {
    sorts.iter().flat_map(|sort| [sort.name.to_owned(), format!("-{}", sort.name)]).collect()
}

/// A parameter of the query string that may be left out.
pub fn filter(name: &str, schema: Value, example: impl Into<Value>, description: &str) -> Value {
    json!({
        "name": name,
        "in": "query",
        "description": description,
        "schema": schema,
        "example": example.into(),
    })
}

/// `q`, over the columns that are named.
pub fn search(over: &str) -> Value {
    let description = format!(
        "Words to be found in {over}: all of them, in any order and inflection. `\"oak table\"` is a phrase, `-pine` \
         must not occur, `desk*` is how a word begins. `sort=-relevance` has the best first."
    );
    filter("q", json!({ "type": "string", "minLength": 1, "maxLength": 200 }), "walnut desk", &description)
}

/// `components.parameters`.
pub fn parameters() -> Value {
    let header = |name: &str, description: &str, schema: Value, example: &str| {
        json!({
            "name": name, "in": "header", "description": description, "schema": schema, "example": example
        })
    };
    json!({
        "limit": filter(
            "limit",
            json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 }),
            20,
            "The most that a page holds. It may hold fewer: an answer has a largest size.",
        ),
        "cursor": json!({
            "name": "cursor",
            "in": "query",
            "description": "`next_cursor` of the page before, with the same filter and sort.",
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9_-]+$" },
            "example": "WzEyMyx7ImtleSI6MSwiaWQiOjF9XQ",
        }),
        "If-Match": header(
            "If-Match",
            "Only if the row is in one of these versions.",
            json!({ "type": "string" }),
            "\"1\"",
        ),
        "If-None-Match": header(
            "If-None-Match",
            "Only if the row is in none of these versions.",
            json!({ "type": "string" }),
            "\"1\"",
        ),
        "Idempotency-Key": header(
            "Idempotency-Key",
            "With the same key, the same request happens once in 24 hours; repeated, it is answered as it was.",
            json!({
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "pattern": "^[!-~]([ -~]*[!-~])?$",
            }),
            "5f0c7a52-3a0e-4f6e-8d3b-0f4a1f7b9c11",
        ),
    })
}

pub fn reference(parameter: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{parameter}") })
}

/// A body of one schema, by its name.
pub fn body(content_types: &[&str], schema: &str) -> Value {
    let media = json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") } });
    let content: Map<String, Value> =
        content_types.iter().map(|&name| (name.to_owned(), media.clone())).collect();
    json!({ "required": true, "content": content })
}

/// What a signed-in caller may be answered: what was asked for, and problems.
pub fn answers(status: u16, answer: Value, problems: &[u16]) -> Value {
    let mut answers = Map::from_iter([(status.to_string(), answer)]);
    for status in problems.iter().chain(&[401, 429, 503]) {
        answers.insert(status.to_string(), problem(*status));
    }
    answers.into()
}

fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": "As an answer told it.",
            "schema": { "type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX },
            "example": 1,
        })
    })
}
