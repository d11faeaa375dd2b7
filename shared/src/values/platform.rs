//! A marketplace by its name, such as `ebay` or `facebook-marketplace`.

use std::borrow::Cow;
use std::str::FromStr;

use postgres_types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Unacceptable, unacceptable};

/// 1 to 50 of the lower-case letters `a` to `z`, digits, `-` and `_`, so that a platform has one spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSql)]
#[serde(try_from = "String")]
#[postgres(transparent)]
pub struct Platform(String);

impl Platform {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Platform {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Platform, Unacceptable> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if (1..=50).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Platform(text));
        }
        unacceptable("must have 1 to 50 lower-case letters, digits, - and _")
    }
}

impl FromStr for Platform {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Platform, Unacceptable> {
        text.to_owned().try_into()
    }
}

impl JsonSchema for Platform {
    fn schema_name() -> Cow<'static, str> {
        "Platform".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "pattern": "^[a-z0-9_-]{1,50}$", "minLength": 1, "maxLength": 50, "examples": ["ebay"]
        })
    }
}
