//! The id of a row that a body or a filter refers to. Whether there is such a row, only the database knows.

use std::borrow::Cow;
use std::str::FromStr;

use postgres_types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Unacceptable, unacceptable};

/// A positive 64-bit number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSql)]
#[serde(try_from = "i64")]
#[postgres(transparent)]
pub struct RowId(i64);

impl TryFrom<i64> for RowId {
    type Error = Unacceptable;

    fn try_from(id: i64) -> Result<RowId, Unacceptable> {
        if id > 0 { Ok(RowId(id)) } else { unacceptable("must be an id, 1 or more") }
    }
}

impl FromStr for RowId {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<RowId, Unacceptable> {
        text.parse::<i64>().map_or_else(|_| unacceptable("must be an id, 1 or more"), RowId::try_from)
    }
}

impl JsonSchema for RowId {
    fn schema_name() -> Cow<'static, str> {
        "RowId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX })
    }
}
