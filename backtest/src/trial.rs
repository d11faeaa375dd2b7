//! One market, judged: every method values the same sales and ranks the same listings.

use std::collections::HashMap;

use shared::valuation::{Comp, Estimate, Score};

use crate::Result;
use crate::baselines::Baselines;
use crate::engine::{self, Engine};
use crate::market::{Market, Offer, Sale, TODAY};
use crate::measures::{self, Accuracy, Ranking, Valued};

/// Up to how many effective comps a bucket reaches.
pub const BUCKETS: [f64; 5] = [1.0, 2.0, 4.0, 8.0, f64::INFINITY];
/// An ask below this share of the true fair price, the oracle holds back too.
const IMPLAUSIBLE: f64 = 1.0 / 3.0;

pub struct Trial {
    pub market: Market,
    /// Of `market.sales`, one each.
    pub estimates: Vec<Option<Estimate>>,
    /// Of `market.listings`, one each.
    pub listing_estimates: Vec<Option<Estimate>>,
    /// The same.
    pub scores: Vec<Option<Score>>,
    pub figures: Figures,
}

/// What the table shows. Shares are of 1.
pub struct Figures {
    pub ours: Accuracy,
    pub category_mean: Accuracy,
    pub product_median: Accuracy,
    pub adjusted_median: Accuracy,
    pub oracle: Accuracy,
    /// Of the titles whose brand and model have a comp in the last year.
    pub valued_with_model: f64,
    /// Of the titles whose very product has one.
    pub valued_with_product: f64,
    /// Of the evidence's weight: on another variant of the model.
    pub on_sibling: f64,
    /// Of the evidence's weight: on something else altogether.
    pub on_other: f64,
    /// Of the titles: most of the weight is on something else.
    pub mostly_other: f64,
    pub buckets: [Bucket; BUCKETS.len()],
    pub bargains: f64,
    pub ours_ranking: Ranking,
    pub earlier_ranking: Ranking,
    pub category_mean_ranking: Ranking,
    pub product_median_ranking: Ranking,
    pub oracle_ranking: Ranking,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Bucket {
    pub sales: usize,
    pub covered: usize,
}

/// Where the weight of an estimate's evidence lies, of 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence {
    pub sibling: f64,
    pub other: f64,
}

impl Trial {
    pub fn run(market: Market) -> Result<Trial> {
        let comps: Vec<Comp<'_>> = market.comps.iter().map(|comp| comp.comp.clone()).collect();
        let engine = Engine::fitted(&comps, TODAY);
        let mut estimates = Vec::with_capacity(market.sales.len());
        for sale in &market.sales {
            estimates.push(engine.value(&sale.subject, sale.day)?);
        }
        let mut listing_estimates = Vec::with_capacity(market.listings.len());
        let mut scores = Vec::with_capacity(market.listings.len());
        for listing in &market.listings {
            let estimate = engine.value(&listing.subject, TODAY)?;
            scores.push(match &estimate {
                Some(estimate) => engine.score(listing, estimate)?,
                None => None,
            });
            listing_estimates.push(estimate);
        }
        let figures = figures(&market, &estimates, &scores);
        Ok(Trial { market, estimates, listing_estimates, scores, figures })
    }
}

/// What the evidence is really of.
pub fn evidence(market: &Market, sale: &Sale, estimate: &Estimate) -> Evidence {
    let mut evidence = Evidence::default();
    let mut total = 0.0;
    for item in &estimate.evidence {
        let comp = &market.comps[item.comp_id as usize];
        total += item.weight;
        if !comp.form.is_product() || !market.same_model(comp.product, sale.product) {
            evidence.other += item.weight;
        } else if comp.product != sale.product {
            evidence.sibling += item.weight;
        }
    }
    if total > 0.0 {
        evidence.sibling /= total;
        evidence.other /= total;
    }
    evidence
}

fn figures(market: &Market, estimates: &[Option<Estimate>], scores: &[Option<Score>]) -> Figures {
    let baselines = Baselines::new(market);
    let known = Known::new(market);

    let by = |fair: &dyn Fn(usize, &Sale) -> Option<f64>| {
        let all: Vec<Valued> = market
            .sales
            .iter()
            .enumerate()
            .map(|(index, sale)| Valued {
                fair: fair(index, sale),
                paid: sale.price_cents as f64,
                thin: known.is_thin(sale),
            })
            .collect();
        measures::accuracy(&all)
    };
    let valued_of = |which: &dyn Fn(&Sale) -> bool| {
        let sales = market.sales.iter().zip(estimates).filter(|(sale, _)| which(sale));
        let (valued, unvalued): (Vec<_>, Vec<_>) = sales.partition(|(_, estimate)| estimate.is_some());
        measures::share(valued.len(), valued.len() + unvalued.len())
    };
    let evidence: Vec<Evidence> = market
        .sales
        .iter()
        .zip(estimates)
        .filter_map(|(sale, estimate)| Some(evidence(market, sale, estimate.as_ref()?)))
        .collect();
    let ranking = |rank: &dyn Fn(usize) -> f64| {
        let ranked: Vec<(f64, bool)> = market
            .listings
            .iter()
            .enumerate()
            // A gift is a bargain to any ranking.
            .filter(|(_, listing)| listing.offer != Offer::Free)
            .map(|(index, listing)| (rank(index), listing.is_bargain()))
            .collect();
        measures::ranking(&ranked)
    };
    // How many times over the ask a price is, as a rank; none without a price.
    let over_ask = |index: usize, fair: Option<f64>| {
        fair.map_or(f64::NEG_INFINITY, |fair| fair / (market.listings[index].price_cents as f64).max(1.0))
    };
    let listing = |index: usize| &market.listings[index];

    Figures {
        ours: by(&|index, _| estimates[index].as_ref().map(|estimate| estimate.fair_price_cents as f64)),
        category_mean: by(&|_, sale| baselines.category_mean(&sale.subject)),
        product_median: by(&|_, sale| baselines.product_median(sale.product, &sale.subject)),
        adjusted_median: by(&|_, sale| baselines.adjusted_median(sale)),
        oracle: by(&|_, sale| Some(sale.fair_cents)),
        valued_with_model: valued_of(&|sale| known.has_recent_model(market, sale)),
        valued_with_product: valued_of(&|sale| known.has_recent_product(sale)),
        on_sibling: measures::mean(&evidence.iter().map(|of| of.sibling).collect::<Vec<_>>()),
        on_other: measures::mean(&evidence.iter().map(|of| of.other).collect::<Vec<_>>()),
        mostly_other: measures::share(evidence.iter().filter(|of| of.other > 0.5).count(), evidence.len()),
        buckets: buckets(market, estimates),
        bargains: measures::share(
            market.listings.iter().filter(|listing| listing.is_bargain()).count(),
            market.listings.len(),
        ),
        ours_ranking: ranking(&|index| engine::rank(scores[index].as_ref())),
        earlier_ranking: ranking(&|index| engine::earlier_score(listing(index))),
        category_mean_ranking: ranking(&|index| {
            over_ask(index, baselines.category_mean(&listing(index).subject))
        }),
        product_median_ranking: ranking(&|index| {
            let listing = listing(index);
            over_ask(index, baselines.product_median(listing.product, &listing.subject))
        }),
        oracle_ranking: ranking(&|index| {
            let over = over_ask(index, Some(listing(index).fair_cents));
            if over <= 1.0 / IMPLAUSIBLE { over } else { f64::NEG_INFINITY }
        }),
    }
}

fn buckets(market: &Market, estimates: &[Option<Estimate>]) -> [Bucket; BUCKETS.len()] {
    /// One comp alone is 1, but for rounding.
    const ROUNDING: f64 = 1e-6;
    let mut buckets = [Bucket::default(); BUCKETS.len()];
    for (sale, estimate) in market.sales.iter().zip(estimates) {
        let Some(estimate) = estimate else { continue };
        let index = BUCKETS.iter().position(|&end| estimate.effective_comps <= end + ROUNDING);
        let bucket = &mut buckets[index.expect("the last bucket takes every finite number")];
        bucket.sales += 1;
        if (estimate.low_cents..=estimate.high_cents).contains(&sale.price_cents) {
            bucket.covered += 1;
        }
    }
    buckets
}

/// What comps the market has of a product itself, in the currency of all sales.
pub struct Known {
    /// Of each product.
    days: HashMap<usize, Vec<f64>>,
}

impl Known {
    pub fn new(market: &Market) -> Known {
        let mut known = Known { days: HashMap::new() };
        for comp in &market.comps {
            if !comp.form.is_product() || comp.comp.currency != crate::market::CURRENCY {
                continue;
            }
            known.days.entry(comp.product).or_default().push(comp.comp.day);
        }
        known
    }

    fn is_thin(&self, sale: &Sale) -> bool {
        /// As in the simulation behind the goals.
        const THIN: usize = 2;
        self.days.get(&sale.product).is_none_or(|days| days.len() <= THIN)
    }

    pub fn has_recent_product(&self, sale: &Sale) -> bool {
        self.is_recent(sale.product, sale.day)
    }

    pub fn has_recent_model(&self, market: &Market, sale: &Sale) -> bool {
        (0..market.products.len())
            .any(|other| market.same_model(other, sale.product) && self.is_recent(other, sale.day))
    }

    fn is_recent(&self, product: usize, day: f64) -> bool {
        self.days.get(&product).is_some_and(|days| days.iter().any(|&seen| seen < day && day - seen <= 365.0))
    }
}
