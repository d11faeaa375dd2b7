//! Learns a model from the comps of a market, in one batch.

mod effects;
mod residuals;
mod slopes;
mod words;

use super::catalog::{Catalog, OLDEST_DAYS};
use super::model::ASSUMED;
use super::{Comp, Model};

/// Fits a model to all comps that were seen before `day` (Unix days). The same comps in the same order give the same
/// model. Its version is 0 until it is stored.
pub fn fit(comps: &[Comp<'_>], day: f64) -> Model {
    let usable = |comp: &&Comp<'_>| comp.price_cents > 0 && comp.day < day && comp.day >= day - OLDEST_DAYS;
    let comps: Vec<&Comp<'_>> = comps.iter().filter(usable).collect();

    let mut model = Model::unfitted();
    model.term_weights = words::weights(&comps);
    effects::learn(&comps, &mut model, day);
    let catalog = Catalog::new(comps.iter().copied());
    let sales = residuals::sales(&comps, day);
    model.parameters.half_life_days = residuals::best_half_life(&catalog, &sales, &model);
    model.parameters.residuals = residuals::learn(&catalog, &sales, &model);
    model
}

/// Of values in any order; sorts them.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[length / 2],
        length => (values[length / 2 - 1] + values[length / 2]) / 2.0,
    }
}

/// The standard deviation of a normal distribution with this median absolute deviation, about the median.
fn spread(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let middle = median(&mut values);
    let mut deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    1.4826 * median(&mut deviations)
}
