//! JSON Schemas of what goes in and what comes out.

use lambda_http::{Body, Request};
use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};
use shared::error::Place;
use shared::http::{self, Fields};
use shared::{Error, Result};

/// A type that is answered with.
pub fn output<T: JsonSchema>() -> Value {
    schema::<T>(Contract::Serialize)
}

/// A value on its own, such as a parameter's.
pub fn value<T: JsonSchema>() -> Value {
    let mut schema = schema::<T>(Contract::Deserialize);
    // Written for readers of the code.
    schema.as_object_mut().expect("has bounds").remove("description");
    schema
}

/// A body. Its type knows each field's bounds; which fields must be there and which may be null, the code that reads
/// it is asked for.
///
/// # Panics
/// When the code does not take a field of the type, or refuses the example.
pub fn input<T: JsonSchema>(read: impl Fn(&mut Fields) -> T, example: &Value) -> Value {
    if let Err(error) = sent(example, &read) {
        panic!("{example}: {error:?}");
    }
    let mut schema = schema::<T>(Contract::Deserialize);
    let object = schema.as_object_mut().expect("a body is an object");
    // Written for readers of the code.
    object.remove("description");
    ask(object, "", &|body| body, &read);
    object.insert("examples".into(), json!([example]));
    schema
}

/// Asks for the fields of an object; `around` makes a body of it.
fn ask<T>(
    object: &mut Map<String, Value>,
    place: &str,
    around: &dyn Fn(Value) -> Value,
    read: &impl Fn(&mut Fields) -> T,
) {
    let mut required = Vec::new();
    for (name, property) in object["properties"].as_object_mut().expect("it has fields") {
        let place = format!("{place}/{name}");
        let refusal = refusal(&around(json!({ name: null })), &place, read);
        assert_ne!(refusal.as_deref(), Some("is not a field that can be set here"), "{place}");
        if refusal.is_some_and(|detail| detail == "must not be null") {
            remove_null(property);
        }
        if self::refusal(&around(json!({})), &place, read).is_some_and(|detail| detail == "is missing") {
            required.push(name.clone());
        }
        if let Some(inner) = property.as_object_mut().filter(|inner| inner.contains_key("properties")) {
            ask(inner, &place, &|body| around(json!({ name: body })), read);
        }
    }
    object.remove("required");
    if !required.is_empty() {
        object.insert("required".into(), required.into());
    }
    object.insert("additionalProperties".into(), false.into());
}

/// A page of a list.
pub fn page_of(items: &str) -> Value {
    json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": { "$ref": format!("#/components/schemas/{items}") }, "maxItems": 100 },
            "next_cursor": {
                "type": ["string", "null"],
                "description": "For the next page; `null` on the last.",
            },
        },
        "required": ["items", "next_cursor"],
    })
}

/// Many in one body.
pub fn batch_of(items: &str, example: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": { "$ref": format!("#/components/schemas/{items}") },
                "minItems": 1,
                "maxItems": 500,
            },
        },
        "required": ["items"],
        "additionalProperties": false,
        "examples": [{ "items": [example] }],
    })
}

fn schema<T: JsonSchema>(contract: Contract) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.contract = contract;
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}

/// Why a body is refused, as far as one place goes.
fn refusal<T>(body: &Value, place: &str, read: impl Fn(&mut Fields) -> T) -> Option<String> {
    let Err(Error::Fields(problems)) = sent(body, read) else { return None };
    let place = Place::Pointer(place.to_owned());
    problems.into_iter().find(|problem| problem.place == place).map(|problem| problem.detail)
}

fn sent<T>(body: &Value, read: impl Fn(&mut Fields) -> T) -> Result<T> {
    http::body(&Request::new(Body::Text(body.to_string())), read)
}

fn remove_null(property: &mut Value) {
    let property = property.as_object_mut().expect("a field's schema is an object");
    let is_null = |value: &Value| value.is_null() || *value == "null" || value["type"] == "null";
    for keyword in ["type", "enum", "anyOf"] {
        if let Some(Value::Array(choices)) = property.get_mut(keyword) {
            choices.retain(|choice| !is_null(choice));
        }
    }
    if let Some(Value::Array(types)) = property.get("type")
        && let [only] = types.as_slice()
    {
        let only = only.clone();
        property.insert("type".into(), only);
    }
    if let Some(Value::Array(choices)) = property.get("anyOf")
        && let [Value::Object(only)] = choices.as_slice()
    {
        let only = only.clone();
        property.remove("anyOf");
        property.extend(only);
    }
}
