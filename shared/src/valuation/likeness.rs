//! Whether two titles are of the same product, and how surely.

use super::Model;
use super::model::{Effects, UNSEEN, UNSEEN_CODED};
use super::title::{Measure, Offer, Title, Word, amount};

/// What a comp is to the thing that is valued.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// 0 to 1.
    pub similarity: f64,
    /// Another capacity, size or model of the same family: no comp where there are comps of the thing itself.
    pub sibling: bool,
    /// Only one of the two titles tells a measure: whether it is a sibling is not known.
    pub vague: bool,
}

/// From here on a word names something.
const NAMING: f64 = 0.35;
/// Words that say at least so much tell two models, or two brands, apart.
const MODEL: f64 = 0.5;
const BRAND: f64 = 0.2;
/// What titles must share beside the name of a model to be of the same brand.
const BRAND_SHARED: f64 = 0.4;
/// Each title's least part of what it says that the other says too.
const LEAST_COVERAGE: f64 = 0.5;

const MEASURE_NOT_TOLD: f64 = 0.6;
const OTHER_YEAR: f64 = 0.8;
const SIBLING: f64 = 0.5;

/// `None` for two products.
pub fn likeness(subject: &Title, comp: &Title, model: &Model) -> Option<Likeness> {
    let mut sibling = match (&subject.offer, &comp.offer) {
        (Offer::Wanted, _) | (_, Offer::Wanted) => return None,
        (one, other) if one == other => false,
        (Offer::Item, Offer::Bundle) | (Offer::Bundle, Offer::Item) => true,
        _ => return None,
    };
    sibling |= subject.qualifiers != comp.qualifiers;

    let same_code = subject.is_same_code(comp);
    let [mut shared, mut subject_alone, mut comp_alone] = [Words::default(); 3];
    for word in &subject.words {
        let found = comp.words.iter().any(|other| word.is_like(other));
        let words = if found || same_code && word.coded { &mut shared } else { &mut subject_alone };
        words.add(word, model);
    }
    for word in &comp.words {
        let found = subject.words.iter().any(|other| other.is_like(word));
        if !(found || same_code && word.coded) {
            comp_alone.add(word, model);
        }
    }
    // Each has a name that the other has not: two models, or two brands of which only the model's name is the same.
    // There are many words for a sofa, but where brand and model agree those do not count.
    let apart = subject_alone.highest.min(comp_alone.highest);
    if subject_alone.coded && comp_alone.coded
        || apart >= MODEL
        || apart >= BRAND && shared.sum - shared.highest < BRAND_SHARED
    {
        return None;
    }
    // One is told with its number and the other without.
    sibling |= subject_alone.coded || comp_alone.coded;
    let coverage = |alone: &Words| shared.sum / (shared.sum + alone.sum);
    if shared.highest < NAMING || coverage(&subject_alone).min(coverage(&comp_alone)) < LEAST_COVERAGE {
        return None;
    }
    let mut similarity = (coverage(&subject_alone) * coverage(&comp_alone)).sqrt();

    let (mut told_by_one, mut contradicted) = (false, false);
    for (dimension, _) in subject.measures.iter().chain(&comp.measures) {
        let (mut ours, theirs) = (subject.of(dimension), comp.of(dimension));
        if ours.clone().next().is_none() || theirs.clone().next().is_none() {
            told_by_one = true;
        } else {
            contradicted |= !ours.any(|value| theirs.clone().any(|other| value == other));
        }
    }
    sibling |= contradicted;
    if told_by_one {
        similarity *= MEASURE_NOT_TOLD;
    }
    if matches!((subject.year, comp.year), (Some(ours), Some(theirs)) if ours != theirs) {
        similarity *= OTHER_YEAR;
    }
    if sibling {
        similarity *= SIBLING;
    }
    Some(Likeness { similarity, sibling, vague: told_by_one })
}

/// What words say together.
#[derive(Default, Clone, Copy)]
struct Words {
    sum: f64,
    highest: f64,
    coded: bool,
}

impl Words {
    fn add(&mut self, word: &Word, model: &Model) {
        let weight = weight(word, model);
        self.sum += weight;
        self.highest = self.highest.max(weight);
        self.coded |= word.coded && weight >= NAMING;
    }
}

/// How much a word says of what a thing is.
pub fn weight(word: &Word, model: &Model) -> f64 {
    let unseen = if word.coded { UNSEEN_CODED } else { UNSEEN };
    model.term_weights.get(&word.text).unwrap_or(unseen)
}

/// What a subject is worth more than its sibling for being larger, as a logarithm, in what both titles tell.
pub fn larger(subject: &Title, sibling: &Title, effects: &Effects) -> f64 {
    let one = |(dimension, ours): &Measure| {
        let mut theirs = sibling.of(dimension);
        let (Some(theirs), None) = (theirs.next(), theirs.next()) else { return None };
        let ((ours, unit), (theirs, their_unit)) = (amount(ours)?, amount(theirs)?);
        let slope = effects.slopes.get(*dimension)?;
        (unit == their_unit).then(|| slope * (ours / theirs).ln())
    };
    subject.measures.iter().filter_map(one).sum()
}

impl Title {
    fn of<'t>(&'t self, dimension: &'t str) -> impl Iterator<Item = &'t str> + Clone {
        let measures = self.measures.iter().filter(move |(candidate, _)| *candidate == dimension);
        measures.map(|(_, value)| value.as_str())
    }
}
