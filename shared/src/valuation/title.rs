//! What a title says of a thing: the words that name it, its measures, and what kind of offer it is.

mod reader;
mod tokens;
mod words;

use std::collections::BTreeSet;

use self::reader::Reader;
pub use self::reader::{is_accessory, is_set_phrase_of_a_defect};
use self::tokens::{normalized, tokens};

/// What was read out of a title. Two titles of one product differ in case, punctuation, order and decoration; what is
/// kept here should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    pub offer: Offer,
    /// In their order, once each.
    pub words: Vec<Word>,
    /// Sorted.
    pub measures: Vec<Measure>,
    /// What tells a model from its siblings: pro, mini, ultra.
    pub qualifiers: BTreeSet<&'static str>,
    pub year: Option<u16>,
    /// All words with digits in one, for those who write WH-1000XM4 in three words.
    code: String,
}

/// `("storage", "64gb")`: a dimension and how much of it.
pub type Measure = (&'static str, String);

/// What is offered beside, or instead of, the thing itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    Item,
    /// The thing with others, unnamed ones.
    Bundle,
    /// So many of them.
    Lot(u32),
    /// Something for the thing, by what it is: a case, a charger.
    Accessory(String),
    Broken,
    /// Nothing is offered.
    Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// A number is in it, as in a model's name.
    pub coded: bool,
}

/// A title has at most this many terms.
const MOST_TERMS: usize = 16;

/// What a thing of this title is found by: the words of its name, and each of them with each measure.
pub fn terms(title: &str) -> Vec<String> {
    Title::read(title).terms()
}

impl Title {
    pub fn read(text: &str) -> Title {
        let text = normalized(text);
        let tokens = tokens(&text);
        let mut reader = Reader::default();
        let mut at = 0;
        while at < tokens.len() {
            at += reader.take(&tokens, at);
        }
        reader.finish()
    }

    /// As [`terms`].
    pub fn terms(&self) -> Vec<String> {
        let mut terms: Vec<String> = Vec::new();
        let mut add = |term: String| {
            if terms.len() < MOST_TERMS && !terms.contains(&term) {
                terms.push(term);
            }
        };
        for name in self.names() {
            add(self.term(name));
        }
        for name in self.names() {
            for (_, measure) in &self.measures {
                add(self.term_with(name, measure));
            }
        }
        terms
    }

    /// The words that terms are made of: coded ones first, they are the likeliest to name a model.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let of = |coded: bool| self.words.iter().filter(move |word| word.coded == coded);
        let code = (of(true).count() > 1).then_some(self.code.as_str());
        code.into_iter().chain(of(true).chain(of(false)).map(|word| word.text.as_str()))
    }

    /// A word as a term of this kind of offer: the case for a phone is not found where the phone is.
    pub fn term(&self, name: &str) -> String {
        match &self.offer {
            Offer::Item | Offer::Bundle => name.to_owned(),
            Offer::Lot(count) => format!("{count}×{name}"),
            Offer::Accessory(what) => format!("{what}:{name}"),
            Offer::Broken => format!("broken:{name}"),
            Offer::Wanted => format!("wanted:{name}"),
        }
    }

    pub fn term_with(&self, name: &str, measure: &str) -> String {
        format!("{} {measure}", self.term(name))
    }

    pub fn is_same_code(&self, other: &Title) -> bool {
        !self.code.is_empty() && self.code == other.code
    }
}

/// The number of a measure and its unit, `64gb`; terabytes as gigabytes. `None` of `xl`.
pub fn amount(value: &str) -> Option<(f64, &str)> {
    let end = value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
    let number = value[..end].parse::<f64>().ok().filter(|number| *number > 0.0)?;
    match &value[end..] {
        "tb" => Some((number * 1024.0, "gb")),
        unit => Some((number, unit)),
    }
}

impl Word {
    /// The same word; of names with numbers, `R5` is also what `EOS R5` ends with.
    pub fn is_same(&self, other: &Word) -> bool {
        if self.text == other.text {
            return true;
        }
        if !(self.coded && other.coded) {
            return false;
        }
        let (short, long) = if self.text.len() < other.text.len() { (self, other) } else { (other, self) };
        let Some(rest) = long.text.strip_suffix(&short.text) else { return false };
        // "12" is no end of "512".
        !(rest.ends_with(|c: char| c.is_ascii_digit())
            && short.text.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Perhaps the same word, by a slip of the pen.
    pub fn is_slip_of(&self, other: &Word) -> bool {
        !self.coded && !other.coded && is_slip(&self.text, &other.text)
    }

    pub fn is_plural_of(&self, other: &Word) -> bool {
        self.text.strip_suffix('s') == Some(&other.text)
    }
}

/// One letter wrong, missing, too many, or two exchanged, in words long enough for that to be no other word.
fn is_slip(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return is_slip_in(a.as_bytes(), b.as_bytes());
    }
    is_slip_in(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
}

fn is_slip_in<T: PartialEq>(a: &[T], b: &[T]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() < 5 || long.len() - short.len() > 1 {
        return false;
    }
    let start = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let end = short.iter().rev().zip(long.iter().rev()).take_while(|(a, b)| a == b).count();
    if short.len() < long.len() {
        return start + end >= short.len();
    }
    let differing = short.len().saturating_sub(start + end);
    differing == 1 || differing == 2 && short[start] == long[start + 1] && short[start + 1] == long[start]
}

#[cfg(test)]
mod tests;
