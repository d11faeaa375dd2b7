//! How much each word says of what a thing is.
//!
//! A model's name is found in one category, among few of its comps; "desk" is found among most of one category, "obo" in
//! all. Where a market has few products a name may cover most of its category, and then its prices tell: those of one
//! product lie close together. A brand is found in several categories, or all over one, but with models of its own
//! alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{median, spread};
use crate::valuation::Comp;
use crate::valuation::model::{TermWeights, UNSEEN, UNSEEN_CODED};

/// Words with fewer comps are left to the assumption about words that were never seen.
const FEWEST_COMPS: usize = 2;
/// As many comps as that assumption weighs: words with numbers are seldom decoration.
const ASSUMPTION: f64 = 2.0;
const ASSUMPTION_CODED: f64 = 8.0;
/// Those with the most comps are kept: they need less than half a MiB.
const MOST_WORDS: usize = 50_000;

/// Of a word's comps, the part in its main category: a brand's is lower than a model's.
const IN_ONE_CATEGORY: (f64, f64) = (0.35, 0.75);
/// From here on it is a word of one category. What other categories' comps of that name cost is another product's price.
const IN_ONE: f64 = 0.5;
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

/// How much likelier a word is in another comp of the same model than in any of the category (Fisher's intraclass
/// correlation): from the first to the second it becomes a brand, or the name of a family. Not all titles tell it.
const OF_ITS_MODELS: (f64, f64) = (0.4, 0.7);
/// But where all titles tell what the category sells, "guitar", they tell it of each model: down from the first to the
/// second part of the category's comps a word may be a brand.
const OF_ALL_THE_CATEGORY: (f64, f64) = (0.8, 0.5);
/// The same of a word that is told of each model alike, as "smart": up to the first it says nothing.
const OF_EACH_MODEL: (f64, f64) = (0.0, 0.3);
/// What a brand says beside a model.
const BRAND: f64 = 0.55;
/// Words of a name of several: the part of their comps that they are found in together.
const OF_ONE_NAME: f64 = 0.8;
/// What each of them but the first, by the alphabet, says of what it would by itself: who tells one tells the others.
const TOLD_ALREADY: f64 = 0.5;
/// What a model's name weighs at least by its own place and prices, if no number is in it.
const MODEL: f64 = 0.5;
/// A model of fewer comps says little of what is told of it.
const FEWEST_OF_A_MODEL: usize = 4;
/// Of a word's comps, the part that names the same brand, beyond the part of its category's that does: from the first to
/// the second it becomes a model of it.
const OF_ONE_BRAND: (f64, f64) = (0.5, 0.8);
const FEWEST_OF_A_BRAND: usize = 5;

pub fn weights(comps: &[&Comp<'_>]) -> TermWeights {
    let market = Market::of(comps);
    let correlations = market.correlations();
    let brands: BTreeSet<&str> = market
        .words
        .iter()
        .filter(|(text, found)| {
            found.place.in_one < IN_ONE && found.of_its_models(correlations.get(*text).copied()) > 0.5
        })
        .map(|(text, _)| *text)
        .collect();

    let mut words: Vec<(&str, &Found<'_>)> = market
        .words
        .iter()
        .filter(|(_, found)| found.comps.len() >= FEWEST_COMPS)
        .map(|(text, found)| (*text, found))
        .collect();
    words.sort_by_key(|(_, found)| std::cmp::Reverse(found.comps.len()));
    words.truncate(MOST_WORDS);
    TermWeights::new(
        words.into_iter().map(|(text, found)| {
            (text, market.weight(text, found, correlations.get(text).copied(), &brands))
        }),
    )
}

/// All comps, and where each word of their titles is found.
struct Market<'c> {
    comps: &'c [&'c Comp<'c>],
    categories: BTreeMap<&'c str, Category>,
    words: BTreeMap<&'c str, Found<'c>>,
    /// How likely any two comps are of two categories: where all are of one, places tell nothing.
    telling: f64,
}

struct Category {
    comps: usize,
    /// The standard deviation of the logarithms of its prices.
    prices_apart: f64,
}

#[derive(Default)]
struct Found<'c> {
    coded: bool,
    /// The comps' indexes.
    comps: Vec<usize>,
    by_category: BTreeMap<&'c str, usize>,
    relative_prices: Vec<f64>,
    place: Place,
}

/// Where in a market a word is found, each 0 to 1.
#[derive(Default)]
struct Place {
    in_one: f64,
    of_few: f64,
    /// The part of its main category's comps that have it.
    of_category: f64,
    /// Of its main category.
    prices_apart: f64,
}

impl<'c> Market<'c> {
    fn of(comps: &'c [&'c Comp<'c>]) -> Market<'c> {
        let ln_price = |comp: &Comp<'_>| (comp.price_cents as f64).ln();
        let mut by_currency: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for comp in comps {
            by_currency.entry(&comp.currency).or_default().push(ln_price(comp));
        }
        let levels: BTreeMap<&str, f64> =
            by_currency.into_iter().map(|(currency, mut prices)| (currency, median(&mut prices))).collect();
        let relative_price = |comp: &Comp<'_>| ln_price(comp) - levels[&*comp.currency];
        let mut by_category: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for comp in comps {
            by_category.entry(&comp.category).or_default().push(relative_price(comp));
        }
        let categories: BTreeMap<&str, Category> = by_category
            .into_iter()
            .map(|(name, prices)| (name, Category { comps: prices.len(), prices_apart: spread(&prices) }))
            .collect();

        let mut words: BTreeMap<&str, Found<'_>> = BTreeMap::new();
        for (index, comp) in comps.iter().enumerate() {
            for word in &comp.reading.words {
                let found = words.entry(&word.text).or_default();
                found.coded |= word.coded;
                found.comps.push(index);
                *found.by_category.entry(&comp.category).or_default() += 1;
                found.relative_prices.push(relative_price(comp));
            }
        }
        for found in words.values_mut() {
            found.place = found.place_in(&categories);
            if found.place.in_one >= IN_ONE {
                found.relative_prices = found.prices_in_one(comps);
            }
        }
        let all = comps.len().max(1) as f64;
        let alike: f64 = categories.values().map(|of| (of.comps as f64 / all).powi(2)).sum();
        Market { comps, categories, words, telling: 1.0 - alike }
    }

    /// How much a word says: as a model's name or, by its `correlation` where there is one, as a brand's.
    fn weight(
        &self,
        text: &str,
        found: &Found<'_>,
        correlation: Option<f64>,
        brands: &BTreeSet<&str>,
    ) -> f64 {
        let together = self.together(found);
        let of_a_brand = match found.comps.len() {
            FEWEST_OF_A_BRAND.. => between(self.of_one_brand(found, &together, brands), OF_ONE_BRAND),
            _ => 0.0,
        };
        let mut by_place = found.place.in_one * found.place.of_few.max(of_a_brand);
        let of_its_models = found.of_its_models(correlation);
        let name = self.words_of_the_name(found, &together);
        if of_its_models > 0.0 {
            // "North" and "Vale" say together what another brand says by one word.
            by_place = by_place.max(BRAND * of_its_models) / name.len() as f64;
        }
        let mut weight = found.weight(by_place, self.telling);
        if of_its_models == 0.0 && !found.coded && name.first().is_some_and(|first| *first != text) {
            weight *= TOLD_ALREADY;
        }
        match correlation {
            // A number that several brands have is a model's all the same.
            Some(correlation) if !found.coded => between(correlation, OF_EACH_MODEL) * weight,
            _ => weight,
        }
    }

    /// See [`OF_ITS_MODELS`]. Only of words that are mostly told of a model.
    fn correlations(&self) -> BTreeMap<&'c str, f64> {
        let is_model = |found: &Found<'_>| {
            found.place.in_one > IN_ONE
                && found.comps.len() >= FEWEST_OF_A_MODEL
                && (found.coded
                    || found.weight(found.place.in_one * found.place.of_few, self.telling) >= MODEL)
        };
        let models: BTreeSet<&str> =
            self.words.iter().filter(|(_, found)| is_model(found)).map(|(text, _)| *text).collect();
        let correlation = |found: &Found<'_>| {
            let in_model = self.in_same_model(found, &models)?;
            let in_category = self.in_same_category(found);
            Some((in_model - in_category) / (1.0 - in_category).max(f64::MIN_POSITIVE))
        };
        self.words.iter().filter_map(|(text, found)| Some((*text, correlation(found)?))).collect()
    }

    /// How likely a word is in another comp of the same model. A comp's model is the rarest that is named, rarer than
    /// the word. `None` where most of its comps name none.
    fn in_same_model(&self, found: &Found<'_>, models: &BTreeSet<&str>) -> Option<f64> {
        if found.comps.len() < FEWEST_OF_A_BRAND {
            return None;
        }
        let together = self.together(found);
        let comps_of = |name: &str| self.words[name].comps.len();
        let in_model: Vec<f64> = found
            .comps
            .iter()
            .filter_map(|&index| {
                let named = self.names(index).filter(|name| models.contains(name));
                let model = named.min_by_key(|name| comps_of(name))?;
                (comps_of(model) < found.comps.len())
                    .then(|| part_of_others(together[model], comps_of(model)))
            })
            .collect();
        if in_model.len() < FEWEST_OF_A_BRAND || in_model.len() * 2 < found.comps.len() {
            return None;
        }
        Some(in_model.iter().sum::<f64>() / in_model.len() as f64)
    }

    /// How likely it is in another comp of the same category.
    fn in_same_category(&self, found: &Found<'_>) -> f64 {
        let of = |category| self.categories[category].comps;
        let parts = found
            .by_category
            .iter()
            .map(|(category, &count)| count as f64 * part_of_others(count, of(*category)));
        parts.sum::<f64>() / found.comps.len() as f64
    }

    /// See [`OF_ONE_BRAND`]: that of the commonest.
    fn of_one_brand(
        &self,
        found: &Found<'_>,
        together: &BTreeMap<&str, usize>,
        brands: &BTreeSet<&str>,
    ) -> f64 {
        let of_brands = together.iter().filter(|(name, _)| brands.contains(*name));
        let Some((brand, count)) = of_brands.max_by_key(|(_, count)| **count) else { return 0.0 };
        let (category, _) = found.main_category();
        let in_category = self.words[brand].by_category.get(category).copied().unwrap_or_default();
        let of_all = in_category as f64 / self.categories[category].comps as f64;
        (*count as f64 / found.comps.len() as f64 - of_all) / (1.0 - of_all).max(f64::MIN_POSITIVE)
    }

    /// The words that are told with each other nearly always, this one of them.
    fn words_of_the_name(&self, found: &Found<'_>, together: &BTreeMap<&'c str, usize>) -> Vec<&'c str> {
        let of_the_name = |(name, count): (&&'c str, &usize)| {
            let named = &self.words[name];
            let most = named.comps.len().max(found.comps.len());
            let is_of_it = named.coded == found.coded && *count as f64 >= OF_ONE_NAME * most as f64;
            is_of_it.then_some(*name)
        };
        together.iter().filter_map(of_the_name).collect()
    }

    /// In how many of a word's comps each word is.
    fn together(&self, found: &Found<'_>) -> BTreeMap<&'c str, usize> {
        let mut together = BTreeMap::new();
        for name in found.comps.iter().flat_map(|&index| self.names(index)) {
            *together.entry(name).or_default() += 1;
        }
        together
    }

    fn names(&self, comp: usize) -> impl Iterator<Item = &'c str> {
        self.comps[comp].reading.words.iter().map(|word| &*word.text)
    }
}

impl Found<'_> {
    /// And how many of its comps are of it.
    fn main_category(&self) -> (&str, usize) {
        let most = self.by_category.iter().max_by_key(|(_, count)| **count);
        most.map(|(category, count)| (*category, *count)).expect("a comp has a category")
    }

    fn prices_in_one(&self, comps: &[&Comp<'_>]) -> Vec<f64> {
        let (category, _) = self.main_category();
        let prices = self.comps.iter().zip(&self.relative_prices);
        prices.filter(|(index, _)| comps[**index].category == category).map(|(_, price)| *price).collect()
    }

    fn place_in(&self, categories: &BTreeMap<&str, Category>) -> Place {
        let (category, most) = self.main_category();
        let category = &categories[category];
        let of_category = most as f64 / (category.comps as f64 + SMALL_CATEGORY);
        Place {
            in_one: between(part_of_others(most, self.comps.len()), IN_ONE_CATEGORY),
            of_few: between(of_category, OF_THE_CATEGORY),
            of_category,
            prices_apart: category.prices_apart,
        }
    }

    /// How surely it is a brand, or the name of a family.
    fn of_its_models(&self, correlation: Option<f64>) -> f64 {
        between(correlation.unwrap_or(0.0), OF_ITS_MODELS)
            * between(self.place.of_category, OF_ALL_THE_CATEGORY)
    }

    fn weight(&self, by_place: f64, telling: f64) -> f64 {
        let count = self.comps.len() as f64;
        let (evidence, count) = match self.relative_prices.len() {
            FEWEST_PRICES.. => {
                let apart = spread(&self.relative_prices);
                let in_category = apart / self.place.prices_apart.max(f64::MIN_POSITIVE);
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

/// Of the others of a group of so many, the part that some of it make up: two in one group are no more than a
/// coincidence.
fn part_of_others(some: usize, group: usize) -> f64 {
    (some - 1) as f64 / (group - 1).max(1) as f64
}

/// 0 at the first, 1 at the second, linear between.
fn between(value: f64, (none, all): (f64, f64)) -> f64 {
    ((value - none) / (all - none)).clamp(0.0, 1.0)
}
