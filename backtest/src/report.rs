//! What is printed: a table for each market, with a mark at each goal.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use crate::market::{Dirt, Market};
use crate::measures::{Accuracy, Ranking};
use crate::trial::{BUCKETS, Figures};

/// The goals of the product, as shares of 1.
const MEDIAN_ERROR: f64 = 0.155;
const MEDIAN_ERROR_IN_DIRT: f64 = 0.18;
const BIAS: f64 = 0.02;
const COVERAGE: (f64, f64) = (0.87, 0.93);
const VALUED: f64 = 0.90;
const PRECISION_AT_50: f64 = 0.85;
const TIMES_EARLIER: f64 = 5.0;
/// More bad comps than this is dirt.
const CLEAN: f64 = 0.1;
/// Coverage of fewer sales says nothing: its own error is 4 points.
const FEW: usize = 50;

pub struct Goal {
    pub name: String,
    pub met: bool,
}

pub fn market(seed: u64, dirt: Dirt, market: &Market, figures: &Figures) -> Vec<Goal> {
    println!(
        "seed {seed}, {:.0} % bad comps, {:.0} % scams{}: {} products, {} comps, {} sales, {} listings",
        100.0 * dirt.bad_comps,
        100.0 * dirt.scams,
        if dirt.tidy_titles { ", tidy titles" } else { "" },
        market.products.len(),
        market.comps.len(),
        market.sales.len(),
        market.listings.len(),
    );
    println!();
    println!("  fair price            valued  error  thin  in 20 %  bias: median    mean");
    accuracy("ours", &figures.ours);
    accuracy("category mean of 25", &figures.category_mean);
    accuracy("product median", &figures.product_median);
    accuracy("true adjustments", &figures.adjusted_median);
    accuracy("oracle", &figures.oracle);
    println!();
    println!(
        "  valued, with a comp of the model in a year {:.1} %, of the very product {:.1} %",
        100.0 * figures.valued_with_model,
        100.0 * figures.valued_with_product,
    );
    println!(
        "  evidence by weight: on another variant {:.1} %, on another product {:.1} % (mostly, for {:.1} % of titles)",
        100.0 * figures.on_sibling,
        100.0 * figures.on_other,
        100.0 * figures.mostly_other,
    );
    println!();
    println!("  effective comps      0-1     1-2     2-4     4-8      8+");
    print!("  sales            ");
    for bucket in &figures.buckets {
        print!("{:8}", bucket.sales);
    }
    println!();
    print!("  in the interval  ");
    for bucket in &figures.buckets {
        print!("{:6.1} %", 100.0 * bucket.covered as f64 / bucket.sales as f64);
    }
    println!();
    println!();
    println!("  ranking ({:.1} % are bargains)  at 50  at 200  average precision", 100.0 * figures.bargains);
    ranking("ours", &figures.ours_ranking);
    ranking("deal_score_v1", &figures.earlier_ranking);
    ranking("category mean of 25", &figures.category_mean_ranking);
    ranking("product median", &figures.product_median_ranking);
    ranking("oracle, plausible asks", &figures.oracle_ranking);
    println!();
    let goals = goals(dirt, figures);
    for goal in &goals {
        println!("  {}  {}", if goal.met { "PASS" } else { "MISS" }, goal.name);
    }
    println!();
    goals
}

pub fn end(goals: &[Goal], seeds: &[u64]) {
    let met = goals.iter().filter(|goal| goal.met).count();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    println!("{met} of {} goals met; seeds {}", goals.len(), seeds.join(" "));
}

pub fn line(text: &str) {
    println!("{text}");
}

fn accuracy(name: &str, accuracy: &Accuracy) {
    println!(
        "  {name:<20} {:5.1} % {:4.1} % {:4.1} % {:5.1} %  {:+11.1} % {:+5.1} %",
        100.0 * accuracy.valued,
        100.0 * accuracy.median_error,
        100.0 * accuracy.thin_error,
        100.0 * accuracy.within_20_percent,
        100.0 * accuracy.median_bias,
        100.0 * accuracy.mean_bias,
    );
}

fn ranking(name: &str, ranking: &Ranking) {
    println!(
        "  {name:<29} {:4.2}    {:4.2}  {:17.2}",
        ranking.precision_at_50, ranking.precision_at_200, ranking.average_precision,
    );
}

fn goals(dirt: Dirt, figures: &Figures) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |met: bool, name: String| goals.push(Goal { name, met });
    let ours = &figures.ours;

    let limit = if dirt.bad_comps > CLEAN { MEDIAN_ERROR_IN_DIRT } else { MEDIAN_ERROR };
    goal(
        ours.median_error <= limit,
        format!("median error {:.1} % (at most {:.1} %)", 100.0 * ours.median_error, 100.0 * limit),
    );
    goal(
        ours.median_bias.abs() <= BIAS,
        format!("bias {:+.1} % (within {:.0} %)", 100.0 * ours.median_bias, 100.0 * BIAS),
    );
    goal(
        figures.valued_with_model >= VALUED,
        format!("valued {:.1} % (at least {:.0} %)", 100.0 * figures.valued_with_model, 100.0 * VALUED),
    );
    let mut from = 0.0;
    for (bucket, end) in figures.buckets.iter().zip(BUCKETS) {
        let covered = bucket.covered as f64 / bucket.sales as f64;
        if bucket.sales >= FEW {
            let (low, high) = (100.0 * COVERAGE.0, 100.0 * COVERAGE.1);
            let name = format!(
                "covered {:.1} % ({low:.0} to {high:.0} %) from {from} effective comps",
                100.0 * covered
            );
            goal((COVERAGE.0..=COVERAGE.1).contains(&covered), name);
        }
        from = end;
    }
    let (first, earlier) = (figures.ours_ranking.precision_at_50, figures.earlier_ranking.precision_at_50);
    // The goal is set for a market with few scams and few bad comps; the others are for comparison.
    if dirt.bad_comps <= CLEAN && dirt.scams <= 0.01 {
        goal(first >= PRECISION_AT_50, format!("precision at 50 {first:.2} (at least {PRECISION_AT_50:.2})"));
        goal(
            first >= TIMES_EARLIER * earlier,
            format!("{:.1} times that of deal_score_v1 (at least {TIMES_EARLIER:.0})", first / earlier),
        );
    }
    goals
}
