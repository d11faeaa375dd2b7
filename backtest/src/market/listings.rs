//! What is offered today.

use super::comps;
use super::prices::{self, Prices};
use super::random::Random;
use super::{Dirt, Form, Listing, Offer, Product, TODAY, titles};

pub const LISTINGS: usize = 20_000;
/// Wider than what is paid: natural bargains then are about 2 %, as in the simulation behind the goals.
const ASK_NOISE: f64 = 0.25;
const PLANTED: f64 = 0.03;
const PLANTED_OF_FAIR: (f64, f64) = (0.35, 0.70);
const SCAM_OF_FAIR: (f64, f64) = (0.05, 0.30);
const FREE: f64 = 0.005;
const PLACEHOLDERS: f64 = 0.02;
/// In units of the currency. What is listed for 0 was not said to be free.
const PLACEHOLDER_PRICES: [i64; 6] = [0, 1, 123, 1234, 9999, 12345];
/// Offered on a second marketplace too, and one in four of these on a third.
const CROSS_POSTED: f64 = 0.08;
const CROSS_POSTED_AGAIN: f64 = 0.25;
/// Some sellers add the marketplace's fee.
const PRICE_JITTER: f64 = 0.03;
/// About 200 m: marketplaces blur where a seller lives.
const PLACE_JITTER_DEGREES: f64 = 0.002;
const SOURCES: [&str; 4] = ["craigslist", "ebay", "facebook", "offerup"];
const WITH_PHOTO: f64 = 0.9;
const OLDEST_HOURS: f64 = 14.0 * 24.0;

pub fn generate(products: &[Product], prices: &Prices, dirt: Dirt, seed: u64) -> Vec<Listing> {
    let mut random = Random::new(seed, "listings");
    let mut listings = Vec::with_capacity(LISTINGS + 2);
    for item in 0.. {
        if listings.len() >= LISTINGS {
            break;
        }
        let listing = listing(products, prices, dirt, item, &mut random);
        let copies = match random.chance(CROSS_POSTED) {
            false => 0,
            true if random.chance(CROSS_POSTED_AGAIN) => 2,
            true => 1,
        };
        let first = listings.len();
        listings.push(listing);
        for copy in 1..=copies {
            listings.push(cross_posted(&listings[first], copy, products, dirt, &mut random));
        }
    }
    listings.truncate(LISTINGS);
    listings
}

fn listing(products: &[Product], prices: &Prices, dirt: Dirt, item: usize, random: &mut Random) -> Listing {
    let index = random.below(products.len());
    let product = &products[index];
    let form = comps::form(random);
    let condition = prices::condition(random);
    let (currency, rate) = prices::currency(random);
    let fair = prices.fair(product, form, condition, TODAY) + rate.ln();
    let offer = offer(form, dirt, random);
    let cents = match offer {
        Offer::Honest => {
            prices::rounded((fair + prices.markup(product, random) + ASK_NOISE * random.normal()).exp())
        }
        Offer::Planted => prices::rounded(fair.exp() * random.between(PLANTED_OF_FAIR.0, PLANTED_OF_FAIR.1)),
        Offer::Scam => prices::rounded(fair.exp() * random.between(SCAM_OF_FAIR.0, SCAM_OF_FAIR.1)),
        Offer::Free => 0,
        Offer::Placeholder => random.pick(&PLACEHOLDER_PRICES) * 100,
    };
    Listing {
        source: SOURCES[random.below(SOURCES.len())],
        subject: comps::subject(product, form, condition, currency, dirt, random),
        price_cents: cents,
        said_to_be_free: offer == Offer::Free,
        age_hours: random.between(0.0, OLDEST_HOURS),
        has_photo: random.chance(WITH_PHOTO),
        product: index,
        form,
        offer,
        item,
        fair_cents: fair.exp(),
    }
}

/// Bargains, scams and gifts are of products, so that the truth about them is plain.
fn offer(form: Form, dirt: Dirt, random: &mut Random) -> Offer {
    let honest = 1.0 - PLANTED - FREE - dirt.scams - PLACEHOLDERS;
    let shares = [honest, PLANTED, FREE, dirt.scams, PLACEHOLDERS];
    let offers = [Offer::Honest, Offer::Planted, Offer::Free, Offer::Scam, Offer::Placeholder];
    let offer = offers[random.index(&shares)];
    if form.is_product() || offer == Offer::Placeholder { offer } else { Offer::Honest }
}

/// The same thing on another marketplace: other words, nearly the same price and place.
fn cross_posted(
    listing: &Listing,
    copy: usize,
    products: &[Product],
    dirt: Dirt,
    random: &mut Random,
) -> Listing {
    let mut copied = listing.clone();
    let source = SOURCES.iter().position(|&source| source == listing.source).expect("it is one of these");
    copied.source = SOURCES[(source + copy) % SOURCES.len()];
    copied.subject.title = titles::write(&products[listing.product], listing.form, dirt, random);
    if matches!(listing.offer, Offer::Honest | Offer::Planted | Offer::Scam) {
        let jitter = 1.0 + random.between(-PRICE_JITTER, PRICE_JITTER);
        copied.price_cents = (listing.price_cents as f64 * jitter / 100.0).round().max(1.0) as i64 * 100;
    }
    copied.subject.place = listing.subject.place.map(|(lat, lng)| {
        (lat + PLACE_JITTER_DEGREES * random.normal(), lng + PLACE_JITTER_DEGREES * random.normal())
    });
    copied.age_hours = random.between(0.0, OLDEST_HOURS);
    copied
}
