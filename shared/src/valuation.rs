//! What a thing is worth, by what comparable ones went for, and how good a deal an ask is.
//!
//! Pure functions of their arguments: the same comps, model and moment give the same figures to the bit.

mod catalog;
mod clusters;
mod deal_score_v1;
mod description;
mod estimate;
mod fit;
mod likeness;
mod model;
mod report;
mod score;
mod title;

pub use self::catalog::{Catalog, NEWEST_ASKING, NEWEST_SOLD, lookups};
pub use self::clusters::{Posting, clusters, product};
pub use self::deal_score_v1::{EARLIER_PLACE, Earlier, deal_score_v1};
pub use self::description::{says_broken, says_free};
pub use self::estimate::{Estimate, Evidence, Unvalued, Why, estimate, miles, reproduce};
pub use self::fit::fit;
pub use self::likeness::UsualAmounts;
pub use self::model::{Grounds, Model, Parameters, TermWeights};
pub use self::report::{ListingValuation, ReportedEvidence, ValuationReport, evidence};
pub use self::score::{Ask, Band, Score, score};
pub use self::title::{Title, terms};

use std::borrow::Cow;

use schemars::JsonSchema;

use crate::http::Fields;
use crate::values::{CompKind, Condition, Currency, Latitude, Longitude, Text};

/// A comparable sale, or an offer of a comparable thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Comp<'c> {
    pub id: i64,
    pub title: Cow<'c, str>,
    /// What was read out of the title: who changes the one changes the other.
    pub reading: Title,
    pub category: Cow<'c, str>,
    /// Minor units of `currency`.
    pub price_cents: i64,
    pub currency: Cow<'c, str>,
    pub condition: Option<Condition>,
    pub kind: CompKind,
    /// When it had this price, in days since 1970.
    pub day: f64,
    /// Latitude and longitude.
    pub place: Option<(f64, f64)>,
}

impl Comp<'_> {
    /// With texts of its own, no longer those of a row.
    pub fn into_owned(self) -> Comp<'static> {
        Comp {
            title: self.title.into_owned().into(),
            category: self.category.into_owned().into(),
            currency: self.currency.into_owned().into(),
            ..self
        }
    }
}

/// What is to be valued.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    pub title: String,
    pub category: Option<String>,
    pub condition: Option<Condition>,
    pub currency: String,
    pub place: Option<(f64, f64)>,
}

/// What a caller wants to have valued.
#[derive(Debug, JsonSchema)]
pub struct NewValuation {
    title: Text<1, 255>,
    category: Option<Text<1, 120>>,
    condition: Option<Condition>,
    currency: Option<Currency>,
    lat: Option<Latitude>,
    lng: Option<Longitude>,
}

impl NewValuation {
    pub fn read(fields: &mut Fields) -> NewValuation {
        if fields.has("lat") != fields.has("lng") {
            fields.problem("lng", "must be given together with lat, or neither");
        }
        NewValuation {
            title: fields.required("title"),
            category: fields.optional("category"),
            condition: fields.optional("condition"),
            currency: fields.optional("currency"),
            lat: fields.optional("lat"),
            lng: fields.optional("lng"),
        }
    }
}

impl From<NewValuation> for Subject {
    fn from(new: NewValuation) -> Subject {
        Subject {
            title: new.title.into(),
            category: new.category.map(String::from),
            condition: new.condition,
            currency: new.currency.unwrap_or_else(Currency::usd).into(),
            place: new.lat.map(f64::from).zip(new.lng.map(f64::from)),
        }
    }
}

#[cfg(test)]
mod tests;
