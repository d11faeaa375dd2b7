//! A radius that a person chooses.

use std::borrow::Cow;

use postgres_types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Unacceptable, unacceptable};

/// Whole miles over ground: 1 to half around the earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSql)]
#[serde(try_from = "i64")]
#[postgres(transparent)]
pub struct WholeMiles(i32);

impl TryFrom<i64> for WholeMiles {
    type Error = Unacceptable;

    fn try_from(miles: i64) -> Result<WholeMiles, Unacceptable> {
        match i32::try_from(miles) {
            Ok(miles @ 1..=12_436) => Ok(WholeMiles(miles)),
            _ => unacceptable("must be 1 to 12436"),
        }
    }
}

impl JsonSchema for WholeMiles {
    fn schema_name() -> Cow<'static, str> {
        "WholeMiles".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 12436 })
    }
}
