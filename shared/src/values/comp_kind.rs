//! What the price of a comparable sale is.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Unacceptable, unacceptable};

/// What a price of a comp says: what was paid, or what is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CompKind {
    #[default]
    Sold,
    Asking,
}

impl CompKind {
    /// As in the database's `comp_kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            CompKind::Sold => "sold",
            CompKind::Asking => "asking",
        }
    }
}

impl FromStr for CompKind {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<CompKind, Unacceptable> {
        match text {
            "sold" => Ok(CompKind::Sold),
            "asking" => Ok(CompKind::Asking),
            _ => unacceptable("must be one of sold, asking"),
        }
    }
}
