//! What the tables show, from plain numbers.

/// The mean of the middle two where there are two; NaN of none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (middle(values.len().saturating_sub(1) / 2) + middle(values.len() / 2)) / 2.0
}

/// NaN of none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Which share of these; NaN of none.
pub fn share(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

/// How far estimates are from what was paid.
#[derive(Debug, Clone, Copy)]
pub struct Accuracy {
    pub valued: f64,
    pub median_error: f64,
    pub thin_error: f64,
    pub within_20_percent: f64,
    pub median_bias: f64,
    pub mean_bias: f64,
}

/// What was estimated, if anything, beside what was paid, and whether the product is thin.
#[derive(Debug, Clone, Copy)]
pub struct Valued {
    pub fair: Option<f64>,
    pub paid: f64,
    pub thin: bool,
}

pub fn accuracy(all: &[Valued]) -> Accuracy {
    let mut errors = Vec::new();
    let mut thin_errors = Vec::new();
    let mut logarithms = Vec::new();
    for &Valued { fair, paid, thin } in all {
        let Some(fair) = fair else { continue };
        let error = (fair / paid - 1.0).abs();
        errors.push(error);
        if thin {
            thin_errors.push(error);
        }
        logarithms.push((fair / paid).ln());
    }
    let within = errors.iter().filter(|&&error| error <= 0.2).count();
    Accuracy {
        valued: share(errors.len(), all.len()),
        within_20_percent: share(within, errors.len()),
        median_error: median(&mut errors),
        thin_error: median(&mut thin_errors),
        mean_bias: mean(&logarithms),
        median_bias: median(&mut logarithms),
    }
}

/// How well a ranking finds bargains.
#[derive(Debug, Clone, Copy)]
pub struct Ranking {
    pub precision_at_50: f64,
    pub precision_at_200: f64,
    pub average_precision: f64,
}

/// Highest rank first, ties as they come; what has no rank (negative infinity) is never found.
pub fn ranking(ranked: &[(f64, bool)]) -> Ranking {
    let bargains = ranked.iter().filter(|(_, is_bargain)| *is_bargain).count();
    let mut ranked: Vec<(f64, bool)> =
        ranked.iter().copied().filter(|(rank, _)| *rank > f64::NEG_INFINITY).collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    let found = |first: usize| ranked.iter().take(first).filter(|(_, is_bargain)| *is_bargain).count();
    let mut hits = 0;
    let mut precisions = 0.0;
    for (index, (_, is_bargain)) in ranked.iter().enumerate() {
        if *is_bargain {
            hits += 1;
            precisions += share(hits, index + 1);
        }
    }
    Ranking {
        precision_at_50: share(found(50), 50),
        precision_at_200: share(found(200), 200),
        average_precision: precisions / bargains as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn accuracy_is_of_what_was_valued() {
        let valued = |fair, paid, thin| Valued { fair, paid, thin };
        let all = [
            valued(Some(110.0), 100.0, false),
            valued(Some(50.0), 100.0, true),
            valued(Some(100.0), 100.0, false),
            valued(None, 100.0, true),
        ];
        let accuracy = accuracy(&all);
        assert_eq!(accuracy.valued, 0.75);
        assert!((accuracy.median_error - 0.1).abs() < 1e-9);
        assert_eq!(accuracy.thin_error, 0.5);
        assert!((accuracy.within_20_percent - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(accuracy.median_bias, 0.0);
        assert!(accuracy.mean_bias < 0.0);
    }

    #[test]
    fn a_bargain_without_a_rank_is_missed() {
        let ranked = [(2.0, false), (3.0, true), (f64::NEG_INFINITY, true), (1.0, true)];
        let ranking = ranking(&ranked);
        assert!((ranking.average_precision - (1.0 + 2.0 / 3.0) / 3.0).abs() < 1e-9);
        assert_eq!(ranking.precision_at_50, 2.0 / 50.0);
    }
}
