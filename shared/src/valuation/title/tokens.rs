//! A title cut into runs of letters and digits.

use super::words::NUMBERS;

/// A run of letters and digits, and whether it hangs on the one before by a hyphen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub hyphenated: bool,
}

impl Token {
    pub fn is_number(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_digit())
            && self.text.chars().all(|c| c.is_ascii_digit() || c == '.')
    }

    pub fn is_coded(&self) -> bool {
        self.text.chars().any(|c| c.is_ascii_digit())
    }
}

pub fn tokens(title: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(16);
    let mut characters: Vec<char> = Vec::with_capacity(title.len());
    characters.extend(title.chars().flat_map(char::to_lowercase));
    let is_digit = |index: usize| characters.get(index).is_some_and(char::is_ascii_digit);
    let mut text = String::new();
    let mut hyphenated = false;
    let mut end = |text: &mut String, hyphenated: bool| {
        if !text.is_empty() {
            let mut text = std::mem::take(text);
            if let Some(number) = NUMBERS.iter().position(|number| *number == text) {
                text = (number + 2).to_string();
            }
            tokens.push(Token { text, hyphenated });
        }
    };
    for (index, &character) in characters.iter().enumerate() {
        let after_digit = index > 0 && is_digit(index - 1);
        match character {
            _ if character.is_alphanumeric() => text.push(character),
            '.' | ',' if after_digit && is_digit(index + 1) => {
                // 5.5 qt; the comma of 1,200 goes.
                if character == '.' {
                    text.push('.');
                }
            }
            // Levi's
            '\'' | '’' if !text.is_empty() && !after_digit => {}
            '"' | '”' | '″' if after_digit => {
                text.push_str("in");
                end(&mut text, hyphenated);
                hyphenated = false;
            }
            '%' | '$' | '€' | '£' | '/' | '+' | '&' => {
                end(&mut text, hyphenated);
                hyphenated = false;
                end(&mut character.to_string(), false);
            }
            _ => {
                end(&mut text, hyphenated);
                hyphenated = matches!(character, '-' | '‑' | '–');
                continue;
            }
        }
        if text.is_empty() {
            hyphenated = false;
        }
    }
    end(&mut text, hyphenated);
    tokens
}
