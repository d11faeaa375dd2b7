//! The things that there are: brands, their models, and each model's variants.

use super::goods::{
    CATEGORIES, Category, MODEL_ENDS, MODEL_STARTS, MODEL_WORDS, Naming, SECOND_WORDS, TRIMS, Variants,
    WORD_BRANDS,
};
use super::random::Random;
use super::{Name, Product, Variant};

const PRODUCTS_PER_CATEGORY: usize = 25;
const BRANDS: usize = 70;
/// A brand is then in three or four categories.
const BRANDS_PER_CATEGORY: usize = 6;
/// Within a category models' prices differ by about ×÷ 1.7, as on any shelf.
const MODEL_SPREAD: f64 = 0.55;
const LINE_SPREAD: f64 = 0.40;
/// What each generation of a line adds.
const PER_GENERATION: f64 = 0.12;
const VARIANT_SPREAD: f64 = 0.04;
/// How many variants of a model are about.
const VARIANT_COUNTS: [f64; 4] = [0.40, 0.30, 0.20, 0.10];
/// Comps a product, of a negative binomial: a third of the products have at most two.
const MEAN_COMPS: f64 = 12.0;
const SHAPE: f64 = 0.55;
/// What everyone sells.
const THICK: f64 = 0.01;
const THICK_COMPS: f64 = 200.0;
/// A code that follows another of its brand by one digit: XM3, XM4.
const SUCCESSOR: f64 = 0.35;

pub fn generate(random: &mut Random) -> Vec<Product> {
    let brands = brands(random);
    let mut products = Vec::new();
    let mut models = 0;
    let mut words_used = Vec::new();
    for (index, category) in CATEGORIES.iter().enumerate() {
        let mut brands = brands.clone();
        random.shuffle(&mut brands);
        brands.truncate(BRANDS_PER_CATEGORY);
        let lines: Vec<(String, f64)> = brands
            .iter()
            .map(|_| (model_word(&mut words_used, random), LINE_SPREAD * random.normal()))
            .collect();
        let mut known: Vec<(usize, Name)> = Vec::new();
        let full = products.len() + PRODUCTS_PER_CATEGORY;
        while products.len() < full {
            let brand = random.below(brands.len());
            let (name, premium) = match category.naming {
                Naming::Code => (code(brand, &known, random), MODEL_SPREAD * random.normal()),
                Naming::Short => (short(random), MODEL_SPREAD * random.normal()),
                Naming::Line => line(&lines[brand], random),
                Naming::Words => (words(&mut words_used, random), MODEL_SPREAD * random.normal()),
            };
            if known.contains(&(brand, name.clone())) {
                continue;
            }
            let typical = (100.0 * category.typical_price).ln() + premium;
            let room = full - products.len();
            for (variant, step) in variants(category, random).into_iter().take(room) {
                products.push(Product {
                    category: index,
                    model: models,
                    brand: brands[brand].clone(),
                    name: name.clone(),
                    variant,
                    log_price: typical + step,
                    popularity: popularity(random),
                });
            }
            known.push((brand, name));
            models += 1;
        }
    }
    products
}

/// A model's variants, each with what it adds to the logarithm of the price: neighbouring steps.
fn variants(category: &Category, random: &mut Random) -> Vec<(Option<Variant>, f64)> {
    let Some(Variants { steps, per_step }) = category.variants else {
        return vec![(None, 0.0)];
    };
    let count = (random.index(&VARIANT_COUNTS) + 1).min(steps.len());
    let first = random.below(steps.len() - count + 1);
    let middle = (steps.len() - 1) as f64 / 2.0;
    (first..first + count)
        .map(|step| {
            let premium = per_step * (step as f64 - middle) + VARIANT_SPREAD * random.normal();
            (Some(steps[step]), premium)
        })
        .collect()
}

fn popularity(random: &mut Random) -> f64 {
    if random.chance(THICK) { THICK_COMPS } else { MEAN_COMPS / SHAPE * random.gamma(SHAPE) }
}

fn brands(random: &mut Random) -> Vec<String> {
    const STARTS: [&str; 16] = [
        "Ka", "Zen", "Bo", "Vel", "Tri", "Sam", "Lu", "Or", "Pha", "Dyn", "Mo", "Ri", "Har", "Ec", "No",
        "Gla",
    ];
    const MIDDLES: [&str; 10] = ["ro", "li", "ta", "ven", "mi", "so", "du", "ke", "pa", "xo"];
    const ENDS: [&str; 10] = ["n", "x", "ra", "tek", "son", "a", "ic", "us", "lo", "via"];
    let mut brands: Vec<String> = WORD_BRANDS.iter().map(|&brand| brand.to_owned()).collect();
    while brands.len() < BRANDS {
        let brand = format!("{}{}{}", random.pick(&STARTS), random.pick(&MIDDLES), random.pick(&ENDS));
        if !brands.contains(&brand) {
            brands.push(brand);
        }
    }
    brands
}

fn code(brand: usize, known: &[(usize, Name)], random: &mut Random) -> Name {
    let own: Vec<&Name> = known.iter().filter(|(of, _)| *of == brand).map(|(_, name)| name).collect();
    if !own.is_empty() && random.chance(SUCCESSOR) {
        let mut name = (*random.pick(&own)).clone();
        let part = name.tight.last_mut().expect("a code has parts");
        let digit = part.rfind(|c: char| c.is_ascii_digit()).expect("a code ends in a part with a digit");
        let next = (part.as_bytes()[digit] - b'0' + 1) % 10;
        part.replace_range(digit..=digit, &next.to_string());
        return name;
    }
    const LETTERS: [&str; 14] =
        ["WH", "QN", "DCD", "KX", "M", "TS", "EOS", "GF", "BL", "XR", "HL", "P", "AF", "UN"];
    const SUFFIXES: [&str; 10] = ["", "", "", "A", "XM4", "B", "CH", "T2", "U8", "DW"];
    let number = match random.below(3) {
        0 => 100 + 10 * random.below(90),
        1 => 1000 + 50 * random.below(120),
        _ => 20 + random.below(80),
    };
    Name {
        tight: vec![(*random.pick(&LETTERS)).to_owned(), format!("{number}{}", random.pick(&SUFFIXES))],
        joint: if random.chance(0.6) { "-" } else { "" },
        loose: Vec::new(),
    }
}

fn short(random: &mut Random) -> Name {
    const LETTERS: [&str; 8] = ["V", "S", "X", "R", "D", "J", "Q", "E"];
    const TRIM: [&str; 4] = ["Animal", "Absolute", "Plus", "Max"];
    let loose = if random.chance(0.3) { vec![(*random.pick(&TRIM)).to_owned()] } else { Vec::new() };
    Name {
        tight: vec![(*random.pick(&LETTERS)).to_owned(), (1 + random.below(20)).to_string()],
        joint: "",
        loose,
    }
}

/// A generation of the brand's line, as one of its siblings.
fn line((word, premium): &(String, f64), random: &mut Random) -> (Name, f64) {
    const OLDEST: usize = 8;
    const GENERATIONS: usize = 7;
    let generation = random.below(GENERATIONS);
    let (trims, trim) = *random.pick(&TRIMS);
    let mut loose = vec![word.clone(), (OLDEST + generation).to_string()];
    loose.extend(trims.iter().map(|&word| word.to_owned()));
    let steps = generation as f64 - (GENERATIONS / 2) as f64;
    (Name { tight: Vec::new(), joint: "", loose }, premium + trim + PER_GENERATION * steps)
}

fn words(used: &mut Vec<String>, random: &mut Random) -> Name {
    let mut loose = vec![model_word(used, random)];
    if random.chance(0.4) {
        loose.push((*random.pick(&SECOND_WORDS)).to_owned());
    }
    Name { tight: Vec::new(), joint: "", loose }
}

/// A word of its own, or one that a model, mostly another brand's, already has.
fn model_word(used: &mut Vec<String>, random: &mut Random) -> String {
    const SHARED: f64 = 0.12;
    const EVERYDAY: f64 = 0.25;
    /// Some markets have more models than there are words.
    const TRIES: usize = 10_000;
    if !used.is_empty() && random.chance(SHARED) {
        return random.pick(used).clone();
    }
    for _ in 0..TRIES {
        let word = if random.chance(EVERYDAY) {
            (*random.pick(&MODEL_WORDS)).to_owned()
        } else {
            format!("{}{}", random.pick(&MODEL_STARTS), random.pick(&MODEL_ENDS))
        };
        if !used.contains(&word) {
            used.push(word.clone());
            return word;
        }
    }
    random.pick(used).clone()
}
