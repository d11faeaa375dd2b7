//! How much each word says of what a thing is.
//!
//! A model's name is found in one category, among few of its comps, and a brand's in a few; "desk" is found among most of
//! one category, "obo" in all categories. Where a market has few products a name may cover most of its category, and then its prices tell: those
//! of one product lie close together.

use std::collections::BTreeMap;

use super::{median, spread};
use crate::valuation::Comp;
use crate::valuation::model::{TermWeights, UNSEEN, UNSEEN_CODED};
use crate::valuation::title::Title;

/// Words with fewer comps are left to the assumption about words that were never seen.
const FEWEST_COMPS: usize = 2;
/// As many comps as that assumption weighs: words with numbers are seldom decoration.
const ASSUMPTION: f64 = 2.0;
const ASSUMPTION_CODED: f64 = 8.0;
/// Those with the most comps are kept: they need less than half a MiB.
const MOST_WORDS: usize = 50_000;

/// How likely two comps of a word are of one category, beyond what any two are: up to the first it is no name, from the
/// second on it is (Simpson, Measurement of Diversity, 1949).
const IN_FEW_CATEGORIES: (f64, f64) = (0.08, 0.25);
/// Of a word's comps, the part in its main category: a brand's is lower than a model's.
const IN_ONE_CATEGORY: (f64, f64) = (0.35, 0.75);
/// What a brand says beside a model.
const BRAND: f64 = 0.55;
/// Of its main category's comps, the part that has the word: down from the first to the second it becomes a name.
const OF_THE_CATEGORY: (f64, f64) = (0.35, 0.12);
/// A category with fewer comps than some says little of how common a word is in it.
const SMALL_CATEGORY: f64 = 20.0;
/// The standard deviation of the logarithms of a word's prices: those of one product have about the second, conditions
/// and slips included.
const PRICES_APART: (f64, f64) = (0.55, 0.3);
/// The same beside that of its main category: a model of several sizes is less of it than one, and still a name.
const PRICES_APART_IN_CATEGORY: (f64, f64) = (0.7, 0.4);
const FEWEST_PRICES: usize = 8;

/// Of a word's comps, the part that names the same brand: from the first to the second it becomes a model of it.
const OF_ONE_BRAND: (f64, f64) = (0.5, 0.8);
const FEWEST_OF_A_BRAND: usize = 5;

struct Category {
    comps: usize,
    prices_apart: f64,
}

#[derive(Default)]
struct Found<'c> {
    coded: bool,
    /// The comps' indexes.
    comps: Vec<usize>,
    by_category: BTreeMap<&'c str, usize>,
    relative_prices: Vec<f64>,
}

pub fn weights(comps: &[Comp], titles: &[Title]) -> TermWeights {
    let ln_price = |comp: &Comp| (comp.price_cents as f64).ln();
    let mut by_currency: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for comp in comps {
        by_currency.entry(&comp.currency).or_default().push(ln_price(comp));
    }
    let levels: BTreeMap<&str, f64> =
        by_currency.into_iter().map(|(currency, mut prices)| (currency, median(&mut prices))).collect();
    let relative_price = |comp: &Comp| ln_price(comp) - levels[comp.currency.as_str()];
    let mut by_category: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for comp in comps {
        by_category.entry(&comp.category).or_default().push(relative_price(comp));
    }
    let categories: BTreeMap<&str, Category> = by_category
        .into_iter()
        .map(|(name, prices)| (name, Category { comps: prices.len(), prices_apart: spread(&prices) }))
        .collect();

    let mut words: BTreeMap<&str, Found<'_>> = BTreeMap::new();
    for (index, (comp, title)) in comps.iter().zip(titles).enumerate() {
        for word in &title.words {
            let found = words.entry(&word.text).or_default();
            found.coded |= word.coded;
            found.comps.push(index);
            *found.by_category.entry(&comp.category).or_default() += 1;
            found.relative_prices.push(relative_price(comp));
        }
    }
    let all = comps.len().max(1) as f64;
    let alike: f64 = categories.values().map(|of| (of.comps as f64 / all).powi(2)).sum();
    let places: BTreeMap<&str, Place> =
        words.iter().map(|(text, found)| (*text, found.place(&categories, alike))).collect();

    let mut words: Vec<(&str, Found<'_>)> =
        words.into_iter().filter(|(_, found)| found.comps.len() >= FEWEST_COMPS).collect();
    words.sort_by_key(|(_, found)| std::cmp::Reverse(found.comps.len()));
    words.truncate(MOST_WORDS);
    TermWeights::new(words.into_iter().map(|(text, found)| {
        let place = &places[text];
        let of_a_brand = match found.comps.len() {
            FEWEST_OF_A_BRAND.. => between(found.of_one_brand(titles, &places), OF_ONE_BRAND),
            _ => 0.0,
        };
        let by_place = place.in_few * place.model * place.of_few.max(of_a_brand * place.in_one);
        (text, found.weight(by_place, 1.0 - alike, place.prices_apart))
    }))
}

/// Where in a market a word is found, each 0 to 1.
struct Place {
    in_few: f64,
    in_one: f64,
    /// As `in_one`, but for what a brand says too.
    model: f64,
    of_few: f64,
    /// The standard deviation of the logarithms of its main category's prices.
    prices_apart: f64,
}

impl Place {
    fn is_brand(&self) -> bool {
        self.in_few > 0.5 && self.in_one < 0.5
    }
}

impl Found<'_> {
    /// `alike` is how likely any two comps are of one category.
    fn place(&self, categories: &BTreeMap<&str, Category>, alike: f64) -> Place {
        let count = self.comps.len() as f64;
        let (category, most) =
            self.by_category.iter().max_by_key(|(_, count)| **count).expect("a comp has a category");
        let most = *most as f64;
        // Two comps in one category are no more than a coincidence.
        let others = (count - 1.0).max(1.0);
        let category = &categories[category];
        let of_it = most / (category.comps as f64 + SMALL_CATEGORY);
        let pairs: f64 = self.by_category.values().map(|&count| (count * (count - 1)) as f64).sum();
        let beyond = (pairs / (count * others) - alike) / (1.0 - alike).max(f64::MIN_POSITIVE);
        let in_one = between((most - 1.0) / others, IN_ONE_CATEGORY);
        Place {
            in_few: between(beyond, IN_FEW_CATEGORIES),
            in_one,
            model: BRAND + (1.0 - BRAND) * in_one,
            of_few: between(of_it, OF_THE_CATEGORY),
            prices_apart: category.prices_apart,
        }
    }

    /// The part of the comps that have the commonest brand.
    fn of_one_brand(&self, titles: &[Title], places: &BTreeMap<&str, Place>) -> f64 {
        let mut brands: BTreeMap<&str, usize> = BTreeMap::new();
        for &index in &self.comps {
            for word in &titles[index].words {
                if places[word.text.as_str()].is_brand() {
                    *brands.entry(&word.text).or_default() += 1;
                }
            }
        }
        brands.into_values().max().unwrap_or_default() as f64 / self.comps.len() as f64
    }

    /// `telling` is how likely any two comps are of two categories: where all are of one, places tell nothing.
    fn weight(&self, by_place: f64, telling: f64, apart_in_category: f64) -> f64 {
        let count = self.comps.len() as f64;
        let (evidence, count) = match self.relative_prices.len() {
            FEWEST_PRICES.. => {
                let apart = spread(&self.relative_prices);
                let in_category = apart / apart_in_category.max(f64::MIN_POSITIVE);
                let by_price =
                    between(apart, PRICES_APART).max(between(in_category, PRICES_APART_IN_CATEGORY));
                (by_place.max(by_price), count)
            }
            _ => (by_place, count * telling),
        };
        let (unseen, assumption) =
            if self.coded { (UNSEEN_CODED, ASSUMPTION_CODED) } else { (UNSEEN, ASSUMPTION) };
        (count * evidence + assumption * unseen) / (count + assumption)
    }
}

/// 0 at the first, 1 at the second, linear between.
fn between(value: f64, (none, all): (f64, f64)) -> f64 {
    ((value - none) / (all - none)).clamp(0.0, 1.0)
}
