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
            && self.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    }

    pub fn is_coded(&self) -> bool {
        self.text.bytes().any(|byte| byte.is_ascii_digit())
    }
}

/// The tokens of a title in lower case, with one space between two of them, or one hyphen.
pub fn normalized(title: &str) -> String {
    let mut text = String::with_capacity(title.len() + 16);
    let lower = title.to_lowercase();
    let mut rest = lower.as_str();
    // Whether a token goes on, and what is between the last one and the next.
    let (mut within, mut separator) = (false, ' ');
    let mut after_digit = false;
    let begin = |text: &mut String, separator| {
        if !text.is_empty() {
            text.push(separator);
        }
    };
    while let Some(character) = rest.chars().next() {
        // Most of a title are letters and digits.
        let run = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (taken, after) = rest.split_at(run.max(character.len_utf8()));
        rest = after;
        match character {
            _ if character.is_alphanumeric() => {
                if !within {
                    begin(&mut text, separator);
                }
                text.push_str(taken);
                within = true;
            }
            '.' | ',' if after_digit && rest.starts_with(|c: char| c.is_ascii_digit()) => {
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
        after_digit = taken.ends_with(|c: char| c.is_ascii_digit());
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
