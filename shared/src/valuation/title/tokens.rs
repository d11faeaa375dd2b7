//! A title cut into runs of letters and digits.

use super::words::number;

/// A run of letters and digits, and whether it hangs on the one before by a hyphen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'t> {
    pub text: &'t str,
    pub hyphenated: bool,
}

impl Token<'_> {
    pub fn is_number(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_digit())
            && self.text.chars().all(|c| c.is_ascii_digit() || c == '.')
    }

    pub fn is_coded(&self) -> bool {
        self.text.chars().any(|c| c.is_ascii_digit())
    }
}

/// The tokens of a title in lower case, with one space between two of them, or one hyphen.
pub fn normalized(title: &str) -> String {
    match title.is_ascii() {
        true => joined(title.bytes().map(|byte| char::from(byte.to_ascii_lowercase())), title.len()),
        false => joined(title.chars().flat_map(char::to_lowercase), title.len()),
    }
}

fn joined(lower: impl Iterator<Item = char>, len: usize) -> String {
    let mut text = String::with_capacity(len + 16);
    let mut characters = lower.peekable();
    // Whether a token goes on, and what is between the last one and the next.
    let (mut within, mut separator) = (false, ' ');
    let mut after_digit = false;
    let begin = |text: &mut String, separator| {
        if !text.is_empty() {
            text.push(separator);
        }
    };
    while let Some(character) = characters.next() {
        match character {
            _ if character.is_alphanumeric() => {
                if !within {
                    begin(&mut text, separator);
                }
                text.push(character);
                within = true;
            }
            '.' | ',' if after_digit && characters.peek().is_some_and(char::is_ascii_digit) => {
                // 5.5 qt; the comma of 1,200 goes.
                if character == '.' {
                    text.push('.');
                }
            }
            // Levi's
            '\'' | '’' if within && !after_digit => {}
            '"' | '”' | '″' if after_digit => {
                text.push_str("in");
                (within, separator) = (false, ' ');
            }
            '%' | '$' | '€' | '£' | '/' | '+' | '&' => {
                begin(&mut text, ' ');
                text.push(character);
                (within, separator) = (false, ' ');
            }
            '-' | '‑' | '–' => (within, separator) = (false, '-'),
            _ => (within, separator) = (false, ' '),
        }
        after_digit = character.is_ascii_digit();
    }
    text
}

/// Of a title that is [`normalized`].
pub fn tokens(normalized: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(16);
    let (mut rest, mut hyphenated) = (normalized, false);
    while !rest.is_empty() {
        let end = rest.bytes().position(|byte| matches!(byte, b' ' | b'-')).unwrap_or(rest.len());
        let (text, separated) = rest.split_at(end);
        tokens.push(Token { text: number(text).unwrap_or(text), hyphenated });
        hyphenated = separated.starts_with('-');
        rest = separated.get(1..).unwrap_or_default();
    }
    tokens
}
