use std::collections::HashSet;

use shared::values::CompKind;

use super::comps::SALES;
use super::goods::CATEGORIES;
use super::listings::LISTINGS;
use super::*;

const SEED: u64 = 5;

fn share<T>(of: &[T], which: impl Fn(&T) -> bool) -> f64 {
    of.iter().filter(|&item| which(item)).count() as f64 / of.len() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn a_seed_is_a_market_to_the_bit() {
    assert_eq!(Market::generate(SEED, DIRT[0]), Market::generate(SEED, DIRT[0]));
    assert_ne!(Market::generate(SEED, DIRT[0]).products, Market::generate(SEED + 1, DIRT[0]).products);
}

#[test]
fn dirt_changes_prices_alone() {
    let clean = Market::generate(SEED, DIRT[0]);
    let dirty = Market::generate(SEED, DIRT[1]);
    assert_eq!(clean.products, dirty.products);
    assert_eq!(clean.sales, dirty.sales);
    assert_eq!(clean.listings, dirty.listings);
    for (clean, dirty) in clean.comps.iter().zip(&dirty.comps) {
        assert_eq!(clean.comp.title, dirty.comp.title);
        assert!(dirty.bad || clean == dirty);
    }
    assert!((share(&clean.comps, |comp| comp.bad) - 0.08).abs() < 0.01);
    assert!((share(&dirty.comps, |comp| comp.bad) - 0.20).abs() < 0.015);
}

#[test]
fn the_market_has_thin_and_thick_products() {
    let market = Market::generate(SEED, DIRT[0]);
    assert_eq!(market.products.len(), 25 * CATEGORIES.len());
    let mut counts = vec![0; market.products.len()];
    for comp in &market.comps {
        counts[comp.product] += 1;
    }
    assert!((10_000..18_000).contains(&market.comps.len()), "{}", market.comps.len());
    let thin = share(&counts, |&count| count <= 2);
    assert!((0.2..0.4).contains(&thin), "{thin}");
    assert!(counts.iter().any(|&count| count > 150));
    let models: HashSet<usize> = market.products.iter().map(|product| product.model).collect();
    assert!((500..800).contains(&models.len()), "{}", models.len());
}

#[test]
fn comps_come_before_today_and_sales_after() {
    let market = Market::generate(SEED, DIRT[0]);
    assert!(market.comps.iter().all(|comp| comp.comp.day <= TODAY));
    assert!(market.comps.iter().enumerate().all(|(index, comp)| comp.comp.id == index as i64));
    assert!(market.sales.iter().all(|sale| sale.day >= TODAY));
    assert_eq!(market.sales.len(), SALES);
    let asking = share(&market.comps, |comp| comp.comp.kind == CompKind::Asking);
    assert!((0.30..0.40).contains(&asking), "{asking}");
}

#[test]
fn the_oracle_errs_by_twelve_percent() {
    let market = Market::generate(SEED, DIRT[0]);
    let errors = market.sales.iter().map(|sale| (sale.fair_cents / sale.price_cents as f64 - 1.0).abs());
    let error = median(errors.collect());
    assert!((0.115..0.130).contains(&error), "{error}");
}

#[test]
fn one_listing_in_twenty_is_a_bargain() {
    for (dirt, scams) in [(DIRT[0], 0.01), (DIRT[2], 0.03)] {
        let listings = Market::generate(SEED, dirt).listings;
        assert_eq!(listings.len(), LISTINGS);
        let bargains = share(&listings, Listing::is_bargain);
        assert!((0.04..0.065).contains(&bargains), "{bargains}");
        // Scams are of products alone.
        let scam = share(&listings, |listing| listing.offer == Offer::Scam);
        assert!((scam - 0.9 * scams).abs() < 0.004, "{scam}");
        assert!(listings.iter().all(|listing| listing.offer != Offer::Scam || !listing.is_bargain()));
        let items: HashSet<usize> = listings.iter().map(|listing| listing.item).collect();
        assert!(items.len() < 19_000);
        let keys: HashSet<_> = listings.iter().map(|listing| (listing.item, listing.source)).collect();
        assert_eq!(keys.len(), LISTINGS);
    }
}

#[test]
fn titles_are_what_a_database_takes() {
    let market = Market::generate(SEED, DIRT[0]);
    let titles = market.comps.iter().map(|comp| &*comp.comp.title);
    let titles = titles.chain(market.sales.iter().map(|sale| sale.subject.title.as_str()));
    for title in titles.chain(market.listings.iter().map(|listing| listing.subject.title.as_str())) {
        assert!(!title.trim().is_empty() && title.chars().count() <= 255, "{title}");
    }
}
