//! How far the next sale lies from the estimate: recent sales, each valued by what was known before it (split
//! conformal prediction by evidence, Mondrian; Vovk et al., 2005).
//!
//! Some comps are wrong: another product's, a bundle's, a slip. Such a sale says nothing of the next right one, so
//! the share of them that is seen where evidence is thick is taken out of the tails everywhere. What wrong *evidence*
//! does where it is thin stays in.

use super::{median, spread};
use crate::valuation::catalog::Catalog;
use crate::valuation::estimate::{estimate, quantile};
use crate::valuation::model::{ALL_BUCKETS, BUCKETS, Residuals, assumed_spread};
use crate::valuation::{Comp, Model, Subject};
use crate::values::CompKind;

/// Sales of so many days are looked at, the newest.
const RECENT_DAYS: f64 = 450.0;
const MOST_SALES: usize = 6_000;
/// Fewer say little of how far sales lie apart, or which half-life is best.
const FEWEST_SALES: usize = 50;
/// As many sales of a bucket as what is assumed of its spread and middle weighs, and as the shape of all weighs.
const ASSUMPTION: f64 = 50.0;
const SHAPE: f64 = 150.0;
const SHAPE_POINTS: usize = 400;
/// Of comps' weights, in days; a market of fashions forgets sooner than one of furniture.
const HALF_LIVES: [f64; 5] = [60.0, 120.0, 240.0, 480.0, 960.0];
const SALES_TO_COMPARE: usize = 2_000;
const AS_GOOD: f64 = 1.005;
/// The standard deviation of sales that are wrong, as a logarithm: a factor of two.
const WRONG: f64 = 0.75;
/// The first bucket of much evidence: from four effective comps on.
const MUCH: usize = 6;
/// The part of all sales that seem wrong and are right: prices lie far off more often than in a normal distribution.
const RARE: f64 = 0.03;

/// The recent sales, in an order that does not depend on that of the comps: the first so many are a fair draw.
pub fn sales<'c>(comps: &[&'c Comp<'c>], day: f64) -> Vec<&'c Comp<'c>> {
    let mut sales: Vec<&Comp<'_>> = comps
        .iter()
        .copied()
        .filter(|comp| comp.kind == CompKind::Sold && comp.day >= day - RECENT_DAYS)
        .collect();
    sales.sort_by_key(|comp| (comp.id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    sales.truncate(MOST_SALES);
    sales
}

/// The half-life that would have valued recent sales best: by the mean distance between estimate and sale, in which a
/// sale that is far off is no farther than three standard deviations.
pub fn best_half_life(catalog: &Catalog<'_>, sales: &[&Comp<'_>], model: &Model) -> f64 {
    let assumed = model.parameters.half_life_days;
    let sales = &sales[..sales.len().min(SALES_TO_COMPARE)];
    if sales.len() < FEWEST_SALES {
        return assumed;
    }
    let mut model = model.clone();
    let far = 3.0 * model.parameters.noise.sold;
    let distance = |half_life: &f64| {
        model.parameters.half_life_days = *half_life;
        let residuals = sales.iter().filter_map(|sale| valued(catalog, sale, &model));
        residuals.map(|(_, residual)| residual.abs().min(far)).sum::<f64>()
    };
    let distances: Vec<f64> = HALF_LIVES.iter().map(distance).collect();
    let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
    // Of those that are as good, the longest: it forgets the least.
    let best = HALF_LIVES.iter().zip(&distances).rfind(|(_, distance)| **distance <= least * AS_GOOD);
    best.map_or(assumed, |(half_life, _)| *half_life)
}

/// The bucket of a sale's estimate, from what was known before it, and how far the sale lies from it.
fn valued(catalog: &Catalog<'_>, sale: &Comp<'_>, model: &Model) -> Option<(usize, f64)> {
    let subject = Subject {
        title: sale.title.to_string(),
        category: Some(sale.category.to_string()),
        condition: sale.condition,
        currency: sale.currency.to_string(),
        place: sale.place,
    };
    let candidates = catalog.candidates(&subject, model, sale.day);
    let estimate = estimate(&subject, &candidates, model, sale.day).ok()?;
    Some((estimate.bucket, (sale.price_cents as f64).ln() - estimate.ln_fair_price))
}

/// Where a bucket's sales are few, what is known of all of them helps: how much wider thin evidence is than thick, and the
/// shape of what is left.
pub fn learn(catalog: &Catalog<'_>, sales: &[&Comp<'_>], model: &Model) -> Vec<Residuals> {
    let mut by_bucket: Vec<Vec<f64>> = vec![Vec::new(); ALL_BUCKETS];
    for sale in sales {
        if let Some((bucket, residual)) = valued(catalog, sale, model) {
            by_bucket[bucket].push(residual);
        }
    }
    if by_bucket.iter().all(|residuals| residuals.len() < FEWEST_SALES) {
        return (0..ALL_BUCKETS).map(Residuals::assumed).collect();
    }
    let learned = right_sales(&by_bucket);

    let known = learned.iter().filter(|of| of.spread.is_some()).count() as f64;
    let stretch = learned
        .iter()
        .enumerate()
        .filter_map(|(bucket, of)| Some((of.spread? / assumed_spread(bucket)).ln()));
    let stretch = (stretch.sum::<f64>() / known).exp();
    let centers: Vec<(f64, f64)> = learned
        .iter()
        .enumerate()
        .map(|(bucket, of)| {
            let count = of.sales.len() as f64;
            let own = count / (count + ASSUMPTION);
            let assumed = assumed_spread(bucket) * stretch;
            let spread = of.spread.map_or(assumed, |spread| spread.powf(own) * assumed.powf(1.0 - own));
            (own * of.middle(), spread)
        })
        .collect();
    let shape = shape(&learned, &centers);
    learned
        .into_iter()
        .zip(centers)
        .map(|(of, (middle, spread))| {
            let count = of.sales.len();
            let mut sales = of.sales;
            sales.extend(shape.iter().map(|point| (middle + spread * point, SHAPE / shape.len() as f64)));
            Residuals::learned(&mut sales, count)
        })
        .collect()
}

/// What sales of a bucket say of the next right one.
struct Learned {
    /// Each with how likely it is right.
    sales: Vec<(f64, f64)>,
    /// The standard deviation; `None` of few.
    spread: Option<f64>,
}

impl Learned {
    fn middle(&self) -> f64 {
        median(&mut self.sales.iter().map(|(residual, _)| *residual).collect::<Vec<_>>())
    }
}

fn right_sales(by_bucket: &[Vec<f64>]) -> Vec<Learned> {
    let mixtures: Vec<Option<Mixture>> = by_bucket
        .iter()
        .map(|residuals| (residuals.len() >= FEWEST_SALES).then(|| Mixture::of(residuals)))
        .collect();
    // Where there is much evidence the estimate is right, and what lies far off is a sale that is wrong.
    let much = |bucket: usize| (MUCH..2 * BUCKETS.len()).contains(&bucket);
    let most_sales = (0..ALL_BUCKETS).max_by_key(|&bucket| (much(bucket), by_bucket[bucket].len()));
    let share = most_sales.and_then(|bucket| mixtures[bucket].as_ref()).map_or(0.0, |mixture| mixture.share);
    let wrong = (share - RARE).max(0.0);
    let right = |(residuals, mixture): (&Vec<f64>, &Option<Mixture>)| {
        let probability = |residual: f64| match mixture {
            Some(mixture) => {
                1.0 - (wrong / mixture.share.max(1e-9)).min(1.0) * mixture.probability_of_wrong(residual)
            }
            None => 1.0,
        };
        let mut sales: Vec<(f64, f64)> =
            residuals.iter().map(|&residual| (residual, probability(residual))).collect();
        sales.sort_by(|a, b| a.0.total_cmp(&b.0));
        let spread = mixture.as_ref().map(|_| (quantile(&sales, 0.9) - quantile(&sales, 0.1)) / 2.563);
        Learned { sales, spread }
    };
    by_bucket.iter().zip(&mixtures).map(right).collect()
}

/// The quantiles of all sales, each from the middle of its bucket and in standard deviations of it.
fn shape(learned: &[Learned], centers: &[(f64, f64)]) -> Vec<f64> {
    let of_one = |(of, &(middle, spread)): (&Learned, &(f64, f64))| -> Vec<(f64, f64)> {
        of.sales.iter().map(|&(residual, right)| ((residual - middle) / spread, right)).collect()
    };
    let mut all: Vec<(f64, f64)> = learned.iter().zip(centers).flat_map(of_one).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    (0..SHAPE_POINTS).map(|point| quantile(&all, (point as f64 + 0.5) / SHAPE_POINTS as f64)).collect()
}

/// A normal distribution and a few values from a much wider one, told apart by expectation maximisation.
struct Mixture {
    mean: f64,
    right: f64,
    wide: f64,
    /// Of the wide one.
    share: f64,
}

impl Mixture {
    fn of(residuals: &[f64]) -> Mixture {
        let mut mixture = Mixture {
            mean: median(&mut residuals.to_vec()),
            right: spread(residuals).max(0.02),
            wide: 0.0,
            share: 0.08,
        };
        for _ in 0..50 {
            mixture.wide = (2.0 * mixture.right).max(WRONG);
            let (mut wrong, mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0, 0.0);
            for &residual in residuals {
                let probability = mixture.probability_of_wrong(residual);
                wrong += probability;
                weight += 1.0 - probability;
                sum += (1.0 - probability) * residual;
                squares += (1.0 - probability) * (residual - mixture.mean).powi(2);
            }
            if weight < 1.0 {
                break;
            }
            mixture.mean = sum / weight;
            mixture.right = (squares / weight).sqrt().max(0.02);
            mixture.share = (wrong / residuals.len() as f64).clamp(1e-4, 0.5);
        }
        mixture
    }

    fn probability_of_wrong(&self, residual: f64) -> f64 {
        let density = |deviation: f64| {
            let z = (residual - self.mean) / deviation;
            (-0.5 * z * z).exp() / deviation
        };
        let (right, wrong) = ((1.0 - self.share) * density(self.right), self.share * density(self.wide));
        wrong / (right + wrong).max(f64::MIN_POSITIVE)
    }
}
