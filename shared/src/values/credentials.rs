//! What logs in at a marketplace: names and secrets, as its owner sent them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Unacceptable, unacceptable};

const MOST_MEMBERS: usize = 20;
const LONGEST_NAME: usize = 100;
const LONGEST_VALUE: usize = 4096;
/// Of all names and values together.
const LARGEST: usize = 8192;

/// A value shorter than this could be guessed from its end.
const SHORTEST_WITH_HINT: usize = 12;

/// Neither `Debug` nor an error shows what is in it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
// From any JSON: serde's own errors quote a value of the wrong type.
#[serde(try_from = "Value")]
pub struct Credentials(BTreeMap<String, String>);

impl Credentials {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What an owner may see: the last four characters of each, and nothing of a short one.
    pub fn hint(&self) -> Value {
        let hint = |value: &String| {
            let length = value.chars().count();
            if length < SHORTEST_WITH_HINT {
                return Value::from("");
            }
            Value::from(value.chars().skip(length - 4).collect::<String>())
        };
        self.0.iter().map(|(name, value)| (name.clone(), hint(value))).collect::<Map<_, _>>().into()
    }

    /// To be sealed.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("is text by text")
    }

    /// As they were sealed, whatever is acceptable by now.
    pub fn from_json(json: &[u8]) -> Option<Credentials> {
        serde_json::from_slice(json).ok().map(Credentials)
    }
}

impl TryFrom<Value> for Credentials {
    type Error = Unacceptable;

    fn try_from(value: Value) -> Result<Credentials, Unacceptable> {
        let Value::Object(members) = value else { return unacceptable("must be an object") };
        if !(1..=MOST_MEMBERS).contains(&members.len()) {
            return unacceptable(format!("must have 1 to {MOST_MEMBERS} members"));
        }
        let mut credentials = BTreeMap::new();
        for (name, value) in members {
            let Value::String(value) = value else { return unacceptable("must have text members only") };
            if !(1..=LONGEST_NAME).contains(&name.chars().count()) {
                return unacceptable(format!("must have names of 1 to {LONGEST_NAME} characters"));
            }
            if !(1..=LONGEST_VALUE).contains(&value.chars().count()) {
                return unacceptable(format!("must have values of 1 to {LONGEST_VALUE} characters"));
            }
            if name.contains('\0') || value.contains('\0') {
                return unacceptable("must not have a NUL character");
            }
            credentials.insert(name, value);
        }
        if credentials.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > LARGEST {
            return unacceptable(format!("must have at most {LARGEST} bytes in all its names and values"));
        }
        Ok(Credentials(credentials))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl JsonSchema for Credentials {
    fn schema_name() -> Cow<'static, str> {
        "Credentials".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = |longest| {
            json_schema!({
                "type": "string", "minLength": 1, "maxLength": longest, "pattern": "^[^\\u0000]*$"
            })
        };
        json_schema!({
            "type": "object",
            "description": "Names and secrets, at most 8,192 bytes in all. They go in and never come out.",
            "minProperties": 1,
            "maxProperties": MOST_MEMBERS,
            "propertyNames": text(LONGEST_NAME),
            "additionalProperties": text(LONGEST_VALUE),
            "examples": [{ "refresh_token": "v^1.1#i^1#r^1" }]
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hint_is_the_end_of_a_long_value_and_nothing_of_a_short_one() {
        let members = json!({ "token": "abcdefgh1234", "pin": "abcdefg1234", "sign": "𝄞".repeat(12) });
        let credentials = Credentials::try_from(members).expect("is acceptable");
        assert_eq!(credentials.hint(), json!({ "token": "1234", "pin": "", "sign": "𝄞𝄞𝄞𝄞" }));
        assert!(!format!("{credentials:?}").contains("1234"));
    }

    #[test]
    fn what_is_refused_is_not_quoted() {
        let many: Map<_, _> = (0..21).map(|index| (index.to_string(), json!("hunter2"))).collect();
        let refused = [
            json!("hunter2"),
            json!(["hunter2"]),
            json!({}),
            json!({ "hunter2": 5 }),
            json!({ "hunter2": null }),
            json!({ "token": { "hunter2": "hunter2" } }),
            json!({ "": "hunter2" }),
            json!({ "hunter2": "" }),
            json!({ "token": "hunter2\0" }),
            json!({ "hunter2\0": "token" }),
            json!({ "hunter2".repeat(15): "token" }),
            json!({ "token": "hunter2".repeat(586) }),
            json!({ "a": "hunter2𝄞".repeat(400), "b": "hunter2𝄞".repeat(400) }),
            Value::Object(many),
        ];
        for value in refused {
            let shown = value.to_string().chars().take(40).collect::<String>();
            let error = serde_json::from_value::<Credentials>(value).expect_err(&shown).to_string();
            assert!(error.starts_with("must ") && !error.contains("hunter2"), "{shown}: {error}");
        }
    }
}
