//! Listings of different marketplaces that are one and the same item. Surely rather than completely: a listing too
//! many in a feed is a nuisance, one that is missing is a loss.

use super::likeness::{Weighed, weight};
use super::title::{Title, Word};
use super::{Model, miles};
use crate::values::Condition;

/// A listing as far as it may be another one's twin.
#[derive(Debug, Clone, PartialEq)]
pub struct Posting {
    pub listing_id: i64,
    pub source: String,
    pub title: Title,
    pub price_cents: i64,
    pub condition: Option<Condition>,
    pub place: (f64, f64),
}

const LEAST_SIMILARITY: f64 = 0.8;
/// As a logarithm: sellers ask the same everywhere, fees aside.
const PRICE_APART: f64 = 0.05;
/// Marketplaces blur where a thing is.
const MILES_APART: f64 = 1.0;

/// What listings of one item have in common whatever their titles say besides; `None` when nothing is named.
pub fn product(title: &Title, currency: &str, model: &Model) -> Option<String> {
    let strongest: &Word = title
        .words
        .iter()
        .max_by(|a, b| weight(a, model).total_cmp(&weight(b, model)).then(b.text.cmp(&a.text)))?;
    let mut product = format!("{currency} {}", title.term(&strongest.text));
    for (_, measure) in &title.measures {
        product.push(' ');
        product.push_str(measure);
    }
    Some(product)
}

/// For each posting of a product the cluster it belongs to: the smallest id of its members, `None` when it is alone.
/// Members are each other's twins, all of them, and no source has two.
pub fn clusters(postings: &[Posting], model: &Model) -> Vec<Option<i64>> {
    let mut order: Vec<usize> = (0..postings.len()).collect();
    order.sort_by_key(|&index| postings[index].listing_id);
    let mut clusters: Vec<Vec<usize>> = Vec::new();
    for index in order {
        let fits = |members: &&mut Vec<usize>| {
            members.iter().all(|&member| are_twins(&postings[index], &postings[member], model))
        };
        match clusters.iter_mut().find(fits) {
            Some(members) => members.push(index),
            None => clusters.push(vec![index]),
        }
    }
    let mut found = vec![None; postings.len()];
    for members in clusters.iter().filter(|members| members.len() > 1) {
        for &index in members {
            found[index] = Some(postings[members[0]].listing_id);
        }
    }
    found
}

fn are_twins(one: &Posting, other: &Posting, model: &Model) -> bool {
    let gap = (one.price_cents.max(1) as f64 / other.price_cents.max(1) as f64).ln().abs();
    let conditions = !matches!((one.condition, other.condition), (Some(a), Some(b)) if a != b);
    one.source != other.source
        && gap <= PRICE_APART
        && conditions
        && miles(one.place, other.place) <= MILES_APART
        // Each marketplace has categories of its own.
        && Weighed::new(&one.title, model)
            .likeness(&other.title, true)
            .is_some_and(|like| !like.sibling && like.similarity >= LEAST_SIMILARITY)
}
