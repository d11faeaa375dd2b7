//! What is asked or was paid for one thing.

use std::borrow::Cow;

use postgres_types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Unacceptable, unacceptable};

/// An amount of money as [`super::Cents`], below what nothing on a marketplace costs: a larger number is a mistake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSql)]
#[serde(try_from = "i64")]
#[postgres(transparent)]
pub struct Price(i64);

impl Price {
    pub const MAX: Price = Price(999_999_999_999);
}

impl TryFrom<i64> for Price {
    type Error = Unacceptable;

    fn try_from(cents: i64) -> Result<Price, Unacceptable> {
        if (0..=Price::MAX.0).contains(&cents) {
            return Ok(Price(cents));
        }
        unacceptable(format!("must be 0 to {}", Price::MAX.0))
    }
}

impl JsonSchema for Price {
    fn schema_name() -> Cow<'static, str> {
        "Price".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": Price::MAX.0 })
    }
}
