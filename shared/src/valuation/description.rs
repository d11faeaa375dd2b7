//! What sellers say of a thing beside its name: that it is given away, that it does not work.

use super::title::{Offer, Title, is_accessory, is_set_phrase_of_a_defect};

/// Whether a text says that the thing costs nothing.
pub fn says_free(title: &str, description: Option<&str>) -> bool {
    [Some(title), description].into_iter().flatten().any(|text| {
        let text = text.to_lowercase();
        let words = words(&text);
        words.iter().enumerate().any(|(index, word)| {
            let next = words.get(index + 1).copied().unwrap_or_default();
            let before = if index > 0 { words[index - 1] } else { "" };
            match *word {
                // Smoke-free, free shipping.
                "free" => {
                    !matches!(next, "shipping" | "delivery" | "ship" | "returns" | "from" | "of" | "standing")
                        && !matches!(
                            before,
                            "smoke"
                                | "pet"
                                | "hands"
                                | "stress"
                                | "scratch"
                                | "rust"
                                | "bug"
                                | "not"
                                | "fat"
                                | "feel"
                        )
                }
                "giveaway" | "freebie" => true,
                "give" | "giving" => next == "away",
                "curb" => next == "alert",
                _ => false,
            }
        })
    })
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

/// Whether the description says that the thing itself does not work, and the title does not: such a thing is not worth
/// what its title is. Said of what comes with it, under a condition, or of what suits the seller no longer ("doesn't work
/// for our new place"), it is no defect.
pub fn says_broken(title: &str, description: Option<&str>) -> bool {
    let Some(description) = description else { return false };
    let lower = description.to_lowercase().replace(['\'', '’'], "");
    let says_so = lower.split(['.', '!', '?', ';', '\n']).any(|sentence| {
        let words = words(sentence);
        (0..words.len()).any(|at| is_defect(&words[at..]) && !is_denied(&words[..at]))
    });
    says_so && Title::read(title).offer != Offer::Broken
}

/// By the words before it.
fn is_denied(before: &[&str]) -> bool {
    const DENIALS: [&str; 12] = [
        "no", "not", "never", "nothing", "without", "any", "if", "unless", "until", "old", "previous", "box",
    ];
    let last = |count: usize| &before[before.len().saturating_sub(count)..];
    last(4).iter().any(|word| DENIALS.contains(word) || is_accessory(word))
        || last(2).iter().any(|word| matches!(*word, "i" | "im" | "we" | "you"))
}

/// Whether these words begin with a defect. Fewer than in titles: "does not start before nine" is none.
fn is_defect(words: &[&str]) -> bool {
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let works = |at: usize| match word(at) {
        "turn" | "power" | "switch" => matches!(word(at + 1), "on" | "up"),
        "work" | "works" | "working" | "function" | "functioning" | "functional" | "boot" => {
            !matches!(word(at + 1), "for" | "with" | "in" | "out")
        }
        _ => false,
    };
    match (word(0), word(1)) {
        ("does" | "did" | "will" | "do" | "is", "not") | ("no", "longer") => works(2),
        ("doesnt" | "didnt" | "wont" | "dont" | "isnt" | "not" | "stopped" | "quit" | "quits", _) => works(1),
        (first, second) if is_set_phrase_of_a_defect(first, second) => true,
        ("spare" | "spares", "parts") | ("spares" | "parts", "or") | ("water" | "liquid", "damaged") => true,
        ("need" | "needs", "repair" | "repairs" | "repaired" | "repairing" | "fixing" | "fixed") => true,
        ("cracked" | "broken" | "shattered", "screen" | "lcd" | "display") => true,
        ("screen" | "lcd" | "display", "is") => {
            matches!(word(2), "cracked" | "broken" | "shattered" | "dead")
        }
        ("untested" | "inoperable" | "nonfunctional" | "bricked", _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_nothing_is_told_from_what_is_free_of_something() {
        for text in ["FREE sofa", "Giving away, must go", "curb alert"] {
            assert!(says_free(text, None) && says_free("Sofa", Some(text)), "{text}");
        }
        for text in ["Sofa, free delivery", "smoke-free home", "hands free"] {
            assert!(!says_free(text, None) && !says_free("Sofa", Some(text)), "{text}");
        }
    }

    #[test]
    fn a_thing_that_does_not_work_is_told_from_one_that_does_not_suit() {
        for text in [
            "Selling for parts.",
            "Phone is in good shape. Doesn't turn on, no idea why",
            "It won’t power on",
            "As is: does not work",
            "Stopped working last week, easy fix",
            "NO LONGER WORKS",
            "needs repair",
            "Nice phone, cracked screen",
            "Screen is cracked. Works great otherwise",
            "small water damage",
            "iCloud locked",
            "sold untested",
            "Parts or repair",
        ] {
            assert!(says_broken("Apple iPhone 12", Some(text)), "{text}");
            assert!(!says_broken("Apple iPhone 12 broken", Some(text)), "valued as what it is");
        }
        for text in [
            "Works great, never needs repair",
            "Everything works. The charger does not work",
            "doesn't work for our new place",
            "It just didn't work out with our decor",
            "If it doesn't turn on you can return it",
            "No water damage, no cracked screen",
            "We do not work weekends, I'm not working Monday",
            "The old one stopped working, so I bought this",
            "Will not start before 9. Not for parts!",
            "no longer needed",
            "",
        ] {
            assert!(!says_broken("Apple iPhone 12", Some(text)), "{text}");
        }
        assert!(!says_broken("Apple iPhone 12", None));
    }
}
