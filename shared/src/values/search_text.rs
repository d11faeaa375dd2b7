//! What is searched for: words, `"a phrase"`, `-not`, `or`, and beginnings of words with a star, `desk*`.

use std::str::FromStr;

use super::{Unacceptable, unacceptable};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText {
    /// For `websearch_to_tsquery`, which takes whatever is typed.
    pub words: String,
    /// Each for `to_tsquery`: `desk:*`.
    pub beginnings: Vec<String>,
}

impl FromStr for SearchText {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<SearchText, Unacceptable> {
        if !(1..=200).contains(&text.chars().count()) || text.contains('\0') {
            return unacceptable("must have 1 to 200 characters, and no NUL");
        }
        let (mut words, mut beginnings) = (Vec::new(), Vec::new());
        let mut in_phrase = false;
        for word in text.split_whitespace() {
            let within = in_phrase || word.starts_with('"');
            if word.matches('"').count() % 2 == 1 {
                in_phrase = !in_phrase;
            }
            match word.strip_suffix('*') {
                Some(beginning) if !within && !beginning.is_empty() => {
                    if !beginning.chars().all(char::is_alphanumeric) {
                        return unacceptable("takes a star only after letters and digits: desk*");
                    }
                    beginnings.push(format!("{beginning}:*"));
                }
                _ => words.push(word),
            }
        }
        Ok(SearchText { words: words.join(" "), beginnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_told_from_words_and_phrases() {
        let read = |text: &str| text.parse::<SearchText>().map(|text| (text.words, text.beginnings));
        let found = |words: &str, beginnings: &[&str]| {
            Ok((words.to_owned(), beginnings.iter().map(|&text| text.to_owned()).collect()))
        };
        assert_eq!(read("walnut desk"), found("walnut desk", &[]));
        assert_eq!(read("waln* -pine des*"), found("-pine", &["waln:*", "des:*"]));
        assert_eq!(read("\"a star* is\" bor*"), found("\"a star* is\"", &["bor:*"]));
        assert_eq!(read("größ*"), found("", &["größ:*"]));
        for bad in ["", "a'b*", "a|b*", "-a*", "a\0", &"x".repeat(201)] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
