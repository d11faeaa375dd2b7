//! A second-hand market by a seed, with the truth that only the judge may see: products, what was paid and asked
//! for them before a day, what is paid after it, and what is listed on it.

mod comps;
mod goods;
mod listings;
mod prices;
mod products;
mod random;
mod titles;

use shared::valuation::{Comp, Subject};
use shared::values::{CompKind, Condition};

use self::prices::Prices;
use self::random::Random;

/// 2024-10-04, in days since 1970: comps come before it, listings are of this day, test sales come after it.
pub const TODAY: f64 = 20_000.0;
pub const CURRENCY: &str = "USD";
/// San Diego: a second currency is near.
pub const HOME: (f64, f64) = (32.7157, -117.1611);
/// How far below its fair price an ask is a bargain, as the score means it.
pub const BARGAIN: f64 = 0.7;

/// How dirty a market is.
#[derive(Debug, Clone, Copy)]
pub struct Dirt {
    pub bad_comps: f64,
    pub scams: f64,
    /// Sellers tell brand, model, variant and what it is, without a typing error, as where they pick them from a list.
    pub tidy_titles: bool,
}

/// The first is the simulation that the goals come from; the others are what the goals name beside it.
pub const DIRT: [Dirt; 5] = [
    Dirt { bad_comps: 0.08, scams: 0.01, tidy_titles: false },
    Dirt { bad_comps: 0.20, scams: 0.01, tidy_titles: false },
    Dirt { bad_comps: 0.08, scams: 0.03, tidy_titles: false },
    Dirt { bad_comps: 0.20, scams: 0.03, tidy_titles: false },
    Dirt { bad_comps: 0.08, scams: 0.01, tidy_titles: true },
];

#[derive(Debug, Clone, PartialEq)]
pub struct Market {
    pub products: Vec<Product>,
    pub comps: Vec<MarketComp>,
    pub sales: Vec<Sale>,
    pub listings: Vec<Listing>,
    prices: Prices,
}

/// What one can buy: a brand's model in one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// Index into `goods::CATEGORIES`.
    pub category: usize,
    /// Products of the same model differ in their variant alone.
    pub model: usize,
    pub brand: String,
    pub name: Name,
    pub variant: Option<Variant>,
    /// The logarithm of the fair price in cents, in good condition, today.
    log_price: f64,
    /// How many comps are expected in two years.
    popularity: f64,
}

/// A model's name: `WH-1000XM4`, `Zentro 12 Pro`, `Harbor Oak`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Parts that people write together, with a hyphen or apart.
    tight: Vec<String>,
    /// What the maker puts between those.
    joint: &'static str,
    /// Words after them.
    loose: Vec<String>,
}

/// `256 GB`: an amount with the ways to write its unit, or a word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variant {
    amount: &'static str,
    units: &'static [&'static str],
}

/// What is offered under a product's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Product,
    WithExtras,
    Accessory,
    Lot,
    ForParts,
}

impl Form {
    pub fn is_product(self) -> bool {
        matches!(self, Form::Product | Form::WithExtras)
    }
}

/// A comp, whose id is its place in `Market::comps`, and what it really is.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketComp {
    pub comp: Comp<'static>,
    pub product: usize,
    pub form: Form,
    /// Its price is not its product's.
    pub bad: bool,
}

/// A sale that the engine has not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sale {
    pub subject: Subject,
    pub day: f64,
    pub price_cents: i64,
    pub product: usize,
    /// The median of such sales.
    pub fair_cents: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    Honest,
    Planted,
    Free,
    Scam,
    Placeholder,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    pub source: &'static str,
    pub subject: Subject,
    pub price_cents: i64,
    pub said_to_be_free: bool,
    pub age_hours: f64,
    pub has_photo: bool,
    pub product: usize,
    pub form: Form,
    pub offer: Offer,
    /// What is offered on several marketplaces has one item.
    pub item: usize,
    pub fair_cents: f64,
}

impl Listing {
    pub fn is_bargain(&self) -> bool {
        self.form.is_product()
            && !matches!(self.offer, Offer::Scam | Offer::Placeholder)
            && self.price_cents as f64 <= BARGAIN * self.fair_cents
    }
}

impl Market {
    /// The same seed and dirt make the same market to the bit; dirt changes prices and titles, never products.
    pub fn generate(seed: u64, dirt: Dirt) -> Market {
        let products = products::generate(&mut Random::new(seed, "products"));
        let prices = Prices::generate(&mut Random::new(seed, "prices"));
        let comps = comps::generate(&products, &prices, dirt, seed);
        let sales = comps::sales(&products, &prices, dirt, &mut Random::new(seed, "sales"));
        let listings = listings::generate(&products, &prices, dirt, seed);
        Market { products, comps, sales, listings, prices }
    }

    /// What a comp of the product, if a good one, says of the logarithm of its fair price on a day, by the true effects
    /// of what its seller told.
    pub fn adjusted(&self, comp: &Comp<'_>, product: usize, condition: Option<Condition>, day: f64) -> f64 {
        let product = &self.products[product];
        let paid =
            self.prices.told(product, condition, day) - self.prices.told(product, comp.condition, comp.day);
        let asked = if comp.kind == CompKind::Asking { self.prices.category_markup(product) } else { 0.0 };
        (comp.price_cents as f64).ln() + paid - asked
    }

    /// Whether both are the same brand and model, whatever the variant.
    pub fn same_model(&self, one: usize, other: usize) -> bool {
        self.products[one].model == self.products[other].model
    }
}

/// A condition as the seller states it, if at all.
fn stated(random: &mut Random, condition: Condition) -> Option<Condition> {
    /// Not every marketplace asks for it; the share is assumed.
    const UNKNOWN: f64 = 0.15;
    (!random.chance(UNKNOWN)).then_some(condition)
}

fn place(random: &mut Random) -> Option<(f64, f64)> {
    /// Most of a metro area lies within 40 km: two deviations.
    const SPREAD_DEGREES: f64 = 0.18;
    const WITHOUT: f64 = 0.03;
    if random.chance(WITHOUT) {
        return None;
    }
    Some((HOME.0 + SPREAD_DEGREES * random.normal(), HOME.1 + SPREAD_DEGREES * random.normal()))
}

#[cfg(test)]
mod tests;
