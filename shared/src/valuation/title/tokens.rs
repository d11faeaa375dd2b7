//! A title cut into runs of letters and digits.

use super::words::NUMBERS;

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
    let mut text = String::with_capacity(title.len() + 16);
    let lower = match title.is_ascii() {
        true => title.to_ascii_lowercase(),
        false => title.chars().flat_map(char::to_lowercase).collect(),
    };
    let mut characters = lower.chars().peekable();
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
    let separators = [' ', '-'];
    let mut hyphenated = false;
    let mut tokens = Vec::with_capacity(16);
    for piece in normalized.split_inclusive(separators) {
        let text = piece.trim_end_matches(separators);
        let number = NUMBERS.iter().find(|(name, _)| *name == text);
        tokens.push(Token { text: number.map_or(text, |(_, digits)| digits), hyphenated });
        hyphenated = piece.ends_with('-');
    }
    tokens
}
