//! A JSON object without a schema of ours.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio_postgres::types::{Json, ToSql};

use super::{Unacceptable, unacceptable};

/// At most this many bytes as JSON.
const LARGEST: usize = 10_000;

/// Members without NUL, which PostgreSQL cannot hold, and not too many of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSql)]
#[serde(try_from = "Map<String, Value>")]
#[postgres(transparent)]
pub struct Attributes(Json<Map<String, Value>>);

impl TryFrom<Map<String, Value>> for Attributes {
    type Error = Unacceptable;

    fn try_from(members: Map<String, Value>) -> Result<Attributes, Unacceptable> {
        let json = serde_json::to_string(&members).unwrap_or_default();
        if json.len() > LARGEST {
            return unacceptable(format!("must have at most {LARGEST} bytes as JSON"));
        }
        // As serde writes it; a backslash that stands for itself is two.
        if json.replace("\\\\", "").contains("\\u0000") {
            return unacceptable("must not have a NUL character");
        }
        if !members.values().all(has_moderate_numbers) {
            return unacceptable("must not have numbers beyond 1e21, nor below 1e-21");
        }
        Ok(Attributes(Json(members)))
    }
}

/// PostgreSQL writes out every digit: five bytes of 1e308 would come back as three hundred.
fn has_moderate_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let size = number.as_f64().unwrap_or_default().abs();
            size == 0.0 || (1e-21..=1e21).contains(&size)
        }
        Value::Array(items) => items.iter().all(has_moderate_numbers),
        Value::Object(members) => members.values().all(has_moderate_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

impl JsonSchema for Attributes {
    fn schema_name() -> Cow<'static, str> {
        "Attributes".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}
