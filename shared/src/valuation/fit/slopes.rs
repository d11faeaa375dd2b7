//! What a measure does to a price: between variants of one model that differ in it alone, by robust regression.

use std::collections::BTreeMap;

use crate::valuation::model::Slopes;
use crate::valuation::title::{Measure, amount};

/// Comps of one product, which differ in no measure.
pub struct Group {
    pub category: String,
    /// What the title says beside its measures.
    pub name: String,
    pub measures: Vec<Measure>,
    pub comps: f64,
    /// A logarithm, in good condition, today.
    pub level: f64,
}

/// The standard deviation of a slope, before anything is known of it.
const USUAL_SLOPE: f64 = 0.5;
/// The variance of a level that is known well, about its line.
const OFF_LINE: f64 = 0.02;
/// A level that is farther off than this counts less.
const FAR_OFF: f64 = 0.25;

/// The market's slopes, and each category's drawn to them.
pub fn learn(groups: &[Group], noise: f64) -> (Slopes, BTreeMap<&str, Slopes>) {
    let variants = variants(groups);
    let mut dimensions: Vec<&'static str> = variants.iter().map(|variant| variant.dimension).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    let mut market = Slopes::new();
    let mut categories: BTreeMap<&str, Slopes> = BTreeMap::new();
    for dimension in dimensions {
        let of_dimension: Vec<&Variant<'_>> =
            variants.iter().filter(|variant| variant.dimension == dimension).collect();
        let usual = slope(&of_dimension, 0.0, noise);
        market.insert(dimension.to_owned(), usual);
        let mut by_category: BTreeMap<&str, Vec<&Variant<'_>>> = BTreeMap::new();
        for variant in of_dimension {
            by_category.entry(variant.category).or_default().push(variant);
        }
        for (category, own) in by_category {
            let slope = slope(&own, usual, noise);
            categories.entry(category).or_default().insert(dimension.to_owned(), slope);
        }
    }
    (market, categories)
}

/// One of several that are told apart by one measure.
struct Variant<'g> {
    dimension: &'static str,
    category: &'g str,
    family: usize,
    ln_amount: f64,
    group: &'g Group,
}

fn variants(groups: &[Group]) -> Vec<Variant<'_>> {
    type Family<'g> = (&'static str, &'g str, Vec<&'g str>);
    let mut families: BTreeMap<Family<'_>, Vec<(f64, &Group)>> = BTreeMap::new();
    for group in groups {
        for (at, (dimension, value)) in group.measures.iter().enumerate() {
            let Some((amount, unit)) = amount(value) else { continue };
            let mut others: Vec<&str> = vec![unit];
            let beside = group.measures.iter().enumerate().filter(|(other, _)| *other != at);
            others.extend(beside.map(|(_, (_, value))| value.as_str()));
            families.entry((*dimension, &group.name, others)).or_default().push((amount.ln(), group));
        }
    }
    families.retain(|_, members| members.len() > 1);
    let numbered = families.into_iter().enumerate();
    let variants = numbered.flat_map(|(family, ((dimension, _, _), members))| {
        members.into_iter().map(move |(ln_amount, group)| Variant {
            dimension,
            category: &group.category,
            family,
            ln_amount,
            group,
        })
    });
    variants.collect()
}

/// Within families, drawn to `prior`.
fn slope(variants: &[&Variant<'_>], prior: f64, noise: f64) -> f64 {
    let of_families: Vec<&[&Variant<'_>]> =
        variants.chunk_by(|one, other| one.family == other.family).collect();
    let mut slope = prior;
    for _ in 0..10 {
        let (mut products, mut squares) = (0.0, 0.0);
        for family in &of_families {
            let weights: Vec<f64> =
                family.iter().map(|one| 1.0 / (noise.powi(2) / one.group.comps + OFF_LINE)).collect();
            let total: f64 = weights.iter().sum();
            let mean = |of: &dyn Fn(&Variant<'_>) -> f64| {
                family.iter().zip(&weights).map(|(one, weight)| weight * of(one)).sum::<f64>() / total
            };
            let (mean_amount, mean_level) = (mean(&|one| one.ln_amount), mean(&|one| one.group.level));
            for (one, weight) in family.iter().zip(&weights) {
                let (x, y) = (one.ln_amount - mean_amount, one.group.level - mean_level);
                let weight = weight * FAR_OFF / (y - slope * x).abs().max(FAR_OFF);
                products += weight * x * y;
                squares += weight * x * x;
            }
        }
        let trust = 1.0 / USUAL_SLOPE.powi(2);
        slope = (products + trust * prior) / (squares + trust);
    }
    slope
}
