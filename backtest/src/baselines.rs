//! What the engine is compared with.

use std::collections::HashMap;

use shared::valuation::{Comp, Subject};

use crate::market::{CURRENCY, Market, Sale};
use crate::measures::median;

/// Simple estimates, from the comps in dollars.
pub struct Baselines<'m> {
    market: &'m Market,
    category_means: HashMap<String, f64>,
    by_product: HashMap<usize, Vec<&'m Comp<'m>>>,
    product_medians: HashMap<usize, f64>,
}

impl<'m> Baselines<'m> {
    pub fn new(market: &'m Market) -> Baselines<'m> {
        /// As the earlier system averaged.
        const NEWEST: usize = 25;
        let mut by_category: HashMap<&str, Vec<&Comp<'_>>> = HashMap::new();
        let mut by_product: HashMap<usize, Vec<&Comp<'_>>> = HashMap::new();
        for market_comp in &market.comps {
            let comp = &market_comp.comp;
            if comp.currency != CURRENCY {
                continue;
            }
            by_category.entry(&comp.category).or_default().push(comp);
            if market_comp.form.is_product() {
                by_product.entry(market_comp.product).or_default().push(comp);
            }
        }
        let category_means = by_category
            .into_iter()
            .map(|(category, mut comps)| {
                comps.sort_by(|one, other| other.day.total_cmp(&one.day));
                comps.truncate(NEWEST);
                let sum: f64 = comps.iter().map(|comp| comp.price_cents as f64).sum();
                (category.to_owned(), sum / comps.len() as f64)
            })
            .collect();
        let product_medians = by_product
            .iter()
            .map(|(&product, comps)| {
                let mut prices: Vec<f64> = comps.iter().map(|comp| comp.price_cents as f64).collect();
                (product, median(&mut prices))
            })
            .collect();
        Baselines { market, category_means, by_product, product_medians }
    }

    /// The mean of the newest in the category that the seller chose.
    pub fn category_mean(&self, subject: &Subject) -> Option<f64> {
        let category = subject.category.as_ref()?;
        self.category_means.get(category).copied().filter(|_| subject.currency == CURRENCY)
    }

    /// The median of all comps of the product, told which product it is.
    pub fn product_median(&self, product: usize, subject: &Subject) -> Option<f64> {
        self.product_medians.get(&product).copied().filter(|_| subject.currency == CURRENCY)
    }

    /// The same, of prices adjusted by the true effects of condition, age and asking: what is left is the noise of few
    /// comps, bad ones, and what the title and the seller do not tell.
    pub fn adjusted_median(&self, sale: &Sale) -> Option<f64> {
        let comps = self.by_product.get(&sale.product)?;
        let adjusted = comps
            .iter()
            .map(|comp| self.market.adjusted(comp, sale.product, sale.subject.condition, sale.day));
        Some(median(&mut adjusted.collect::<Vec<_>>()).exp())
    }
}
