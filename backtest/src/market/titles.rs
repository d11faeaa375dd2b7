//! Titles as people type them.

use super::goods::{CATEGORIES, COLOURS, EMOJI, EXTRAS, NOISE};
use super::random::Random;
use super::{Dirt, Form, Name, Product, Variant};

// The shares are assumed: messy enough that no title can be relied on, tidy enough that people still find things.
const WITHOUT_BRAND: f64 = 0.08;
const WITHOUT_VARIANT: f64 = 0.06;
const WITHOUT_NOUN: f64 = 0.30;
const OTHER_ORDER: f64 = 0.20;
const OTHER_SPELLING: f64 = 0.40;
const WITH_COLOUR: f64 = 0.25;
const WITH_YEAR: f64 = 0.10;
const WITH_NOISE: f64 = 0.35;
const WITH_MORE_NOISE: f64 = 0.30;
const WITH_EMOJI: f64 = 0.03;
const WITH_TYPO: f64 = 0.03;
/// As typed, lower case, upper case.
const CASES: [f64; 3] = [0.60, 0.28, 0.12];
const SEPARATORS: [(&str, f64); 5] = [(" ", 0.70), (", ", 0.12), (" - ", 0.10), (" / ", 0.04), (" | ", 0.04)];

pub fn write(product: &Product, form: Form, dirt: Dirt, random: &mut Random) -> String {
    let untidy = !dirt.tidy_titles;
    let thing = thing(product, untidy, random);
    let mut title = match form {
        Form::Product => thing,
        Form::WithExtras => format!("{thing} {} {}", random.pick(&["with", "w/", "+"]), random.pick(&EXTRAS)),
        Form::Accessory => accessory(&thing, product, random),
        Form::Lot => lot(&thing, random),
        Form::ForParts => for_parts(&thing, random),
    };
    title = decorate(title, random);
    if untidy && random.chance(WITH_TYPO) {
        title = with_typo(&title, random);
    }
    match random.index(&CASES) {
        0 => title,
        1 => title.to_lowercase(),
        _ => title.to_uppercase(),
    }
}

fn thing(product: &Product, untidy: bool, random: &mut Random) -> String {
    let category = &CATEGORIES[product.category];
    let mut words = Vec::new();
    if !(untidy && random.chance(WITHOUT_BRAND)) {
        words.push(product.brand.clone());
    }
    words.push(spelled(&product.name, untidy, random));
    if let Some(variant) = product.variant
        && !(untidy && random.chance(WITHOUT_VARIANT))
    {
        words.push(measured(variant, random));
    }
    if !(untidy && random.chance(WITHOUT_NOUN)) {
        words.push((*random.pick(category.nouns)).to_owned());
    }
    if untidy && random.chance(OTHER_ORDER) {
        random.shuffle(&mut words);
    }
    words.join(" ")
}

/// `WH-1000XM4`, `WH1000XM4`, `WH 1000XM4`; `Zentro 12 Pro`, `Zentro12 Pro`.
fn spelled(name: &Name, untidy: bool, random: &mut Random) -> String {
    let other = untidy && random.chance(OTHER_SPELLING);
    let joint = if other { *random.pick(&["-", "", " "]) } else { name.joint };
    let mut words = Vec::new();
    if !name.tight.is_empty() {
        words.push(name.tight.join(joint));
    }
    words.extend(name.loose.iter().cloned());
    let numbered = name.loose.get(1).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    if numbered && other && random.chance(0.2) {
        let number = words.remove(1);
        words[0].push_str(&number);
    }
    words.join(" ")
}

fn measured(variant: Variant, random: &mut Random) -> String {
    let unit = random.pick(variant.units);
    if *unit == " size" {
        return format!("size {}", variant.amount);
    }
    format!("{}{unit}", variant.amount)
}

fn accessory(thing: &str, product: &Product, random: &mut Random) -> String {
    let accessory = random.pick(CATEGORIES[product.category].accessories);
    match random.below(3) {
        0 => format!("{thing} {accessory}"),
        _ if accessory.ends_with("only") => format!("{thing} {accessory}"),
        1 => format!("{accessory} for {thing}"),
        _ => format!("{accessory} fits {thing}"),
    }
}

fn lot(thing: &str, random: &mut Random) -> String {
    match random.below(5) {
        0 => format!("lot of 3 {thing}"),
        1 => format!("{thing} lot of 3"),
        2 => format!("3x {thing}"),
        3 => format!("set of three {thing}"),
        _ => format!("bundle: 3 {thing}"),
    }
}

fn for_parts(thing: &str, random: &mut Random) -> String {
    match random.below(5) {
        0 => format!("{thing} for parts"),
        1 => format!("broken {thing}"),
        2 => format!("{thing} for parts or repair"),
        3 => format!("{thing} not working"),
        _ => format!("{thing} (as is, does not turn on)"),
    }
}

fn decorate(thing: String, random: &mut Random) -> String {
    let mut before = Vec::new();
    let mut after = Vec::new();
    if random.chance(WITH_COLOUR) {
        after.push((*random.pick(&COLOURS)).to_owned());
    }
    if random.chance(WITH_YEAR) {
        let year = (2016 + random.below(9)).to_string();
        if random.chance(0.5) { before.push(year) } else { after.push(year) }
    }
    if random.chance(WITH_NOISE) {
        let noise = (*random.pick(&NOISE)).to_owned();
        if random.chance(0.3) {
            before.push(noise)
        } else {
            after.push(noise)
        }
        if random.chance(WITH_MORE_NOISE) {
            after.push((*random.pick(&NOISE)).to_owned());
        }
    }
    if random.chance(WITH_EMOJI) {
        after.push((*random.pick(&EMOJI)).to_owned());
    }
    let separator = SEPARATORS[random.index(&SEPARATORS.map(|(_, share)| share))].0;
    before.push(thing);
    before.append(&mut after);
    let title = before.join(separator);
    if random.chance(0.05) { format!("{title}!!") } else { title }
}

/// One letter of a word of five or more: left out, doubled, or in the wrong order.
fn with_typo(title: &str, random: &mut Random) -> String {
    let mut words: Vec<String> = title.split(' ').map(str::to_owned).collect();
    let long: Vec<usize> = (0..words.len())
        .filter(|&index| words[index].len() >= 5 && words[index].bytes().all(|b| b.is_ascii_alphabetic()))
        .collect();
    if long.is_empty() {
        return title.to_owned();
    }
    let word = &mut words[*random.pick(&long)];
    let mut letters: Vec<char> = word.chars().collect();
    let at = 1 + random.below(letters.len() - 2);
    match random.below(3) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        _ => letters.swap(at, at + 1),
    }
    *word = letters.into_iter().collect();
    words.join(" ")
}
