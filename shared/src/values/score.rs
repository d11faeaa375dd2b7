//! How good a deal has to be.

use std::borrow::Cow;

use postgres_types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Unacceptable, unacceptable};

/// 0 to 100, as listings are scored.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize, ToSql)]
#[serde(try_from = "f64")]
#[postgres(transparent)]
pub struct Score(f64);

impl TryFrom<f64> for Score {
    type Error = Unacceptable;

    fn try_from(score: f64) -> Result<Score, Unacceptable> {
        // Not even 0 is below 0.
        if (0.0..=100.0).contains(&score) { Ok(Score(score.abs())) } else { unacceptable("must be 0 to 100") }
    }
}

impl JsonSchema for Score {
    fn schema_name() -> Cow<'static, str> {
        "Score".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 100 })
    }
}
