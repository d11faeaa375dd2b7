//! Tokens read one after the other: set phrases, numbers with their units, what comes with a thing or is for it, and
//! what is left, its name.

use std::collections::BTreeSet;

use super::tokens::Token;
use super::words::{
    Meaning, PURPOSES, QUALIFIERS, WORKS, begins_phrase, counted, is_time_unit, meaning, unit,
};
use super::{Measure, Offer, Title, Word};

#[derive(Clone, Default)]
pub struct Reader {
    words: Vec<Word>,
    measures: Vec<Measure>,
    qualifiers: BTreeSet<&'static str>,
    year: Option<u16>,
    accessory: Option<String>,
    count: Option<u32>,
    bundle: bool,
    broken: bool,
    wanted: bool,
    /// So many of the next tokens may come with the thing: "with case and charger".
    included: usize,
}

impl Reader {
    /// Reads what begins at this token; returns how many tokens that was.
    pub fn take(&mut self, tokens: &[Token<'_>], at: usize) -> usize {
        self.included = self.included.saturating_sub(1);
        let text = tokens[at].text;
        let word = |offset: usize| tokens.get(at + offset).map_or("", |token| token.text);
        if matches!(text, "$" | "€" | "£") {
            return 2;
        }
        if word(1) == "%" {
            return 2;
        }
        let may_begin_phrase = tokens[at].is_coded() || begins_phrase(text);
        debug_assert!(
            may_begin_phrase || self.clone().take_phrase(text, word(1), word(2)).is_none(),
            "a set phrase begins with {text}"
        );
        if may_begin_phrase && let Some(taken) = self.take_phrase(text, word(1), word(2)) {
            return taken;
        }
        if tokens[at].is_number() {
            return self.take_number(tokens, at);
        }
        // 256G is no weight.
        if let Some(number @ ("32" | "64" | "128" | "256" | "512")) = text.strip_suffix('g') {
            self.measure(number, "gb", word(1));
            return 1;
        }
        if let Some((number, unit)) = number_with_unit(text) {
            self.measure(number, unit, word(1));
            return 1;
        }
        self.take_word(tokens, at)
    }

    /// What says that a thing does not work, or that nothing is wrong with it.
    fn take_defect(&mut self, first: &str, second: &str, third: &str) -> Option<usize> {
        let taken = match (first, second, third) {
            ("no", "longer", does) | ("does" | "did" | "do" | "will" | "is", "not", does)
                if WORKS.contains(&does) =>
            {
                3
            }
            (
                "not" | "non" | "isnt" | "doesnt" | "didnt" | "dont" | "wont" | "cant" | "stopped" | "quit",
                does,
                _,
            ) if WORKS.contains(&does) => 2,
            _ if is_set_phrase_of_a_defect(first, second) => 2,
            ("turn", "on", _) => 2,
            ("no", "power", cord) if cord != "supply" && !is_accessory(cord) => 2,
            ("needs", "work", _) => 2,
            // "Never broken" is as good as it gets.
            ("not" | "never" | "nothing" | "isnt", defect, _) if meaning(defect) == Some(Meaning::Broken) => {
                return Some(2);
            }
            _ => return None,
        };
        self.broken = true;
        Some(taken)
    }

    /// Set phrases, whose first word has a digit or is one that [`begins_phrase`]; hardly any of them names the thing.
    fn take_phrase(&mut self, first: &str, second: &str, third: &str) -> Option<usize> {
        if let Some(taken) = self.take_defect(first, second, third) {
            return Some(taken);
        }
        let number = |text: &str| text.parse::<u32>().ok().filter(|count| (1..=500).contains(count));
        match (first, second, third) {
            ("lot" | "set" | "pack" | "box" | "case", "of", count) if number(count).is_some() => {
                self.count = number(count);
                return Some(3);
            }
            ("lot" | "bundle", count, _) if number(count).is_some_and(|count| count > 1) => {
                self.count = number(count);
                return Some(2);
            }
            ("with" | "w" | "+" | "plus", "extras", _) | ("pair", "of", _) => return Some(2),
            // A laptop 2-in-1.
            (count, "in", "1" | "one") if number(count).is_some() => return Some(3),
            // What is not there, or comes with the thing, is not what is offered.
            ("no" | "without" | "missing", "power", _) => return Some(3),
            ("no" | "without" | "missing", absent, _) if is_plain(absent) => return Some(2),
            ("and", accessory, _) if !self.words.is_empty() && is_accessory(accessory) => return Some(2),
            ("f", "/", aperture) if aperture.trim_end_matches('l').parse::<f64>().is_ok() => {
                self.word(["f", aperture].concat(), true);
                return Some(3);
            }
            (width, "x", depth) if number(width).is_some() && number(depth).is_some() => {
                self.measures.push(("dimensions", [width, "x", depth].concat()));
                return Some(3);
            }
            ("box" | "manual" | "case" | "lid" | "cover", "only", _) | ("empty", "box", _) => {
                let what = if first == "empty" { "box" } else { first };
                self.accessory.get_or_insert_with(|| what.to_owned());
                return Some(2);
            }
            ("looking", "for", _) | ("in", "search", _) => {
                self.wanted = true;
                return Some(2);
            }
            ("size" | "sz", size, _) if !size.is_empty() => {
                self.measures.push(("size", size.to_owned()));
                return Some(2);
            }
            ("gen" | "generation" | "mk" | "mark", generation, _) if ordinal(generation).is_some() => {
                self.generation(ordinal(generation)?);
                return Some(2);
            }
            (generation, "gen" | "generation", _) if ordinal(generation).is_some() => {
                self.generation(ordinal(generation)?);
                return Some(2);
            }
            _ => {}
        }
        if matches!(first, "paid" | "retail" | "msrp" | "asking") && second.parse::<f64>().is_ok() {
            return Some(2);
        }
        // 2x at the beginning, x2 at the end; there are things that are called so.
        let count = match (first.strip_suffix('x'), first.strip_prefix('x')) {
            (Some(count), _) if self.words.is_empty() => number(count),
            (_, Some(count)) if second.is_empty() && self.words.iter().any(|word| word.coded) => {
                number(count)
            }
            _ => None,
        };
        self.count = Some(count.filter(|&count| count <= 20)?);
        Some(1)
    }

    fn take_number(&mut self, tokens: &[Token<'_>], at: usize) -> usize {
        let text = tokens[at].text;
        let word = |offset: usize| tokens.get(at + offset).map_or("", |token| token.text);
        // 10/10, 9/10: a mark; 8/256gb: memory and storage.
        if word(1) == "/" {
            if let Some((number, unit @ ("gb" | "tb"))) = number_with_unit(word(2)) {
                self.measures.push(("memory", [text, "gb"].concat()));
                self.measure(number, unit, "");
                return 3;
            }
            if matches!(word(2), "5" | "10" | "100") {
                return 3;
            }
            if matches!(text, "4" | "8" | "16" | "32") && matches!(word(2), "64" | "128" | "256" | "512") {
                self.measures.push(("memory", [text, "gb"].concat()));
                self.measure(word(2), "gb", "");
                return 3;
            }
        }
        let next = word(1);
        // 28-70mm
        if matches!(number_with_unit(next), Some((_, "mm"))) && tokens[at + 1].hyphenated {
            self.measures.push(("millimetres", [text, "-", next].concat()));
            return 2;
        }
        if is_time_unit(next) {
            return if word(2) == "old" { 3 } else { 2 };
        }
        if matches!(next, "pack" | "pk" | "pcs" | "pieces" | "lot") {
            self.count = text.parse().ok().filter(|&count| count > 1);
            return 2;
        }
        if let Some(counted) = counted(next) {
            self.measures.push((counted, [text, counted].concat()));
            return 2;
        }
        if is_unit(tokens, at + 1) {
            self.measure(text, next, word(2));
            return 2;
        }
        if let Ok(year) = text.parse::<u16>()
            && (1950..=2035).contains(&year)
        {
            self.year = Some(year);
            return 1;
        }
        // A console with 3 games is none of another name.
        let before = at.checked_sub(1).map_or("", |before| tokens[before].text);
        if before == "and" || before == "/" && self.included > 0 || meaning(before) == Some(Meaning::Included)
        {
            return 2;
        }
        // Two chairs.
        if at == 0 && matches!(text, "2" | "3" | "4" | "5" | "6" | "8") && is_plain(next) {
            self.count = text.parse().ok();
            return 1;
        }
        self.code(text);
        1
    }

    /// A number belongs to the word before it: iPhone 12, Marlin 5. One without such a word stands for itself.
    fn code(&mut self, number: &str) {
        let text = match self.words.last() {
            Some(last) if !last.text.ends_with(|c: char| c.is_ascii_digit()) => [&last.text, number].concat(),
            _ => number.to_owned(),
        };
        self.word(text, true);
    }

    fn take_word(&mut self, tokens: &[Token<'_>], at: usize) -> usize {
        let text = tokens[at].text;
        match meaning(text) {
            Some(Meaning::Wanted) => self.wanted = true,
            Some(Meaning::Broken) => self.broken = true,
            // What came before it.
            Some(Meaning::Included) if text == "included" && !self.words.is_empty() => self.accessory = None,
            Some(Meaning::Included) => self.included = 5,
            _ if matches!(text, "bundle" | "bundled" | "lot") => self.bundle = true,
            _ if text == "for" => self.take_for(tokens, at),
            Some(Meaning::Accessory(accessory)) if self.included == 0 => {
                self.accessory.get_or_insert_with(|| accessory.to_owned());
            }
            Some(Meaning::Size(size)) => self.measures.push(("size", size.to_owned())),
            Some(Meaning::Qualifier(qualifier)) => {
                self.qualifiers.insert(qualifier);
            }
            Some(Meaning::Accessory(_) | Meaning::Noise) => {}
            None if text.chars().any(char::is_alphanumeric) => return self.take_name(tokens, at),
            None => {}
        }
        1
    }

    /// Casters for an Acme chair; not a chair for sale.
    fn take_for(&mut self, tokens: &[Token<'_>], at: usize) {
        let next = tokens.get(at + 1).map_or("", |token| token.text);
        if let Some(last) = self.words.last()
            && tokens.len() > at + 2
            && meaning(next) != Some(Meaning::Noise)
            && !PURPOSES.contains(&next)
            && self.words.iter().all(|word| !word.coded)
        {
            let what = last.text.clone();
            self.accessory.get_or_insert(what);
            self.words.clear();
        }
    }

    fn take_name(&mut self, tokens: &[Token<'_>], at: usize) -> usize {
        let text = tokens[at].text;
        if tokens[at].is_coded() {
            if is_width_by_depth(text) {
                self.measures.push(("dimensions", text.to_owned()));
                return 1;
            }
            // 12pro
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let qualifier = QUALIFIERS.iter().find(|qualifier| **qualifier == &text[digits..]);
            if let Some(qualifier) = qualifier.filter(|_| digits > 0) {
                self.code(&text[..digits]);
                self.qualifiers.insert(qualifier);
            } else {
                // Fjord14 is what others write as Fjord 14.
                let letters = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
                if letters > 3 && text[letters..].bytes().all(|byte| byte.is_ascii_digit()) {
                    self.word(text[..letters].to_owned(), false);
                }
                self.word(text.to_owned(), true);
            }
            return 1;
        }
        // Few letters before a number are one name with it: WH-1000XM4, EOS R5, X-T3.
        let letters = text.chars().count();
        if let Some(next) = tokens.get(at + 1)
            && (letters <= 2 || letters <= 4 && next.hyphenated)
            && next.is_coded()
            && number_with_unit(next.text).is_none()
        {
            let follower = tokens.get(at + 2).map_or("", |token| token.text);
            let is_measure = next.is_number() && (is_unit(tokens, at + 2) || is_time_unit(follower));
            if !is_measure {
                let mut joined = [text, next.text].concat();
                let mut taken = 2;
                if let Some(third) = tokens.get(at + 2)
                    && third.hyphenated
                    && third.is_coded()
                {
                    joined.push_str(third.text);
                    taken = 3;
                }
                self.word(joined, true);
                return taken;
            }
        }
        // T-shirt; USB-C and K-Elite say nothing by their letter.
        let next = tokens.get(at + 1).filter(|next| next.hyphenated && is_plain(next.text));
        if let Some(next) = next
            && letters == 1
            && meaning(next.text).is_none()
        {
            self.word([text, next.text].concat(), false);
            return 2;
        }
        match text {
            _ if letters == 1 && (next.is_some() || tokens[at].hyphenated) => {}
            // Levels of a size: S, M, L; a chair of size B.
            _ if letters == 1 && text.is_ascii() => self.measures.push(("size", text.to_owned())),
            _ => self.word(text.to_owned(), false),
        }
        1
    }

    fn word(&mut self, text: String, coded: bool) {
        let word = Word { text, coded };
        if !self.words.contains(&word) {
            self.words.push(word);
        }
    }

    fn generation(&mut self, number: u32) {
        self.measures.push(("generation", format!("gen{number}")));
    }

    fn measure(&mut self, number: &str, name: &str, next: &str) {
        let Some((dimension, unit)) = unit(name) else { return };
        let is_memory = dimension == "storage" && matches!(next, "ram" | "memory" | "ddr4" | "ddr5");
        let value = match (unit, number) {
            ("gb", "1000" | "1024") => "1tb".to_owned(),
            ("gb", "2000" | "2048") => "2tb".to_owned(),
            _ => {
                let number = match number.contains('.') {
                    true => number.trim_end_matches('0').trim_end_matches('.'),
                    false => number,
                };
                [number, unit].concat()
            }
        };
        self.measures.push((if is_memory { "memory" } else { dimension }, value));
    }

    pub fn finish(mut self) -> Title {
        // 16 GB 512 GB: the smaller is memory.
        let gigabytes = |value: &str| match value.strip_suffix("tb") {
            Some(terabytes) => terabytes.parse::<f64>().map(|number| number * 1024.0).ok(),
            None => value.strip_suffix("gb").and_then(|number| number.parse::<f64>().ok()),
        };
        let mut storages: Vec<(usize, f64)> = self
            .measures
            .iter()
            .enumerate()
            .filter(|(_, (dimension, _))| *dimension == "storage")
            .filter_map(|(index, (_, value))| gigabytes(value).map(|size| (index, size)))
            .collect();
        storages.sort_by(|a, b| a.1.total_cmp(&b.1));
        if let [(smaller, memory), .., (_, storage)] = storages[..]
            && memory <= 64.0
            && storage >= 4.0 * memory
        {
            self.measures[smaller].0 = "memory";
        }
        self.measures.sort();
        self.measures.dedup();
        let offer = if self.wanted {
            Offer::Wanted
        } else if let Some(what) = self.accessory {
            Offer::Accessory(what)
        } else if self.broken {
            Offer::Broken
        } else if let Some(count) = self.count.filter(|&count| count > 1) {
            Offer::Lot(count)
        } else if self.bundle {
            Offer::Bundle
        } else {
            Offer::Item
        };
        let code = self.words.iter().filter(|word| word.coded).map(|word| word.text.as_str()).collect();
        Title {
            offer,
            words: self.words,
            measures: self.measures,
            qualifiers: self.qualifiers,
            year: self.year,
            code,
        }
    }
}

/// Whether a token is the unit of the number before it. A 55 in TV is so wide; a phone 12 in black, in the box or w/ case
/// is not, nor does it take so many watts.
fn is_unit(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    let next = tokens.get(at + 1).map_or("", |token| token.text);
    let is_preposition = match token.text {
        "in" => !token.hyphenated && meaning(next) == Some(Meaning::Noise),
        "w" => next == "/",
        _ => false,
    };
    unit(token.text).is_some() && !is_preposition
}

/// What says in a title as in a description that a thing does not work as it should.
pub fn is_set_phrase_of_a_defect(first: &str, second: &str) -> bool {
    matches!(
        (first, second),
        ("for", "parts")
            | ("parts", "only")
            | ("needs", "fixing")
            | ("water" | "liquid", "damage")
            | ("icloud" | "activation", "lock" | "locked")
    )
}

/// What is bought for another thing: a case, a charger.
pub fn is_accessory(text: &str) -> bool {
    matches!(meaning(text), Some(Meaning::Accessory(_)))
}

/// A word without a digit.
fn is_plain(text: &str) -> bool {
    text.starts_with(char::is_alphabetic) && !text.contains(|c: char| c.is_ascii_digit())
}

/// `34x32`, `4x4`
fn is_width_by_depth(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('x').is_some_and(|(width, depth)| is_number(width) && is_number(depth))
}

/// `64gb` is a number with its unit.
fn number_with_unit(text: &str) -> Option<(&str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, name) = text.split_at(digits);
    let is_number = number.starts_with(|c: char| c.is_ascii_digit());
    (is_number && unit(name).is_some()).then_some((number, name))
}

fn ordinal(text: &str) -> Option<u32> {
    let number = match text {
        "i" | "first" => 1,
        "ii" | "second" => 2,
        "iii" | "third" => 3,
        "iv" | "fourth" => 4,
        "v" | "fifth" => 5,
        _ => text.trim_end_matches(char::is_alphabetic).parse().ok()?,
    };
    (1..=30).contains(&number).then_some(number)
}
