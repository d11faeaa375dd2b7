//! Text that comes from photos, models or their users is data: plain, and of bounded length.

/// On one line, cut to `most` characters at the end of a word.
pub fn line(text: &str, most: usize) -> String {
    let plain: String =
        text.chars().filter(|c| !is_hidden(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = String::new();
    let mut length = 0;
    for word in plain.split_whitespace() {
        let word: String = word.chars().take(most).collect();
        length += word.chars().count() + usize::from(length > 0);
        if length > most {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    line
}

/// Lines as they are, without empty ones at the ends.
pub fn paragraphs(text: &str, most: usize) -> String {
    let lines: Vec<String> = text.lines().map(|text| line(text, most)).collect();
    lines.join("\n").trim().chars().take(most).collect()
}

/// What turns the direction of text, or takes no place.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_plain_and_short() {
        assert_eq!(line("  an\toak\u{0}desk\n\u{202e}x ", 20), "an oak desk x");
        assert_eq!(line("an oak desk", 8), "an oak");
        assert_eq!(line("abcdef", 4), "abcd");
        assert_eq!(line("a𝄞𝄞 b", 3), "a𝄞𝄞");
        assert_eq!(line("\u{200b}\n", 4), "");
        assert_eq!(paragraphs("\n a  b\r\n\nc\u{7} \n", 9), "a b\n\nc");
    }
}
