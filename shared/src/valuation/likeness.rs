//! Whether two titles are of the same product, and how surely.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Model;
use super::model::{Effects, UNSEEN, UNSEEN_CODED};
use super::title::{Offer, Title, Word, amount};

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
/// Below this it is decoration.
const SAYING: f64 = 0.1;
/// Words that say at least so much tell two models, or two brands, apart.
const MODEL: f64 = 0.5;
const BRAND: f64 = 0.2;
/// What titles must share beside the name of a model to be of the same brand.
const BRAND_SHARED: f64 = 0.4;
/// A model's name of so many letters and digits is one product's: other makers have an "R8" too, but no "WH1000XM4".
const DISTINCT: usize = 8;
/// Each title's least part of what it says that the other says too.
const LEAST_COVERAGE: f64 = 0.5;

const MEASURE_NOT_TOLD: f64 = 0.6;
const OTHER_YEAR: f64 = 0.8;
const SIBLING: f64 = 0.5;
/// A factor of seven, as a logarithm: what would be more is not a size but something misread.
const MOST_FOR_SIZE: f64 = 2.0;

/// A title that others are compared with, its words weighed once for all of them.
pub struct Weighed<'t> {
    title: &'t Title,
    /// Of its words, in their order.
    weights: Vec<f64>,
    model: &'t Model,
}

impl<'t> Weighed<'t> {
    pub fn new(title: &'t Title, model: &'t Model) -> Weighed<'t> {
        let weights = title.words.iter().map(|word| weight(word, model)).collect();
        Weighed { title, weights, model }
    }

    /// Two words that the market knows, each from comps of its own, are two, however alike they look.
    fn is_same(&self, one: &Word, other: &Word) -> bool {
        let is_known = |word: &Word| self.model.term_weights.get(&word.text).is_some();
        one.is_same(other)
            || one.is_slip_of(other)
                && (!(is_known(one) && is_known(other)) || one.is_plural_of(other) || other.is_plural_of(one))
    }

    /// `None` for two products. Of another category a comp is of the same one only where both titles tell more than a
    /// short name of a model, which many brands give to things of all sorts.
    pub fn likeness(&self, comp: &Title, same_category: bool) -> Option<Likeness> {
        let subject = self.title;
        let mut sibling = match (&subject.offer, &comp.offer) {
            (Offer::Wanted, _) | (_, Offer::Wanted) => return None,
            (one, other) if one == other => false,
            (Offer::Item, Offer::Bundle) | (Offer::Bundle, Offer::Item) => true,
            _ => return None,
        };
        sibling |= subject.qualifiers != comp.qualifiers;

        let same_code = subject.is_same_code(comp);
        let is_in = |word: &Word, other: &Title| {
            same_code && word.coded || other.words.iter().any(|other| self.is_same(word, other))
        };
        let [mut shared, mut subject_alone, mut comp_alone] = [Words::default(); 3];
        for (word, weight) in subject.words.iter().zip(&self.weights) {
            if is_in(word, comp) { &mut shared } else { &mut subject_alone }.add(word, *weight);
        }
        for word in comp.words.iter().filter(|word| !is_in(word, subject)) {
            comp_alone.add(word, weight(word, self.model));
        }
        // Each has a name that the other has not: two models, or two brands of which only the model's name is the same.
        // There are many words for a sofa, but where brand and model agree those do not count. A brand alone says less than
        // the name that one of them has beside it.
        let apart = subject_alone.highest.min(comp_alone.highest);
        // "Fjord" and "Fjord14" are one name.
        let shared_beside = || {
            let words = subject.words.iter().zip(&self.weights);
            let beside = words.filter(|(word, _)| is_in(word, comp) && !shared.is_of_highest(word));
            beside.map(|(_, weight)| weight).sum::<f64>()
        };
        if subject_alone.coded && comp_alone.coded
            || apart >= MODEL
            || apart >= SAYING && subject_alone.highest.max(comp_alone.highest) > shared.highest
            || (apart >= BRAND || !same_category && !shared.distinct) && shared_beside() < BRAND_SHARED
        {
            return None;
        }
        // One is told with its number and the other without.
        sibling |= subject_alone.coded || comp_alone.coded;
        let coverage = |alone: &Words<'_>| shared.sum / (shared.sum + alone.sum);
        if shared.highest < NAMING || coverage(&subject_alone).min(coverage(&comp_alone)) < LEAST_COVERAGE {
            return None;
        }
        let mut similarity = (coverage(&subject_alone) * coverage(&comp_alone)).sqrt();

        let (mut told_by_one, mut contradicted) = (false, false);
        for dimension in dimensions(subject, comp) {
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
}

/// What either of two titles tells, each once.
fn dimensions<'t>(subject: &'t Title, comp: &'t Title) -> impl Iterator<Item = &'static str> {
    let ours = subject.measures.chunk_by(|one, other| one.0 == other.0);
    let theirs = comp.measures.chunk_by(|one, other| one.0 == other.0);
    let theirs = theirs.filter(|measures| subject.of(measures[0].0).next().is_none());
    ours.chain(theirs).map(|measures| measures[0].0)
}

/// What words say together.
#[derive(Default, Clone, Copy)]
struct Words<'t> {
    sum: f64,
    highest: f64,
    /// The one of that weight.
    name: &'t str,
    coded: bool,
    /// One of them is a name that no other product has: see [`DISTINCT`].
    distinct: bool,
}

impl<'t> Words<'t> {
    fn add(&mut self, word: &'t Word, weight: f64) {
        self.sum += weight;
        if weight > self.highest {
            (self.highest, self.name) = (weight, &word.text);
        }
        let coded = word.coded && weight >= NAMING;
        self.coded |= coded;
        self.distinct |= coded && word.text.chars().count() >= DISTINCT;
    }

    /// Is this the word that says the most, with or without its number?
    fn is_of_highest(&self, word: &Word) -> bool {
        self.name.starts_with(&word.text) || word.text.starts_with(self.name)
    }
}

/// How much a word says of what a thing is.
pub fn weight(word: &Word, model: &Model) -> f64 {
    let unseen = if word.coded { UNSEEN_CODED } else { UNSEEN };
    model.term_weights.get(&word.text).unwrap_or(unseen)
}

/// How much comparable things have of each dimension, by the titles that tell: means of logarithms, by dimension and
/// unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UsualAmounts(BTreeMap<String, f64>);

impl UsualAmounts {
    /// The same to the bit in whichever order the titles come.
    pub fn of<'t>(titles: impl Iterator<Item = &'t Title>) -> UsualAmounts {
        let mut amounts: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
        for (dimension, value) in titles.flat_map(|title| &title.measures) {
            if let Some((amount, unit)) = amount(value) {
                amounts.entry((dimension, unit)).or_default().push(amount.ln());
            }
        }
        let mean = |mut logarithms: Vec<f64>| {
            logarithms.sort_unstable_by(f64::total_cmp);
            logarithms.iter().sum::<f64>() / logarithms.len() as f64
        };
        let named = |((dimension, unit), logarithms)| (name(dimension, unit), mean(logarithms));
        UsualAmounts(amounts.into_iter().map(named).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn ln(&self, dimension: &str, unit: &str) -> Option<f64> {
        self.0.get(&name(dimension, unit)).copied()
    }
}

fn name(dimension: &str, unit: &str) -> String {
    format!("{dimension} {unit}")
}

/// What a subject is worth more than a comp for being larger, as a logarithm. Who does not tell has what is usual.
pub fn larger(subject: &Title, comp: &Title, usual: &UsualAmounts, effects: &Effects) -> f64 {
    let one = |dimension: &'static str| {
        let slope = effects.slopes.get(dimension)?;
        let usual = |unit| usual.ln(dimension, unit);
        let (ours, theirs) = match (subject.told(dimension), comp.told(dimension)) {
            (Told::Amount(ours, unit), Told::Amount(theirs, other)) if unit == other => (ours, theirs),
            (Told::Amount(ours, unit), Told::Nothing) => (ours, usual(unit)?),
            (Told::Nothing, Told::Amount(theirs, unit)) => (usual(unit)?, theirs),
            _ => return None,
        };
        Some(slope * (ours - theirs))
    };
    let sum: f64 = dimensions(subject, comp).filter_map(one).sum();
    sum.clamp(-MOST_FOR_SIZE, MOST_FOR_SIZE)
}

/// What a title says of a dimension.
enum Told<'t> {
    Nothing,
    /// A logarithm, and its unit.
    Amount(f64, &'t str),
    /// Two amounts, or none that is a number.
    Else,
}

impl Title {
    fn of<'t>(&'t self, dimension: &'t str) -> impl Iterator<Item = &'t str> + Clone {
        let measures = self.measures.iter().filter(move |(candidate, _)| *candidate == dimension);
        measures.map(|(_, value)| value.as_str())
    }

    fn told<'t>(&'t self, dimension: &'t str) -> Told<'t> {
        let mut values = self.of(dimension);
        match (values.next(), values.next()) {
            (None, _) => Told::Nothing,
            (Some(value), None) => match amount(value) {
                Some((amount, unit)) => Told::Amount(amount.ln(), unit),
                None => Told::Else,
            },
            _ => Told::Else,
        }
    }
}
