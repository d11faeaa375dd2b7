//! What was learned from the comps of a market: what conditions, age and asking do to a price, how far the next sale
//! lies from an estimate, and how much each word says of what a thing is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::values::{CompKind, Condition};

/// A fitted model, or the assumptions that serve until there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// 0 before the first fit.
    pub version: i32,
    pub parameters: Parameters,
    pub term_weights: TermWeights,
}

/// All prices are natural logarithms here: a step of 0.1 is about 10 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    pub market: Effects,
    /// Where a category's comps are many enough to differ from the market.
    pub categories: BTreeMap<String, Effects>,
    #[serde(default = "assumed_noise")]
    pub noise: Noise,
    /// A comp's weight halves with each such span.
    pub half_life_days: f64,
    /// How far the next sale lies from the estimate, by [`bucket`].
    pub residuals: Vec<Residuals>,
}

/// Standard deviations of comps about what their product goes for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Of sales in a condition that is told.
    pub sold: f64,
    /// Of asking prices in a condition that is told.
    pub asking: f64,
    /// Of sales in a condition that is not.
    pub unknown_condition: f64,
}

impl Noise {
    /// What a comp weighs beside a sale in a condition that is told: by the variances.
    pub fn weight(&self, kind: CompKind, condition: Option<Condition>) -> f64 {
        let beside_sold = |noise: f64| (self.sold / noise).powi(2).clamp(0.2, 0.9);
        let kind = match kind {
            CompKind::Sold => 1.0,
            CompKind::Asking => beside_sold(self.asking),
        };
        if condition.is_some() { kind } else { kind * beside_sold(self.unknown_condition) }
    }
}

/// Also of models that were stored before it was learned.
fn assumed_noise() -> Noise {
    Noise { sold: 0.25, asking: 0.32, unknown_condition: 0.35 }
}

/// What the circumstances of a sale do to its price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effects {
    /// Of the conditions against `good`, worst first. Never falling.
    pub conditions: [f64; 5],
    /// Of a condition that is not told.
    pub unknown_condition: f64,
    /// A day's.
    pub trend: f64,
    /// Of being asked for and not yet paid.
    pub asking: f64,
    /// Of a measure being e times as large, by dimension.
    #[serde(default)]
    pub slopes: Slopes,
}

pub type Slopes = BTreeMap<String, f64>;

impl Effects {
    pub fn condition(&self, condition: Option<Condition>) -> f64 {
        condition.map_or(self.unknown_condition, |condition| self.conditions[condition as usize])
    }

    pub fn kind(&self, kind: CompKind) -> f64 {
        match kind {
            CompKind::Sold => 0.0,
            CompKind::Asking => self.asking,
        }
    }
}

/// Assumed until learned, and drawn towards where comps are few.
pub const ASSUMED: Effects = Effects {
    conditions: [-0.7, -0.3, 0.0, 0.12, 0.25],
    unknown_condition: 0.0,
    trend: 0.0,
    asking: 0.12,
    slopes: Slopes::new(),
};

/// Upper ends of the evidence buckets, in effective comps; the last one has none.
pub const BUCKETS: [f64; 5] = [1.25, 2.5, 4.0, 8.0, f64::INFINITY];
/// Standard deviations assumed for the buckets until there are sales to learn from; after them for few siblings, for
/// what may be one, for the buckets from the second on where comps disagree, and for many siblings.
const ASSUMED_SPREADS: [f64; 2 * BUCKETS.len() + 3] =
    [0.45, 0.38, 0.33, 0.3, 0.27, 0.6, 0.5, 0.4, 0.6, 0.42, 0.36, 0.3, 0.45];
/// Each once for a condition that is told and once for one that is not.
pub const ALL_BUCKETS: usize = 2 * ASSUMED_SPREADS.len();

pub fn assumed_spread(bucket: usize) -> f64 {
    ASSUMED_SPREADS[bucket / 2]
}

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    TheThingItself,
    /// There is no comp of the thing itself, only of other sizes or models of its family.
    SiblingsAlone,
    /// More than a third on comps of which it is not told whether they are siblings.
    PerhapsSiblings,
    /// Comps of the thing itself disagree by more than sales of one thing do.
    Contested,
}

/// Where the residuals of an estimate are found, by its evidence. A stored model knows its buckets by their places: new
/// ones come last.
pub fn bucket(effective_comps: f64, grounds: Grounds, condition_is_told: bool) -> usize {
    let by_count = || BUCKETS.iter().position(|&end| effective_comps < end).unwrap_or(BUCKETS.len() - 1);
    let evidence = match grounds {
        Grounds::TheThingItself => by_count(),
        Grounds::SiblingsAlone if effective_comps < BUCKETS[1] => BUCKETS.len(),
        Grounds::SiblingsAlone => 2 * BUCKETS.len() + 2,
        Grounds::PerhapsSiblings if effective_comps < BUCKETS[1] => BUCKETS.len() + 1,
        Grounds::PerhapsSiblings => BUCKETS.len() + 2,
        Grounds::Contested => BUCKETS.len() + 3 + by_count().saturating_sub(1),
    };
    2 * evidence + usize::from(!condition_is_told)
}

/// The distribution of ln(next sale ÷ estimate), by its quantiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    /// At the probabilities 1/40, 2/40 … 39/40; never falling.
    quantiles: Vec<f64>,
    /// From how many sales it was learned; 0 when it was assumed.
    pub sales: usize,
}

const STEPS: usize = 40;

impl Parameters {
    /// With the assumptions for buckets that a release before did not know.
    pub fn completed(mut self) -> Parameters {
        self.residuals.extend((self.residuals.len()..ALL_BUCKETS).map(Residuals::assumed));
        self
    }
}

impl Residuals {
    pub fn assumed(bucket: usize) -> Residuals {
        let spread = assumed_spread(bucket);
        // The logistic distribution of that standard deviation: heavier tails than the normal one's.
        let scale = spread * 3.0_f64.sqrt() / std::f64::consts::PI;
        let quantile = |step: usize| {
            let p = step as f64 / STEPS as f64;
            scale * (p / (1.0 - p)).ln()
        };
        Residuals { quantiles: (1..STEPS).map(quantile).collect(), sales: 0 }
    }

    /// Of residuals by their weights; sorts them. So many of them are sales of the bucket's own.
    pub fn learned(residuals: &mut [(f64, f64)], sales: usize) -> Residuals {
        residuals.sort_by(|a, b| a.0.total_cmp(&b.0));
        let quantiles =
            (1..STEPS).map(|step| super::estimate::quantile(residuals, step as f64 / STEPS as f64));
        Residuals { quantiles: quantiles.collect(), sales }
    }

    /// The quantile at 0.025 … 0.975, by linear interpolation.
    pub fn quantile(&self, probability: f64) -> f64 {
        let at = (probability * STEPS as f64 - 1.0).clamp(0.0, (STEPS - 2) as f64);
        let (below, share) = (at.floor() as usize, at.fract());
        let above = (below + 1).min(STEPS - 2);
        self.quantiles[below] + share * (self.quantiles[above] - self.quantiles[below])
    }

    /// Middle and scale of the logistic distribution that has the same median and the same 10 % and 90 % quantiles
    /// apart.
    pub fn logistic(&self) -> (f64, f64) {
        let tenth = 2.0 * 9.0_f64.ln();
        (self.quantile(0.5), ((self.quantile(0.9) - self.quantile(0.1)) / tenth).max(0.02))
    }
}

impl Model {
    pub fn unfitted() -> Model {
        Model {
            version: 0,
            parameters: Parameters {
                market: ASSUMED,
                categories: BTreeMap::new(),
                noise: assumed_noise(),
                half_life_days: 120.0,
                residuals: (0..ALL_BUCKETS).map(Residuals::assumed).collect(),
            },
            term_weights: TermWeights::default(),
        }
    }

    /// As it is told: `v7`.
    pub fn name(&self) -> String {
        format!("v{}", self.version)
    }

    /// How far estimates of a bucket lie from the market's price: middle and scale of a logistic distribution. A sale
    /// lies off by that and by its own chance, which is all that is left where evidence is thickest, nearly.
    pub fn estimate_error(&self, bucket: usize) -> (f64, f64) {
        const LEFT: f64 = 0.4;
        let residuals = &self.parameters.residuals;
        let chance = residuals.iter().map(|of| of.logistic().1).fold(f64::INFINITY, f64::min);
        let (middle, scale) = residuals[bucket].logistic();
        (middle, (scale.powi(2) - chance.powi(2)).max((LEFT * chance).powi(2)).sqrt())
    }

    /// Whether a category says what a thing is. One that hardly any comp has does not: marketplaces name theirs in many
    /// ways. Before the first fit each does.
    pub fn knows(&self, category: &str) -> bool {
        self.version == 0 && self.term_weights.is_empty() || self.parameters.categories.contains_key(category)
    }

    pub fn effects(&self, category: &str) -> &Effects {
        self.parameters.categories.get(category).unwrap_or(&self.parameters.market)
    }
}

/// How much words say of what a thing is and so of its price, 0 to 1: a word whose comps agree on a price names a
/// product, one that is found at any price is decoration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TermWeights {
    /// Sorted by hash.
    weights: Vec<(u64, u8)>,
}

/// Of a word that was never seen: most of them name something, above all those with numbers.
pub const UNSEEN: f64 = 0.45;
pub const UNSEEN_CODED: f64 = 0.75;

impl TermWeights {
    pub fn new<'t>(weights: impl IntoIterator<Item = (&'t str, f64)>) -> TermWeights {
        let byte = |weight: f64| (weight.clamp(0.0, 1.0) * 255.0).round() as u8;
        let mut weights: Vec<(u64, u8)> =
            weights.into_iter().map(|(word, weight)| (hash(word), byte(weight))).collect();
        weights.sort_unstable();
        weights.dedup_by_key(|(hash, _)| *hash);
        TermWeights { weights }
    }

    pub fn get(&self, word: &str) -> Option<f64> {
        let hash = hash(word);
        let index = self.weights.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        Some(f64::from(self.weights[index].1) / 255.0)
    }

    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Eight bytes of a word's hash and one of its weight, each.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.weights
            .iter()
            .flat_map(|(hash, weight)| hash.to_be_bytes().into_iter().chain([*weight]))
            .collect()
    }

    pub fn from_bytes(bytes: &[u8]) -> TermWeights {
        let entry = |entry: &[u8]| {
            let hash = u64::from_be_bytes(entry[..8].try_into().expect("eight of nine bytes"));
            (hash, entry[8])
        };
        TermWeights { weights: bytes.chunks_exact(9).map(entry).collect() }
    }
}

/// FNV-1a: stable between releases and machines, which the standard library's is not.
fn hash(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
