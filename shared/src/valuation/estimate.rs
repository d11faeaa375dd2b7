//! The fair price: a robust weighted mean of what comparable things went for, brought to the condition and the day.

use super::catalog::OLDEST_DAYS;
use super::likeness::{Likeness, UsualAmounts, Weighed, larger};
use super::model::{Effects, Grounds, bucket};
use super::title::{Offer, Title};
use super::{Comp, Model, Subject};
use crate::values::{CompKind, Condition};

/// What a thing is worth, and from what that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Minor units of the subject's currency.
    pub fair_price_cents: i64,
    /// The same before rounding, as a natural logarithm.
    pub ln_fair_price: f64,
    /// The next sale lies between these in nine of ten cases.
    pub low_cents: i64,
    pub high_cents: i64,
    /// Kish's effective sample size of the weights: (Σw)² ÷ Σw².
    pub effective_comps: f64,
    /// What it rests on.
    pub grounds: Grounds,
    /// Which of the model's residuals are its own.
    pub bucket: usize,
    /// How far from the fair price, as a logarithm, a comp pulls at it as much as it ever does.
    pub pull_limit: f64,
    /// What comps were taken for whose titles do not tell; empty when all of the evidence tells.
    pub usual: UsualAmounts,
    /// Heaviest first. The fair price is the [`location`] of their prices.
    pub evidence: Vec<Evidence>,
}

/// A comp and what became of its price.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    pub comp_id: i64,
    /// As it would be in the subject's condition, paid, today: a natural logarithm of minor units.
    pub ln_adjusted: f64,
    pub weight: f64,
    pub why: Why,
}

/// What a weight and an adjustment come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Why {
    pub similarity: f64,
    pub sibling: bool,
    pub vague: bool,
    pub age_days: f64,
    pub kind: CompKind,
    pub condition: Option<Condition>,
}

/// Why there is no estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unvalued {
    /// The title asks for a thing, or names none.
    NothingNamed,
    NoComparableSales,
}

impl Unvalued {
    pub fn reason(self) -> &'static str {
        match self {
            Unvalued::NothingNamed => "the title does not say what is offered",
            Unvalued::NoComparableSales => "no comparable sales in the last year",
        }
    }
}

/// A thing is valued only when something like it was seen since.
const SEEN_WITHIN_DAYS: f64 = 365.0;
/// For each step between the conditions.
const CONDITION_STEP_WEIGHT: f64 = 0.9;
/// Categories are often wrong, but not as often as two products have the same name.
const OTHER_CATEGORY_WEIGHT: f64 = 0.2;
/// What a comp from far away counts at least, and over how many miles its weight halves towards that.
const FAR_WEIGHT: f64 = 0.7;
const NEAR_MILES: f64 = 300.0;
/// More make no better price, and longer evidence.
const MOST_EVIDENCE: usize = 32;

/// In standard deviations of a sale about what its product goes for: the best where about a seventh of the comps are
/// wrong (Huber, Robust Estimation of a Location Parameter, 1964).
const PULL_LIMIT: f64 = 1.0;
/// From this [`disagreement`] on some comps are of something else, and who knows which. Of sales that differ by chance it
/// is 0.8.
const CONTESTED: f64 = 1.2;

/// Values a subject by candidates of its own currency, as of a day (Unix days).
///
/// A better condition never makes it worth less: where the comps of the better one are thinner and say so, the value
/// of the worse one stands, with its evidence.
pub fn estimate(
    subject: &Subject,
    candidates: &[&Comp<'_>],
    model: &Model,
    day: f64,
) -> Result<Estimate, Unvalued> {
    estimate_by(subject, candidates, None, model, day)
}

/// The same estimate from its evidence alone, and the usual amounts that it was made with.
pub fn reproduce(
    subject: &Subject,
    evidence: &[&Comp<'_>],
    usual: &UsualAmounts,
    model: &Model,
    day: f64,
) -> Result<Estimate, Unvalued> {
    estimate_by(subject, evidence, Some(usual), model, day)
}

fn estimate_by(
    subject: &Subject,
    candidates: &[&Comp<'_>],
    usual: Option<&UsualAmounts>,
    model: &Model,
    day: f64,
) -> Result<Estimate, Unvalued> {
    let title = Title::read(&subject.title);
    if title.words.is_empty() || title.offer == Offer::Wanted {
        return Err(Unvalued::NothingNamed);
    }
    let weighed = Weighed::new(&title, model);
    let category = subject.category.as_deref().filter(|category| model.knows(category));
    let is_of_it = |comp: &Comp<'_>| category.is_none_or(|own| own == comp.category);
    let mut alike: Vec<(&Comp<'_>, Likeness)> = candidates
        .iter()
        .filter(|comp| comp.price_cents > 0 && comp.currency == subject.currency)
        .filter(|comp| day - comp.day <= OLDEST_DAYS)
        .filter_map(|&comp| Some((comp, weighed.likeness(&comp.reading, is_of_it(comp))?)))
        .collect();
    let mut usual = match usual {
        Some(usual) => usual.clone(),
        None => UsualAmounts::of(alike.iter().map(|(comp, _)| &comp.reading)),
    };
    let siblings_alone = alike.iter().all(|(_, like)| like.sibling);
    if !siblings_alone {
        alike.retain(|(_, like)| !like.sibling);
    }
    let mut comparable: Vec<Comparable<'_>> = alike
        .iter()
        .map(|&(comp, like)| {
            let effects = model.effects(&comp.category);
            let larger = match like.sibling || like.vague {
                true => larger(&title, &comp.reading, &usual, effects),
                false => 0.0,
            };
            let mut comparable = Comparable::new(subject, comp, like, larger, effects, model, day);
            if !is_of_it(comp) {
                comparable.weight *= OTHER_CATEGORY_WEIGHT;
            }
            comparable
        })
        .collect();
    if comparable.iter().all(|comparable| comparable.why.age_days > SEEN_WITHIN_DAYS) {
        return Err(Unvalued::NoComparableSales);
    }
    // The heaviest, whatever the condition; of equal ones the newer, so that the order of arrival does not matter.
    comparable.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(b.comp.id.cmp(&a.comp.id)));
    comparable.truncate(MOST_EVIDENCE);
    if comparable.iter().all(|comparable| !comparable.why.vague) {
        usual = UsualAmounts::default();
    }

    let pull_limit = PULL_LIMIT * model.parameters.noise.sold;
    let conditions: &[Option<Condition>] = match subject.condition {
        None => &[None],
        Some(condition) => &CONDITIONS[..=condition as usize],
    };
    let best = conditions
        .iter()
        .map(|&condition| {
            let mut prices: Vec<_> =
                comparable.iter().map(|comparable| comparable.price(condition)).collect();
            (location(&mut prices, pull_limit), condition)
        })
        // The last of equals is the condition asked for.
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let (fair, condition) = best.expect("there is at least one condition");
    let mut evidence: Vec<Evidence> =
        comparable.iter().map(|comparable| comparable.evidence(condition)).collect();
    evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(b.comp_id.cmp(&a.comp_id)));

    let sum: f64 = evidence.iter().map(|evidence| evidence.weight).sum();
    let squares: f64 = evidence.iter().map(|evidence| evidence.weight * evidence.weight).sum();
    let effective_comps = sum * sum / squares;
    let vague: f64 =
        evidence.iter().filter(|evidence| evidence.why.vague).map(|evidence| evidence.weight).sum();
    let contested = disagreement(&evidence, fair, model.parameters.noise.sold) > CONTESTED;
    let grounds = match vague {
        _ if siblings_alone => Grounds::SiblingsAlone,
        vague if vague > sum / 3.0 => Grounds::PerhapsSiblings,
        _ if contested => Grounds::Contested,
        _ => Grounds::TheThingItself,
    };
    let bucket = bucket(effective_comps, grounds, subject.condition.is_some());
    let residuals = &model.parameters.residuals[bucket];
    let cents = |ln_price: f64| ln_price.exp().round().min(9e15) as i64;
    Ok(Estimate {
        fair_price_cents: cents(fair),
        ln_fair_price: fair,
        low_cents: cents(fair + residuals.quantile(0.05)),
        high_cents: cents(fair + residuals.quantile(0.95)),
        effective_comps,
        grounds,
        bucket,
        pull_limit,
        usual,
        evidence,
    })
}

const CONDITIONS: [Option<Condition>; 5] = [
    Some(Condition::Poor),
    Some(Condition::Fair),
    Some(Condition::Good),
    Some(Condition::Great),
    Some(Condition::Excellent),
];

/// A comp with what it weighs, and says, whatever the condition that is valued.
struct Comparable<'c> {
    comp: &'c Comp<'c>,
    weight: f64,
    effects: &'c Effects,
    /// As it would be in the condition that others are told against, paid, today.
    ln_price: f64,
    why: Why,
}

impl<'c> Comparable<'c> {
    /// `larger` is what the subject is worth more for being larger.
    fn new(
        subject: &Subject,
        comp: &'c Comp<'c>,
        like: Likeness,
        larger: f64,
        effects: &'c Effects,
        model: &Model,
        day: f64,
    ) -> Comparable<'c> {
        // A moment is told by its hour: what was seen within it is new.
        let age_days = (day - comp.day).max(0.0);
        let place_weight = match (subject.place, comp.place) {
            (Some(ours), Some(theirs)) => {
                FAR_WEIGHT + (1.0 - FAR_WEIGHT) * (-miles(ours, theirs) / NEAR_MILES).exp2()
            }
            _ => 1.0,
        };
        Comparable {
            comp,
            weight: (-age_days / model.parameters.half_life_days).exp2()
                * like.similarity.powi(2)
                * model.parameters.noise.weight(comp.kind, comp.condition)
                * place_weight,
            effects,
            ln_price: (comp.price_cents as f64).ln() - effects.condition(comp.condition)
                + effects.trend * age_days
                + larger
                - effects.kind(comp.kind),
            why: Why {
                similarity: like.similarity,
                sibling: like.sibling,
                vague: like.vague,
                age_days,
                kind: comp.kind,
                condition: comp.condition,
            },
        }
    }

    /// The logarithm of the price in a condition, and what it weighs.
    fn price(&self, condition: Option<Condition>) -> (f64, f64) {
        let condition_weight = match (condition, self.comp.condition) {
            (Some(ours), Some(theirs)) => CONDITION_STEP_WEIGHT.powi((ours as i32 - theirs as i32).abs()),
            _ => 1.0,
        };
        (self.ln_price + self.effects.condition(condition), self.weight * condition_weight)
    }

    fn evidence(&self, condition: Option<Condition>) -> Evidence {
        let (ln_adjusted, weight) = self.price(condition);
        Evidence { comp_id: self.comp.id, ln_adjusted, weight, why: self.why }
    }
}

/// How far comps lie from the fair price on average, in standard deviations of a sale. A comp counts as at most three
/// off: how wrong it is does not matter.
fn disagreement(evidence: &[Evidence], ln_fair_price: f64, noise: f64) -> f64 {
    const WRONG: f64 = 3.0;
    let (mut sum, mut total) = (0.0, 0.0);
    for evidence in evidence {
        sum += evidence.weight * ((evidence.ln_adjusted - ln_fair_price).abs() / noise).min(WRONG);
        total += evidence.weight;
    }
    sum / total
}

/// Over the ground; good enough for a weight.
pub fn miles((lat, lng): (f64, f64), (other_lat, other_lng): (f64, f64)) -> f64 {
    let (a, b) = (lat.to_radians(), other_lat.to_radians());
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let h = half(b - a) + a.cos() * b.cos() * half((other_lng - lng).to_radians());
    2.0 * 3958.8 * h.sqrt().min(1.0).asin()
}

/// Huber's location of `(value, weight)`: where the pulls Σ weight × (value − location), each difference held within
/// `pull_limit`, are in balance. Found by reweighted means from the weighted median. Sorts them.
pub fn location(values: &mut [(f64, f64)], pull_limit: f64) -> f64 {
    const MOST_STEPS: usize = 50;
    values.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut location = quantile(values, 0.5);
    for _ in 0..MOST_STEPS {
        let (mut sum, mut total) = (0.0, 0.0);
        for &(value, weight) in values.iter() {
            let weight = weight * pull_limit / (value - location).abs().max(pull_limit);
            sum += weight * value;
            total += weight;
        }
        let before = std::mem::replace(&mut location, sum / total);
        if (location - before).abs() < 1e-7 {
            break;
        }
    }
    location
}

/// A quantile of sorted `(value, weight)`. A value stands in the middle of its weight, and between two values it is
/// interpolated.
pub fn quantile(sorted: &[(f64, f64)], probability: f64) -> f64 {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let target = probability * total;
    let (mut before, mut last) = (0.0, None);
    for &(value, weight) in sorted {
        let middle = before + weight / 2.0;
        if middle >= target {
            return match last {
                None => value,
                Some((at, earlier)) => earlier + (value - earlier) * (target - at) / (middle - at),
            };
        }
        last = Some((middle, value));
        before += weight;
    }
    sorted.last().map_or(f64::NAN, |(value, _)| *value)
}
