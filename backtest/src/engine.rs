//! The engine on trial, as the functions call it.

use shared::valuation::{
    Ask, Band, Catalog, Comp, Earlier, Estimate, Model, Score, Subject, deal_score_v1, estimate, fit, score,
};

use crate::Result;
use crate::market::{HOME, Listing};

pub struct Engine<'c> {
    model: Model,
    catalog: Catalog<'c>,
}

impl<'c> Engine<'c> {
    pub fn fitted(comps: &'c [Comp<'c>], day: f64) -> Engine<'c> {
        Engine { model: fit(comps, day), catalog: Catalog::new(comps) }
    }

    /// None without evidence.
    pub fn value(&self, subject: &Subject, day: f64) -> Result<Option<Estimate>> {
        let candidates = self.catalog.candidates(subject, &self.model, day);
        let Ok(estimate) = estimate(subject, &candidates, &self.model, day) else {
            return Ok(None);
        };
        let sane = 0 < estimate.low_cents
            && estimate.low_cents <= estimate.fair_price_cents
            && estimate.fair_price_cents <= estimate.high_cents
            && estimate.effective_comps.is_finite();
        if !sane {
            return Err(format!("no sane estimate of {subject:?}: {estimate:?}").into());
        }
        Ok(Some(estimate))
    }

    pub fn score(&self, listing: &Listing, estimate: &Estimate) -> Result<Option<Score>> {
        let ask = Ask {
            price_cents: Some(listing.price_cents),
            said_to_be_free: listing.said_to_be_free,
            ..Ask::default()
        };
        let Some(score) = score(&ask, estimate, &self.model) else {
            return Ok(None);
        };
        if !(0.0..=100.0).contains(&score.value) {
            return Err(format!("no score of {:?}: {score:?}", listing.subject).into());
        }
        Ok(Some(score))
    }
}

/// Below everything else: what is to be verified, and what has no score.
pub fn rank(score: Option<&Score>) -> f64 {
    match score {
        Some(score) if score.band != Band::Verify => score.value,
        _ => f64::NEG_INFINITY,
    }
}

/// The score of the earlier system, had it stood at the centre of this market.
pub fn earlier_score(listing: &Listing) -> f64 {
    deal_score_v1(&Earlier {
        title: &listing.subject.title,
        price: listing.price_cents as f64 / 100.0,
        condition: listing.subject.condition,
        age_hours: listing.age_hours,
        miles: listing.subject.place.map(|place| miles(HOME, place)),
        has_photo: listing.has_photo,
    })
}

fn miles((lat1, lng1): (f64, f64), (lat2, lng2): (f64, f64)) -> f64 {
    const EARTH_RADIUS_MILES: f64 = 3958.8;
    let (half_lat, half_lng) = ((lat2 - lat1).to_radians() / 2.0, (lng2 - lng1).to_radians() / 2.0);
    let cosines = lat1.to_radians().cos() * lat2.to_radians().cos();
    let a = half_lat.sin().powi(2) + cosines * half_lng.sin().powi(2);
    2.0 * EARTH_RADIUS_MILES * a.sqrt().min(1.0).asin()
}
