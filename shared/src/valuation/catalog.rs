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
    let mut names: Vec<(f64, String)> = Vec::new();
    for text in title.names() {
        let coded = text.contains(|c: char| c.is_ascii_digit());
        let word = Word { text, coded };
        names.push((weight(&word, model), word.text));
    }
    // Stable: of equal words the first, with numbers before those without.
    names.sort_by(|a, b| b.0.total_cmp(&a.0));
    let strongest = names.first().map_or(0.0, |(weight, _)| *weight);
    let least = FINDING.max(FINDING_BESIDE * strongest);
    names.retain(|(weight, _)| *weight >= least || *weight == strongest);
    // By "Fjord14" the same is found as by "Fjord", but for its other numbers.
    let begins_another =
        |name: &str| names.iter().any(|(_, other)| other.len() > name.len() && other.starts_with(name));
    let mut names: Vec<String> =
        names.iter().filter(|(_, name)| !begins_another(name)).map(|(_, name)| name.clone()).collect();
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

/// A comp with its title read.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'c> {
    pub comp: &'c Comp,
    pub title: &'c Title,
}

/// Comps in memory, found as the database finds them.
pub struct Catalog<'c> {
    comps: &'c [Comp],
    titles: Vec<Title>,
    /// Oldest first.
    by_term: HashMap<(String, CompKind, &'c str), Vec<usize>>,
}

impl<'c> Catalog<'c> {
    pub fn new(comps: &'c [Comp]) -> Catalog<'c> {
        let mut catalog = Catalog::of_one_subject(comps);
        let by_term = &mut catalog.by_term;
        for (index, (comp, title)) in comps.iter().zip(&catalog.titles).enumerate() {
            for term in title.terms() {
                by_term.entry((term, comp.kind, comp.currency.as_str())).or_default().push(index);
            }
        }
        for indexes in by_term.values_mut() {
            indexes
                .sort_by(|&a, &b| comps[a].day.total_cmp(&comps[b].day).then(comps[a].id.cmp(&comps[b].id)));
        }
        catalog
    }

    /// Comps that were looked up for one subject, which need no terms.
    pub fn of_one_subject(comps: &'c [Comp]) -> Catalog<'c> {
        let titles = comps.iter().map(|comp| Title::read(&comp.title)).collect();
        Catalog { comps, titles, by_term: HashMap::new() }
    }

    /// What a subject may be compared with, of what was seen before a day.
    pub fn candidates(&self, subject: &Subject, model: &Model, before: f64) -> Vec<Candidate<'_>> {
        let mut found: Vec<usize> = Vec::new();
        for term in lookups(&Title::read(&subject.title), model) {
            for (kind, most) in [(CompKind::Sold, NEWEST_SOLD), (CompKind::Asking, NEWEST_ASKING)] {
                let key = (term.clone(), kind, subject.currency.as_str());
                let Some(indexes) = self.by_term.get(&key) else { continue };
                let end = indexes.partition_point(|&index| self.comps[index].day < before);
                found.extend(indexes[..end].iter().rev().take(most));
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| self.candidate(index)).collect()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Candidate<'_>> {
        (0..self.comps.len()).map(|index| self.candidate(index)).collect()
    }

    fn candidate(&self, index: usize) -> Candidate<'_> {
        Candidate { comp: &self.comps[index], title: &self.titles[index] }
    }
}
