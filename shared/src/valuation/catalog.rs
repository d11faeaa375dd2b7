//! Where the comps of a thing are looked for: few ranges, each the newest of a term.

use std::collections::HashMap;

use super::likeness::weight;
use super::title::{Title, Word};
use super::{Comp, Model, Subject};
use crate::values::CompKind;

/// Older comps say nothing of today's price.
pub const OLDEST_DAYS: f64 = 730.0;

/// The newest comps of a term, of each kind so many.
pub const NEWEST_SOLD: usize = 24;
pub const NEWEST_ASKING: usize = 12;

/// Below this a word is decoration, by which nothing is found.
const FINDING: f64 = 0.25;
/// And below this part of what the strongest says: by a brand one finds its other models, unless the model's name is new
/// or misspelt.
const FINDING_BESIDE: f64 = 0.6;

/// The terms to look for: those that say the most, with and without the measures.
pub fn lookups(title: &Title, model: &Model) -> Vec<String> {
    let mut names: Vec<(f64, &str)> = Vec::new();
    for text in title.names() {
        let coded = text.contains(|c: char| c.is_ascii_digit());
        names.push((weight(&Word { text: text.to_owned(), coded }, model), text));
    }
    // Stable: of equal words the first, with numbers before those without.
    names.sort_by(|a, b| b.0.total_cmp(&a.0));
    let strongest = names.first().map_or(0.0, |(weight, _)| *weight);
    let least = FINDING.max(FINDING_BESIDE * strongest);
    names.retain(|(weight, _)| *weight >= least || *weight == strongest);
    // By "Fjord14" the same is found as by "Fjord", but for its other numbers.
    let begins_another =
        |name: &str| names.iter().any(|(_, other)| other.len() > name.len() && other.starts_with(name));
    let mut names: Vec<&str> =
        names.iter().map(|(_, name)| *name).filter(|name| !begins_another(name)).collect();
    names.truncate(3);

    let mut lookups = Vec::new();
    if let Some(name) = names.first() {
        for (_, measure) in title.measures.iter().take(2) {
            lookups.push(title.term_with(name, measure));
        }
    }
    lookups.extend(names.iter().map(|name| title.term(name)));
    lookups
}

/// Comps in memory, found as the database finds them.
pub struct Catalog<'c> {
    /// Oldest first.
    by_term: HashMap<(String, CompKind, &'c str), Vec<&'c Comp<'c>>>,
}

impl<'c> Catalog<'c> {
    pub fn new(comps: impl IntoIterator<Item = &'c Comp<'c>>) -> Catalog<'c> {
        let mut by_term: HashMap<_, Vec<&Comp<'_>>> = HashMap::new();
        for comp in comps {
            for term in comp.reading.terms() {
                by_term.entry((term, comp.kind, &*comp.currency)).or_default().push(comp);
            }
        }
        for comps in by_term.values_mut() {
            comps.sort_by(|a, b| a.day.total_cmp(&b.day).then(a.id.cmp(&b.id)));
        }
        Catalog { by_term }
    }

    /// What a subject may be compared with, of what was seen before a day.
    pub fn candidates(&self, subject: &Subject, model: &Model, before: f64) -> Vec<&'c Comp<'c>> {
        let mut found: Vec<&Comp<'_>> = Vec::new();
        for term in lookups(&Title::read(&subject.title), model) {
            for (kind, most) in [(CompKind::Sold, NEWEST_SOLD), (CompKind::Asking, NEWEST_ASKING)] {
                let key = (term.clone(), kind, subject.currency.as_str());
                let Some(comps) = self.by_term.get(&key) else { continue };
                let end = comps.partition_point(|comp| comp.day < before);
                found.extend(comps[..end].iter().rev().take(most));
            }
        }
        found.sort_unstable_by_key(|comp| comp.id);
        found.dedup_by_key(|comp| comp.id);
        found
    }
}
