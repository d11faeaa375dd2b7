//! What things truly go for: log-linear in product, condition and time, as in the simulation behind the goals.

use shared::values::Condition::{self, Excellent, Fair, Good, Great, Poor};

use super::goods::CATEGORIES;
use super::random::Random;
use super::{Form, Product, TODAY};

/// What is paid varies by so much around the fair price: the oracle then errs by 12 % at the median.
pub const SALE_NOISE: f64 = 0.18;
const CONDITIONS: [Condition; 5] = [Poor, Fair, Good, Great, Excellent];
/// Assumed: most people call their things good.
const CONDITION_SHARES: [f64; 5] = [0.05, 0.15, 0.40, 0.25, 0.15];
/// Assumed: from half to 1.35 of the price in good condition.
const CONDITION_STEPS: [f64; 5] = [-0.70, -0.32, 0.0, 0.15, 0.30];
/// Scratches matter more on a phone than on a drill: steps are stretched by a category's own factor.
const CONDITION_STRETCH: f64 = 0.15;
/// Per month; the simulation's figure, with a spread of ours.
const TREND: f64 = -0.015;
const TREND_SPREAD: f64 = 0.006;
const DAYS_PER_MONTH: f64 = 30.44;
/// Asking above paid, by category: assumed, as is the share of comps that ask.
const MARKUP: (f64, f64) = (1.10, 1.25);
/// Sellers differ in how much they hope for.
const MARKUP_NOISE: f64 = 0.05;
/// Pesos per dollar: mixing currencies must show.
const PESOS: f64 = 17.0;
/// Share of what is offered in the second currency.
const IN_PESOS: f64 = 0.02;

#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    categories: Vec<CategoryPrices>,
}

#[derive(Debug, Clone, PartialEq)]
struct CategoryPrices {
    stretch: f64,
    trend_per_day: f64,
    markup: f64,
}

impl Prices {
    pub fn generate(random: &mut Random) -> Prices {
        let categories = CATEGORIES
            .iter()
            .map(|_| CategoryPrices {
                stretch: 1.0 + CONDITION_STRETCH * random.normal().clamp(-2.0, 2.0),
                trend_per_day: (TREND + TREND_SPREAD * random.normal()) / DAYS_PER_MONTH,
                markup: random.between(MARKUP.0, MARKUP.1).ln(),
            })
            .collect();
        Prices { categories }
    }

    /// The logarithm of the fair price in cents.
    pub fn fair(&self, product: &Product, form: Form, condition: Condition, day: f64) -> f64 {
        let category = &self.categories[product.category];
        let step = CONDITION_STEPS[condition as usize] * category.stretch;
        product.log_price + step + category.trend_per_day * (day - TODAY) + worth(form).ln()
    }

    /// The same of what is known: a condition that is not told may be any.
    pub fn told(&self, product: &Product, condition: Option<Condition>, day: f64) -> f64 {
        let fair = |condition| self.fair(product, Form::Product, condition, day);
        let of_any = || CONDITIONS.iter().zip(CONDITION_SHARES).map(|(&of, share)| share * fair(of)).sum();
        condition.map_or_else(of_any, fair)
    }

    pub fn category_markup(&self, product: &Product) -> f64 {
        self.categories[product.category].markup
    }

    /// What is added to the logarithm of what is paid to have what is asked.
    pub fn markup(&self, product: &Product, random: &mut Random) -> f64 {
        self.category_markup(product) + MARKUP_NOISE * random.normal()
    }
}

/// Of the product's price, assumed: three at once are cheaper than three times one.
fn worth(form: Form) -> f64 {
    match form {
        Form::Product => 1.0,
        Form::WithExtras => 1.05,
        Form::Accessory => 0.08,
        Form::Lot => 2.5,
        Form::ForParts => 0.25,
    }
}

pub fn condition(random: &mut Random) -> Condition {
    CONDITIONS[random.index(&CONDITION_SHARES)]
}

/// A currency, and how many of it a dollar is.
pub fn currency(random: &mut Random) -> (&'static str, f64) {
    if random.chance(IN_PESOS) { ("MXN", PESOS) } else { (super::CURRENCY, 1.0) }
}

/// Sellers like round prices: to the unit below 50, to fives above, to tens above 500.
pub fn rounded(cents: f64) -> i64 {
    let step = match cents {
        cents if cents < 5_000.0 => 100.0,
        cents if cents < 50_000.0 => 500.0,
        _ => 1_000.0,
    };
    ((cents / step).round() * step).max(100.0) as i64
}
