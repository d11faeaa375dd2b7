//! What was paid and asked before today, and what is paid after it.

use shared::valuation::{Comp, Subject, Title};
use shared::values::{CompKind, Condition};

use super::goods::CATEGORIES;
use super::prices::{self, Prices, SALE_NOISE};
use super::random::Random;
use super::{CURRENCY, Dirt, Form, MarketComp, Product, Sale, TODAY, place, stated, titles};

const HISTORY_DAYS: f64 = 730.0;
const ASKING: f64 = 0.35;
/// A bad comp's price is off by up to this factor, either way, or another product's of its category.
const OFF: f64 = 3.3;
const ANOTHERS_PRICE: f64 = 0.5;
/// Sellers choose any category for one in twenty.
pub const WRONG_CATEGORY: f64 = 0.05;
/// What else is sold under a product's name, beside each of its comps.
const FORM_SHARES: [(Form, f64); 5] = [
    (Form::Product, 0.86),
    (Form::WithExtras, 0.04),
    (Form::Accessory, 0.05),
    (Form::Lot, 0.025),
    (Form::ForParts, 0.025),
];
pub const SALES: usize = 4_000;
const SALES_WITHIN_DAYS: f64 = 30.0;

pub fn generate(products: &[Product], prices: &Prices, dirt: Dirt, seed: u64) -> Vec<MarketComp> {
    let mut random = Random::new(seed, "comps");
    // Of its own, so that a dirtier market has the same comps otherwise.
    let mut dirty = Random::new(seed, "bad comps");
    let mut comps = Vec::new();
    for (index, product) in products.iter().enumerate() {
        for _ in 0..random.poisson(product.popularity) {
            let form = form(&mut random);
            let condition = prices::condition(&mut random);
            let day = TODAY - HISTORY_DAYS * (1.0 - random.unit());
            let kind = if random.chance(ASKING) { CompKind::Asking } else { CompKind::Sold };
            let (currency, rate) = prices::currency(&mut random);
            let markup = prices.markup(product, &mut random);
            let mut log_price =
                prices.fair(product, form, condition, day) + SALE_NOISE * random.normal() + rate.ln();
            if kind == CompKind::Asking {
                log_price += markup;
            }
            let (bad, error) = error(product, products, dirt, &mut dirty);
            let title = titles::write(product, form, dirt, &mut random);
            comps.push(MarketComp {
                comp: Comp {
                    id: comps.len() as i64,
                    reading: Title::read(&title),
                    title: title.into(),
                    category: category(product, &mut random).to_owned().into(),
                    price_cents: prices::rounded((log_price + error).exp()),
                    currency: currency.to_owned().into(),
                    condition: stated(&mut random, condition),
                    kind,
                    day,
                    place: place(&mut random),
                },
                product: index,
                form,
                bad,
            });
        }
    }
    comps
}

/// Sales of products, each as likely as another: the thin ones count.
pub fn sales(products: &[Product], prices: &Prices, dirt: Dirt, random: &mut Random) -> Vec<Sale> {
    let mut sales = Vec::with_capacity(SALES);
    for _ in 0..SALES {
        let index = random.below(products.len());
        let product = &products[index];
        let form = if random.chance(0.04) { Form::WithExtras } else { Form::Product };
        let condition = prices::condition(random);
        let day = TODAY + SALES_WITHIN_DAYS * random.unit();
        let fair = prices.fair(product, form, condition, day);
        sales.push(Sale {
            price_cents: prices::rounded((fair + SALE_NOISE * random.normal()).exp()),
            subject: subject(product, form, condition, CURRENCY, dirt, random),
            day,
            product: index,
            fair_cents: fair.exp(),
        });
    }
    sales
}

pub fn form(random: &mut Random) -> Form {
    FORM_SHARES[random.index(&FORM_SHARES.map(|(_, share)| share))].0
}

pub fn subject(
    product: &Product,
    form: Form,
    condition: Condition,
    currency: &str,
    dirt: Dirt,
    random: &mut Random,
) -> Subject {
    /// Not every marketplace names one.
    const WITHOUT_CATEGORY: f64 = 0.03;
    let category = category(product, random);
    Subject {
        title: titles::write(product, form, dirt, random),
        category: (!random.chance(WITHOUT_CATEGORY)).then(|| category.to_owned()),
        condition: stated(random, condition),
        currency: currency.to_owned(),
        place: place(random),
    }
}

fn category(product: &Product, random: &mut Random) -> &'static str {
    let category =
        if random.chance(WRONG_CATEGORY) { random.pick(&CATEGORIES) } else { &CATEGORIES[product.category] };
    category.label
}

/// What a bad comp's price is off by.
fn error(product: &Product, products: &[Product], dirt: Dirt, random: &mut Random) -> (bool, f64) {
    // Drawn for each comp, so that a dirtier market has all the bad comps of a cleaner one.
    let bad = random.chance(dirt.bad_comps);
    let factor = random.between(-OFF.ln(), OFF.ln());
    let anothers = random.chance(ANOTHERS_PRICE);
    let nth = random.unit();
    if !bad {
        return (false, 0.0);
    }
    if !anothers {
        return (true, factor);
    }
    let siblings: Vec<&Product> =
        products.iter().filter(|other| other.category == product.category).collect();
    let other = siblings[(nth * siblings.len() as f64) as usize];
    (true, other.log_price - product.log_price)
}
