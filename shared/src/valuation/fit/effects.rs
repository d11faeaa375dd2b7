//! What conditions, time and asking do to a price: differences between comps of one product, by backfitting with
//! Huber's weights.

use std::collections::BTreeMap;

use super::slopes::{self, Group};
use super::{ASSUMED, spread};
use crate::valuation::estimate::location;
use crate::valuation::likeness::weight;
use crate::valuation::model::{Effects, Noise};
use crate::valuation::title::{Measure, Title, Word};
use crate::valuation::{Comp, Model};
use crate::values::CompKind;

const ROUNDS: usize = 40;
/// In standard deviations: what lies beyond counts less.
const HUBER: f64 = 1.345;
/// As many comps as what is assumed weighs against the market, and the market against a category.
const ASSUMPTION: f64 = 20.0;
const MARKET: f64 = 60.0;
/// An age of this many days counts as one in the shrinkage of a trend.
const TREND_UNIT: f64 = 100.0;
/// A category with fewer goes with the market.
const FEWEST_IN_CATEGORY: usize = 20;

/// The last of these is an unknown condition.
const CONDITIONS: usize = 6;

struct Observation<'c> {
    group: usize,
    category: &'c str,
    condition: usize,
    asking: bool,
    age: f64,
    ln_price: f64,
    error: f64,
}

/// Sets the market's effects, those of categories that have enough comps of their own, and the noise that is left.
pub fn learn(comps: &[&Comp<'_>], model: &mut Model, day: f64) {
    let (mut observations, mut groups) = observations(comps, model, day);
    let mut market = ASSUMED;
    let mut categories: BTreeMap<&str, (Vec<usize>, Effects)> = BTreeMap::new();
    for (index, observation) in observations.iter().enumerate() {
        categories.entry(observation.category).or_insert((Vec::new(), ASSUMED)).0.push(index);
    }
    categories.retain(|_, (own, _)| own.len() >= FEWEST_IN_CATEGORY);
    let mut levels = Vec::new();
    for _ in 0..ROUNDS {
        let effects = |category: &str| categories.get(category).map_or(&market, |(_, effects)| effects);
        levels = center(&mut observations, effects);
        let errors: Vec<f64> = observations.iter().map(|observation| observation.error).collect();
        let scale = (HUBER * spread(&errors)).max(1e-6);
        market = improved(&market, &ASSUMED, ASSUMPTION, scale, observations.iter());
        for (own, effects) in categories.values_mut() {
            let own = own.iter().map(|&index| &observations[index]);
            *effects = improved(effects, &market, MARKET, scale, own);
        }
    }
    rise(&mut market, &counts(observations.iter()));
    for (group, level) in groups.iter_mut().zip(levels) {
        group.level = level;
    }
    let noise = noise(&observations, model.parameters.noise);
    let (slopes, mut slopes_of) = slopes::learn(&groups, noise.sold);
    market.slopes = slopes;
    let named = categories.into_iter().map(|(category, (own, mut effects))| {
        rise(&mut effects, &counts(own.iter().map(|&index| &observations[index])));
        effects.slopes = market.slopes.clone();
        effects.slopes.append(&mut slopes_of.remove(category).unwrap_or_default());
        (category.to_owned(), effects)
    });
    model.parameters.categories = named.collect();
    model.parameters.market = market;
    model.parameters.noise = noise;
}

/// Of products with many comps, whose level is known well; drawn towards what is assumed.
fn noise(observations: &[Observation<'_>], assumed: Noise) -> Noise {
    const MANY: usize = 6;
    let of_one = observations.chunk_by(|one, other| one.group == other.group);
    let known: Vec<&Observation<'_>> = of_one.filter(|group| group.len() >= MANY).flatten().collect();
    let of = |assumed: f64, which: &dyn Fn(&Observation<'_>) -> bool| {
        let errors: Vec<f64> = known.iter().filter(|one| which(one)).map(|one| one.error).collect();
        let count = errors.len() as f64;
        ((count * spread(&errors) + ASSUMPTION * assumed) / (count + ASSUMPTION)).max(0.02)
    };
    let told = |one: &Observation<'_>| one.condition < CONDITIONS - 1;
    Noise {
        sold: of(assumed.sold, &|one| told(one) && !one.asking),
        asking: of(assumed.asking, &|one| told(one) && one.asking),
        unknown_condition: of(assumed.unknown_condition, &|one| !told(one) && !one.asking),
    }
}

/// Comps of products that have two or more.
fn observations<'c>(
    comps: &'c [&'c Comp<'c>],
    model: &Model,
    day: f64,
) -> (Vec<Observation<'c>>, Vec<Group>) {
    type Product<'c> = (&'c str, String, &'c [Measure]);
    let mut groups: BTreeMap<Product<'_>, Vec<usize>> = BTreeMap::new();
    for (index, comp) in comps.iter().enumerate() {
        if let Some(product) = product(&comp.reading, model) {
            groups.entry((&comp.currency, product, &comp.reading.measures)).or_default().push(index);
        }
    }
    groups.retain(|_, members| members.len() > 1);
    let mut observations = Vec::new();
    let mut named = Vec::with_capacity(groups.len());
    for (group, ((currency, product, measures), members)) in groups.into_iter().enumerate() {
        named.push(Group {
            category: comps[members[0]].category.to_string(),
            name: format!("{currency} {product}"),
            measures: measures.to_vec(),
            comps: members.len() as f64,
            level: 0.0,
        });
        for index in members {
            let comp = comps[index];
            observations.push(Observation {
                group,
                category: &comp.category,
                condition: comp.condition.map_or(CONDITIONS - 1, |condition| condition as usize),
                asking: comp.kind == CompKind::Asking,
                age: day - comp.day,
                ln_price: (comp.price_cents as f64).ln(),
                error: 0.0,
            });
        }
    }
    (observations, named)
}

/// What comps of one product have in common, roughly, beside their measures: the word that says the most, and what tells
/// models apart.
fn product(title: &Title, model: &Model) -> Option<String> {
    let strongest: &Word = title
        .words
        .iter()
        .filter(|word| weight(word, model) >= 0.5)
        .max_by(|a, b| weight(a, model).total_cmp(&weight(b, model)).then(b.text.cmp(&a.text)))?;
    let mut product = title.term(&strongest.text);
    for part in &title.qualifiers {
        product.push(' ');
        product.push_str(part);
    }
    Some(product)
}

/// Sets the errors: against the effects, and against the product's own level, which it returns.
fn center<'e>(observations: &mut [Observation<'_>], effects: impl Fn(&str) -> &'e Effects) -> Vec<f64> {
    let groups = observations.last().map_or(0, |last| last.group + 1);
    for observation in observations.iter_mut() {
        let effects = effects(observation.category);
        let condition = match observation.condition {
            known @ 0..5 => effects.conditions[known],
            _ => effects.unknown_condition,
        };
        let asking = if observation.asking { effects.asking } else { 0.0 };
        observation.error = observation.ln_price - condition - asking + effects.trend * observation.age;
    }
    let mut members: Vec<Vec<f64>> = vec![Vec::new(); groups];
    for observation in observations.iter() {
        members[observation.group].push(observation.error);
    }
    let levels: Vec<f64> = members.iter().map(|errors| level(errors)).collect();
    for observation in observations.iter_mut() {
        observation.error -= levels[observation.group];
    }
    levels
}

fn level(errors: &[f64]) -> f64 {
    let scale = (HUBER * spread(errors)).max(0.05);
    location(&mut errors.iter().map(|&error| (error, 1.0)).collect::<Vec<_>>(), scale)
}

/// One round of backfitting, drawn towards `prior` as if that were so many comps.
fn improved<'o>(
    effects: &Effects,
    prior: &Effects,
    strength: f64,
    scale: f64,
    observations: impl Iterator<Item = &'o Observation<'o>>,
) -> Effects {
    let mut condition = [(0.0, 0.0); CONDITIONS];
    let (mut asking, mut trend) = ((0.0, 0.0), (0.0, 0.0));
    let observations: Vec<&Observation<'_>> = observations.collect();
    let total = observations.len().max(1) as f64;
    let mean_age = observations.iter().map(|observation| observation.age).sum::<f64>() / total;
    for observation in observations {
        let weight = scale / observation.error.abs().max(scale);
        let add = |(sum, weights): &mut (f64, f64), by: f64| {
            *sum += weight * by * observation.error;
            *weights += weight * by * by;
        };
        add(&mut condition[observation.condition], 1.0);
        if observation.asking {
            add(&mut asking, 1.0);
        }
        add(&mut trend, -(observation.age - mean_age) / TREND_UNIT);
    }
    let step = |(sum, weights): (f64, f64), now: f64, prior: f64| {
        now + (sum + strength * (prior - now)) / (weights + strength)
    };
    let mut improved = effects.clone();
    for (index, now) in improved.conditions.iter_mut().enumerate() {
        *now = step(condition[index], *now, prior.conditions[index]);
    }
    // Against `good`.
    let good = improved.conditions[2];
    improved.conditions.iter_mut().for_each(|now| *now -= good);
    improved.unknown_condition =
        step(condition[CONDITIONS - 1], effects.unknown_condition, prior.unknown_condition) - good;
    improved.asking = step(asking, effects.asking, prior.asking);
    improved.trend = step(trend, effects.trend * TREND_UNIT, prior.trend * TREND_UNIT) / TREND_UNIT;
    improved
}

fn counts<'o>(observations: impl Iterator<Item = &'o Observation<'o>>) -> [f64; 5] {
    let mut counts = [1.0; 5];
    for observation in observations {
        if let Some(count) = counts.get_mut(observation.condition) {
            *count += 1.0;
        }
    }
    counts
}

/// A better condition is never worth less: neighbours that say so are pooled (isotonic regression).
fn rise(effects: &mut Effects, counts: &[f64; 5]) {
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (value, count) in effects.conditions.iter().zip(counts) {
        pools.push((*value, *count, 1));
        while let [.., (low, low_count, low_length), (high, high_count, high_length)] = pools[..]
            && low > high
        {
            let count = low_count + high_count;
            let pooled = ((low * low_count + high * high_count) / count, count, low_length + high_length);
            pools.truncate(pools.len() - 2);
            pools.push(pooled);
        }
    }
    let values = pools.iter().flat_map(|(value, _, length)| std::iter::repeat_n(*value, *length));
    for (condition, value) in effects.conditions.iter_mut().zip(values) {
        *condition = value;
    }
}
