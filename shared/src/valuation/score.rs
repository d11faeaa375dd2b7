//! How good a deal an ask is: how likely the thing is worth at least so much more.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Estimate, Grounds, Model};
use crate::values::{Unacceptable, unacceptable};

/// What is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ask {
    /// Minor units; `None` is unknown.
    pub price_cents: Option<i64>,
    /// The seller says in words that it is given away.
    pub said_to_be_free: bool,
    /// And that it does not work, where the title does not say so.
    pub said_to_be_broken: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// 0 to 100: the probability, in per cent, that the next sale is at least 1 ÷ 0.7 of the ask.
    pub value: f64,
    pub band: Band,
    pub reasons: Vec<String>,
}

/// Best first, and last what is too good to be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Band {
    Great,
    Good,
    Fair,
    High,
    Overpriced,
    Verify,
}

/// A bargain asks at most this share of the market's price.
const BARGAIN: f64 = 0.7;
/// Below this share of the fair price, as a logarithm, an ask is too good to be true.
const IMPLAUSIBLE: f64 = -1.05;
/// How sellers ask beside what a thing is worth, as a logarithm: middle and scale of a logistic distribution, whose
/// standard deviation is 1.8 times the scale. Assumed.
const ASKED_BESIDE: (f64, f64) = (0.1, 0.15);
const GREAT: f64 = 90.0;
const GOOD: f64 = 70.0;
/// A thing that is given away scores 50 when it saves this much, in minor units: what fetching it is worth.
const WORTH_A_TRIP: f64 = 2_500.0;

/// `None` when no price is known: then there is nothing to judge.
pub fn score(ask: &Ask, estimate: &Estimate, model: &Model) -> Option<Score> {
    let price = ask.price_cents?;
    let residuals = &model.parameters.residuals[estimate.bucket];
    let mut reasons = Vec::new();
    let to_verify =
        |reason: &str| Some(Score { value: 0.0, band: Band::Verify, reasons: vec![reason.to_owned()] });
    if ask.said_to_be_broken {
        return to_verify("the description says that it is broken, and the title does not");
    }
    if price == 0 && ask.said_to_be_free {
        let saved = estimate.low_cents as f64;
        let value = 100.0 * saved / (saved + WORTH_A_TRIP);
        reasons.push("given away; scored by what it saves at least".to_owned());
        evidence_reasons(estimate, &mut reasons);
        return Some(Score { value, band: by_value(value).unwrap_or(Band::Fair), reasons });
    }
    let gap = (price.max(1) as f64).ln() - estimate.ln_fair_price;
    let verify = if price == 0 {
        Some("asks 0 without saying that it is free")
    } else if is_placeholder(price) {
        Some("the price looks like a placeholder")
    } else if gap < IMPLAUSIBLE {
        Some("asks about a third of the fair price or less: too good to be true until verified")
    } else {
        None
    };
    if let Some(reason) = verify {
        return to_verify(reason);
    }
    let value = 100.0 * probability_of_bargain(gap, model.estimate_error(estimate.bucket));
    let band = by_value(value).unwrap_or_else(|| {
        let high = residuals.quantile(0.95);
        match gap {
            _ if gap <= high / 2.0 => Band::Fair,
            _ if gap <= high => Band::High,
            _ => Band::Overpriced,
        }
    });
    let percent = (100.0 * (gap.exp() - 1.0)).round().abs();
    reasons.push(match gap {
        _ if percent < 1.0 => "asks the fair price".to_owned(),
        _ if gap < 0.0 => format!("asks {percent} % less than the fair price"),
        _ => format!("asks {percent} % more than the fair price"),
    });
    evidence_reasons(estimate, &mut reasons);
    Some(Score { value, band, reasons })
}

/// How likely the market's price is at least 1 ÷ 0.7 of an ask that lies `gap` beside the estimate, as logarithms.
///
/// An ask far below the estimate is a bargain, or the estimate is too high; the less sure the estimate, the likelier the
/// latter (the winner's curse). So how far sellers ask from what things are worth is weighed against how far estimates
/// lie from it, by the middle and the scale of a logistic distribution. Both distributions have concave logarithms, which makes the probability fall as the ask rises (Karlin,
/// Total Positivity, 1968).
fn probability_of_bargain(gap: f64, (middle, scale): (f64, f64)) -> f64 {
    const STEPS: i32 = 400;
    const WIDTH: f64 = 0.02;
    let (mut bargain, mut all) = (0.0, 0.0);
    for step in -STEPS..=STEPS {
        // The ask beside the market's price.
        let beside = f64::from(step) * WIDTH;
        let density =
            logistic((beside - ASKED_BESIDE.0) / ASKED_BESIDE.1) * logistic((gap - beside - middle) / scale);
        all += density;
        if beside <= BARGAIN.ln() {
            bargain += density;
        }
    }
    bargain / all
}

/// The density of the logistic distribution, but for a factor.
fn logistic(z: f64) -> f64 {
    let e = (-z.abs()).exp();
    e / (1.0 + e).powi(2)
}

fn by_value(value: f64) -> Option<Band> {
    match value {
        _ if value >= GREAT => Some(Band::Great),
        _ if value >= GOOD => Some(Band::Good),
        _ => None,
    }
}

fn evidence_reasons(estimate: &Estimate, reasons: &mut Vec<String>) {
    let count = estimate.evidence.len();
    let sales = if count == 1 { "sale" } else { "sales" };
    reasons.push(match estimate.grounds {
        Grounds::SiblingsAlone => format!("no sale of the same variant; {count} of similar ones"),
        Grounds::Contested => format!("{count} comparable {sales} that disagree"),
        _ if estimate.effective_comps < 2.0 => format!("thin evidence: {count} comparable {sales}"),
        _ => format!("{count} comparable {sales}"),
    });
}

/// What sellers type who do not want to name a price: 1, 123, 1234 …, 1111 …, 9999 …, in whole units or in minor ones.
fn is_placeholder(price_cents: i64) -> bool {
    let unit = price_cents % 100 == 0;
    let digits = if unit { price_cents / 100 } else { price_cents }.to_string();
    let ascending = "123456789".starts_with(&digits) && digits.len() != 2;
    let repeated = |digit: char, least: usize| digits.len() >= least && digits.chars().all(|c| c == digit);
    // 99.99 is a price.
    ascending || repeated('1', 4) || unit && repeated('9', 4) || repeated('9', 5)
}

impl Band {
    /// As in the database's `deal_band`.
    pub fn as_str(self) -> &'static str {
        match self {
            Band::Great => "great",
            Band::Good => "good",
            Band::Fair => "fair",
            Band::High => "high",
            Band::Overpriced => "overpriced",
            Band::Verify => "verify",
        }
    }
}

impl FromStr for Band {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Band, Unacceptable> {
        match text {
            "great" => Ok(Band::Great),
            "good" => Ok(Band::Good),
            "fair" => Ok(Band::Fair),
            "high" => Ok(Band::High),
            "overpriced" => Ok(Band::Overpriced),
            "verify" => Ok(Band::Verify),
            _ => unacceptable("must be one of great, good, fair, high, overpriced, verify"),
        }
    }
}
