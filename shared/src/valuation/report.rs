//! A value as callers are told it.

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Band, Comp, Estimate, Evidence, Unvalued};
use crate::values::{CompKind, Timestamp};

/// The share of next sales that lie between `low_cents` and `high_cents`.
const CONFIDENCE: f64 = 0.9;

/// What a thing is worth, with the evidence.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ValuationReport {
    /// What it would sell for next, in minor units of `currency`; `null` without evidence.
    pub fair_price_cents: Option<i64>,
    pub low_cents: Option<i64>,
    pub high_cents: Option<i64>,
    /// How likely the next sale lies between `low_cents` and `high_cents`.
    pub confidence: f64,
    /// As many equally good comps would say as much.
    pub effective_comps: f64,
    pub currency: String,
    /// The version of the model that it was found by.
    pub model: String,
    pub as_of: Timestamp,
    /// Why there is no value.
    pub reason: Option<&'static str>,
    /// How much a comp that is far off may pull: see `evidence`. `null` without a value.
    pub pull_limit: Option<f64>,
    /// Heaviest first. At the fair price their pulls, `weight` times ln(`adjusted_price_cents` ÷ fair price) held
    /// within ± `pull_limit`, add up to 0.
    pub evidence: Vec<ReportedEvidence>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedEvidence {
    pub comp_id: i64,
    pub title: String,
    pub price_cents: i64,
    /// What it would have been today, in the condition that is valued, paid.
    pub adjusted_price_cents: i64,
    pub weight: f64,
    pub why: String,
}

/// The value of a listing, and what that makes of its price.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListingValuation {
    pub listing_id: i64,
    pub ask_cents: Option<i64>,
    /// 0 to 100: how likely it is asked for much less than it goes for.
    pub score: Option<f64>,
    pub band: Option<Band>,
    pub reasons: Vec<String>,
    #[serde(flatten)]
    pub value: ValuationReport,
}

impl ValuationReport {
    pub fn of(
        estimate: &Result<Estimate, Unvalued>,
        comps: &[Comp<'_>],
        currency: &str,
        model: String,
        as_of: Timestamp,
    ) -> ValuationReport {
        let unvalued = |reason| ValuationReport {
            fair_price_cents: None,
            low_cents: None,
            high_cents: None,
            confidence: CONFIDENCE,
            effective_comps: 0.0,
            currency: currency.to_owned(),
            model: model.clone(),
            as_of,
            reason,
            pull_limit: None,
            evidence: Vec::new(),
        };
        match estimate {
            Err(unvalued_for) => unvalued(Some(unvalued_for.reason())),
            Ok(estimate) => ValuationReport {
                fair_price_cents: Some(estimate.fair_price_cents),
                low_cents: Some(estimate.low_cents),
                high_cents: Some(estimate.high_cents),
                effective_comps: estimate.effective_comps,
                pull_limit: Some(estimate.pull_limit),
                evidence: evidence(estimate, comps),
                ..unvalued(None)
            },
        }
    }

    /// There is no value, for a reason of the caller's own.
    pub fn none(currency: &str, model: String, as_of: Timestamp, reason: &'static str) -> ValuationReport {
        let none = Err(Unvalued::NoComparableSales);
        ValuationReport { reason: Some(reason), ..ValuationReport::of(&none, &[], currency, model, as_of) }
    }
}

/// As callers are told it.
pub fn evidence(estimate: &Estimate, comps: &[Comp<'_>]) -> Vec<ReportedEvidence> {
    let comps: FxHashMap<i64, &Comp<'_>> = comps.iter().map(|comp| (comp.id, comp)).collect();
    let reported = estimate.evidence.iter().filter_map(|evidence| {
        let comp = comps.get(&evidence.comp_id)?;
        Some(ReportedEvidence {
            comp_id: evidence.comp_id,
            title: comp.title.to_string(),
            price_cents: comp.price_cents,
            adjusted_price_cents: evidence.ln_adjusted.exp().round() as i64,
            weight: evidence.weight,
            why: why(evidence),
        })
    });
    reported.collect()
}

fn why(evidence: &Evidence) -> String {
    let why = &evidence.why;
    let kind = match why.kind {
        CompKind::Sold => "sold",
        CompKind::Asking => "asked",
    };
    let when = match why.age_days.round() as i64 {
        0 => "today".to_owned(),
        1 => "a day ago".to_owned(),
        days => format!("{days} days ago"),
    };
    let condition = why.condition.map_or("unknown", |condition| condition.as_str());
    let product = if why.sibling { "a sibling: another variant or model" } else { "same product" };
    let sure = (why.similarity * 100.0).round();
    format!("{kind} {when} in {condition} condition; {product}, {sure} % alike")
}
