//! Recognition without a look: from what the seller says, or else from what the photos are called.

use percent_encoding::percent_decode_str;
use shared::values::{Attributes, Condition};

use super::recognition::{Recognition, Seen};
use super::text::{line, paragraphs};

/// Nobody has looked at the photos.
const BY_NOTES: f64 = 0.2;
const BY_FILE_NAME: f64 = 0.1;

const LONGEST_TITLE: usize = 80;
const LONGEST_DESCRIPTION: usize = 5000;

/// `None` when neither says what it is.
pub fn recognize(seen: &Seen<'_>) -> Option<Recognition> {
    let notes = seen.notes.unwrap_or_default();
    let from_notes = notes.lines().map(title).find(|title| names_something(title));
    let (title, confidence) = match from_notes {
        Some(title) => (title, BY_NOTES),
        None => (seen.photos.iter().find_map(|photo| telling_name(photo.as_str()))?, BY_FILE_NAME),
    };
    let description = paragraphs(notes, LONGEST_DESCRIPTION);
    Some(Recognition {
        condition: condition(&format!("{notes}\n{title}")),
        title: title.parse().ok()?,
        description: Some(description).filter(|text| !text.is_empty()).and_then(|text| text.parse().ok()),
        category: None,
        attributes: Attributes::default(),
        confidence,
    })
}

fn title(text: &str) -> String {
    let line = line(text, LONGEST_TITLE);
    line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | ';' | ':' | '-' | '*' | '•'))
        .to_owned()
}

fn names_something(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).count() >= 2
}

/// What cameras, phones and programs call photos.
const SAYS_NOTHING: [&str; 34] = [
    "back",
    "camera",
    "capture",
    "copy",
    "crop",
    "dcim",
    "dsc",
    "dscn",
    "edit",
    "edited",
    "file",
    "final",
    "front",
    "full",
    "image",
    "images",
    "img",
    "item",
    "jpeg",
    "jpg",
    "large",
    "main",
    "original",
    "photo",
    "photos",
    "pic",
    "picture",
    "pxl",
    "scan",
    "screenshot",
    "small",
    "thumb",
    "upload",
    "whatsapp",
];

/// A photo's file name in words, if they are any: `oak-desk_2.jpg` is "oak desk 2".
fn telling_name(photo: &str) -> Option<String> {
    let path = photo.split(['?', '#']).next()?;
    // The host of a URL is no file's name.
    let path = path
        .strip_prefix("https://")
        .map_or(Some(path), |rest| rest.split_once('/').map(|(_, path)| path))?;
    let name = percent_decode_str(path.rsplit('/').next()?).decode_utf8().ok()?;
    let name = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
    let words: Vec<&str> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !is_random(word))
        .collect();
    let tells = |word: &&&str| {
        word.chars().all(char::is_alphabetic)
            && word.chars().count() >= 3
            && !SAYS_NOTHING.contains(&word.to_lowercase().as_str())
    };
    words.iter().find(tells)?;
    let title = title(&words.join(" "));
    Some(title).filter(|title| names_something(title))
}

/// Such as an id: long, with digits among letters, or without a vowel.
fn is_random(word: &str) -> bool {
    let has = |test: fn(char) -> bool| word.chars().any(test);
    let length = word.chars().count();
    let vowel = |c: char| !c.is_ascii() || "aeiouyAEIOUY".contains(c);
    length >= 8 && (has(|c| c.is_ascii_digit()) || !has(vowel)) || length >= 25
}

/// Phrases that say in which condition a thing is.
const PHRASES: [(Condition, &[&str]); 5] = [
    (
        Condition::Poor,
        &[
            "for parts",
            "parts only",
            "broken",
            "not working",
            "doesn't work",
            "does not work",
            "won't turn on",
            "damaged",
            "cracked",
            "defective",
            "faulty",
            "needs repair",
            "poor condition",
            "bad condition",
            "torn",
        ],
    ),
    (
        Condition::Fair,
        &[
            "fair condition",
            "ok condition",
            "worn",
            "scratched",
            "scratches",
            "dented",
            "dents",
            "stained",
            "stains",
            "chipped",
            "rusty",
            "rusted",
            "faded",
            "well used",
            "heavily used",
            "signs of use",
            "signs of wear",
        ],
    ),
    (
        Condition::Good,
        &["good condition", "good shape", "works fine", "works well", "fully functional", "fully working"],
    ),
    (
        Condition::Great,
        &[
            "very good condition",
            "great condition",
            "great shape",
            "hardly used",
            "barely used",
            "lightly used",
            "gently used",
            "rarely used",
        ],
    ),
    (
        Condition::Excellent,
        &[
            "excellent condition",
            "mint condition",
            "perfect condition",
            "like new",
            "as new",
            "brand new",
            "never used",
            "never worn",
            "unused",
            "unopened",
            "new in box",
            "new with tags",
            "still sealed",
        ],
    ),
];

/// The worst that is said: who says "like new" and "cracked screen" means both.
fn condition(text: &str) -> Option<Condition> {
    let text = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
    let mut worst = None;
    let mut at = 0;
    while at < words.len() {
        let longest = PHRASES
            .iter()
            .flat_map(|(condition, phrases)| phrases.iter().map(move |phrase| (*condition, *phrase)))
            .filter(|(_, phrase)| {
                phrase.split(' ').enumerate().all(|(n, word)| words.get(at + n) == Some(&word))
            })
            .max_by_key(|(_, phrase)| phrase.len());
        let Some((condition, phrase)) = longest else {
            at += 1;
            continue;
        };
        if !words[at.saturating_sub(2)..at].iter().any(|word| NEGATIONS.contains(word)) {
            worst = Some(worst.map_or(condition, |worst: Condition| worst.min(condition)));
        }
        at += phrase.split(' ').count();
    }
    worst
}

const NEGATIONS: [&str; 9] = ["no", "not", "never", "nothing", "without", "isn't", "aren't", "zero", "non"];

#[cfg(test)]
mod tests {
    use shared::values::Photo;

    use super::*;

    #[test]
    fn the_worst_that_is_said_of_a_thing_is_its_condition() {
        for (text, expected) in [
            ("Desk", None),
            ("Desk, like new!", Some(Condition::Excellent)),
            ("Bought last year, hardly used.", Some(Condition::Great)),
            ("VERY GOOD CONDITION", Some(Condition::Great)),
            ("in good condition", Some(Condition::Good)),
            ("good condition, a few scratches", Some(Condition::Fair)),
            ("Like new but the screen is cracked", Some(Condition::Poor)),
            ("it doesn’t work any more", Some(Condition::Poor)),
            ("not broken, no visible scratches", None),
            ("not working", Some(Condition::Poor)),
            ("for parts", Some(Condition::Poor)),
            ("mint green, unbroken", None),
        ] {
            assert_eq!(condition(text), expected, "{text}");
        }
    }

    #[test]
    fn a_name_tells_something_or_is_a_cameras() {
        for (photo, expected) in [
            ("https://example.com/photos/oak-desk_120x60.jpg?w=1", Some("oak desk 120x60")),
            ("https://example.com/Standing%20Desk.JPG", Some("Standing Desk")),
            ("uploads/anna/blue bike.png", Some("blue bike")),
            ("https://example.com/IMG_2041.jpg", None),
            ("https://example.com/PXL_20240101_123.jpg", None),
            ("https://example.com/photo-1.jpg", None),
            ("https://desk.example.com/", None),
            ("https://desk.example.com", None),
            ("https://example.com/8f5d3c1e6f0a4b3a9d0f2f6f.jpg", None),
            ("uploads/anna/0c1a2b3c4d5e6f708192a3b4.jpg", None),
            ("https://example.com/%ff%fe.jpg", None),
        ] {
            assert_eq!(telling_name(photo).as_deref(), expected, "{photo}");
        }
    }

    #[test]
    fn notes_are_taken_at_their_word_and_at_low_confidence() {
        let photos: Vec<Photo> = ["https://example.com/walnut-table.jpg".parse().unwrap()].into();
        let seen = |notes| Seen { notes, photos: &photos, pictures: Vec::new() };
        let found = recognize(&seen(Some("\n- Oak desk, 120 x 60.\nHardly used.\n"))).unwrap();
        assert_eq!(found.title.as_str(), "Oak desk, 120 x 60");
        assert_eq!(found.description.unwrap().as_str(), "- Oak desk, 120 x 60.\nHardly used.");
        assert_eq!((found.condition, found.category, found.confidence), (Some(Condition::Great), None, 0.2));
        let found = recognize(&seen(None)).unwrap();
        assert_eq!((found.title.as_str(), found.description, found.confidence), ("walnut table", None, 0.1));
        let found = recognize(&seen(Some(&"very long ".repeat(100)))).unwrap();
        assert!(found.title.as_str().len() <= 80);
        let photos: Vec<Photo> = ["https://example.com/1.jpg".parse().unwrap()].into();
        assert_eq!(recognize(&Seen { notes: Some("?! 5\n"), photos: &photos, pictures: Vec::new() }), None);
    }
}
