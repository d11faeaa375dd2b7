//! Where the engine went wrong, by kind, with the titles: for whoever improves it.

use shared::valuation::Estimate;

use crate::engine;
use crate::market::{BARGAIN, Listing, Market, Offer, Sale};
use crate::report::line;
use crate::trial::{self, Known, Trial};

const EXAMPLES: usize = 8;

pub fn print(trial: &Trial) {
    let Trial { market, estimates, listing_estimates, scores, .. } = trial;
    let known = Known::new(market);

    let missed = market
        .sales
        .iter()
        .zip(estimates)
        .filter(|(sale, estimate)| estimate.is_none() && known.has_recent_product(sale));
    kind("no value, though the very product has a comp", missed.map(|(sale, _)| of_sale(market, sale, None)));

    let missed = market.sales.iter().zip(estimates).filter(|(sale, estimate)| {
        estimate.is_none() && !known.has_recent_product(sale) && known.has_recent_model(market, sale)
    });
    kind("no value, though a sibling has a comp", missed.map(|(sale, _)| of_sale(market, sale, None)));

    let valued: Vec<(&Sale, &Estimate)> = market
        .sales
        .iter()
        .zip(estimates)
        .filter_map(|(sale, estimate)| Some((sale, estimate.as_ref()?)))
        .collect();
    let wrong = |which: &dyn Fn(trial::Evidence) -> bool, is_known: bool| {
        valued
            .iter()
            .filter(|(sale, estimate)| which(trial::evidence(market, sale, estimate)))
            .filter(|(sale, _)| known.has_recent_product(sale) == is_known)
            .map(|(sale, estimate)| of_sale(market, sale, Some(estimate)))
            .collect::<Vec<_>>()
            .into_iter()
    };
    kind("another product's comps, though there are its own", wrong(&|of| of.other > 0.5, true));
    kind("another product's comps, having none of its own", wrong(&|of| of.other > 0.5, false));
    kind("a sibling's comps, though there are its own", wrong(&|of| of.sibling > 0.5, true));
    let far = |far: &dyn Fn(f64) -> bool| {
        valued
            .iter()
            .filter(|(sale, estimate)| far((estimate.fair_price_cents as f64 / sale.fair_cents).ln()))
            .filter(|(sale, estimate)| {
                let evidence = trial::evidence(market, sale, estimate);
                evidence.other + evidence.sibling <= 0.5
            })
            .map(|(sale, estimate)| of_sale(market, sale, Some(estimate)))
            .collect::<Vec<_>>()
            .into_iter()
    };
    kind("the right comps, yet over 1.5 times too high", far(&|error| error > 1.5_f64.ln()));
    kind("the right comps, yet over 1.5 times too low", far(&|error| error < -1.5_f64.ln()));

    let mut ranked: Vec<usize> = (0..market.listings.len()).collect();
    ranked.retain(|&index| engine::rank(scores[index].as_ref()) > f64::NEG_INFINITY);
    ranked.sort_by(|&one, &other| {
        engine::rank(scores[other].as_ref()).total_cmp(&engine::rank(scores[one].as_ref()))
    });
    let top = ranked.iter().take(200).map(|&index| (&market.listings[index], &listing_estimates[index]));
    kind(
        "no bargain among the first 200",
        top.filter(|(listing, _)| !listing.is_bargain()).map(|(listing, estimate)| {
            of_listing(listing)
                + &estimate.as_ref().map_or_else(String::new, |estimate| of_estimate(market, estimate))
        }),
    );
    let held = market.listings.iter().zip(scores).filter(|(listing, score)| {
        listing.is_bargain()
            && score.as_ref().is_some_and(|score| engine::rank(Some(score)) == f64::NEG_INFINITY)
    });
    kind("a bargain held back for verification", held.map(|(listing, _)| of_listing(listing)));
    let unscored = market.listings.iter().zip(scores);
    let unscored = unscored.filter(|(listing, score)| listing.is_bargain() && score.is_none());
    kind("a bargain without a score", unscored.map(|(listing, _)| of_listing(listing)));
    let placeholders = market.listings.iter().zip(scores).filter(|(listing, score)| {
        listing.offer == Offer::Placeholder
            && (listing.price_cents as f64) < BARGAIN * listing.fair_cents
            && engine::rank(score.as_ref()) > f64::NEG_INFINITY
    });
    kind("a cheap placeholder not held back", placeholders.map(|(listing, _)| of_listing(listing)));
}

fn kind(name: &str, examples: impl Iterator<Item = String>) {
    let all: Vec<String> = examples.collect();
    line(&format!("  {name}: {}", all.len()));
    // Spread over all of them.
    for example in all.iter().step_by((all.len() / EXAMPLES).max(1)).take(EXAMPLES) {
        line(&format!("    {example}"));
    }
}

fn of_sale(market: &Market, sale: &Sale, estimate: Option<&Estimate>) -> String {
    let mut text = format!("“{}” true {:.0}", sale.subject.title, sale.fair_cents / 100.0);
    if let Some(estimate) = estimate {
        text += &of_estimate(market, estimate);
    } else {
        let own = market
            .comps
            .iter()
            .filter(|comp| comp.form.is_product() && market.same_model(comp.product, sale.product));
        let mut own: Vec<_> = own.collect();
        own.sort_by(|one, other| other.comp.day.total_cmp(&one.comp.day));
        text += &format!(" [{} comps]", own.len());
        for comp in own.iter().take(3) {
            text += &format!(" “{}”", comp.comp.title);
        }
    }
    text
}

fn of_estimate(market: &Market, estimate: &Estimate) -> String {
    let mut text = format!(
        " valued {:.0} by {:.1}:",
        estimate.fair_price_cents as f64 / 100.0,
        estimate.effective_comps
    );
    let mut evidence: Vec<_> = estimate.evidence.iter().collect();
    evidence.sort_by(|one, other| other.weight.total_cmp(&one.weight));
    for item in evidence.iter().take(3) {
        let comp = &market.comps[item.comp_id as usize];
        let bad = if comp.bad { ", bad" } else { "" };
        text += &format!(
            " “{}” {:.0} ({:.2}{bad})",
            comp.comp.title,
            comp.comp.price_cents as f64 / 100.0,
            item.weight
        );
    }
    text
}

fn of_listing(listing: &Listing) -> String {
    format!(
        "“{}” {:?} {:?} for {:.0}, fair {:.0} {}",
        listing.subject.title,
        listing.form,
        listing.offer,
        listing.price_cents as f64 / 100.0,
        listing.fair_cents / 100.0,
        listing.subject.currency,
    )
}
