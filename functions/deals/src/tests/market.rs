//! Offers as a market has them, and the order that they must come in.

use shared::db::deals;
use tokio_postgres::Client;

#[derive(Debug, Clone)]
pub struct Offer {
    pub title: String,
    pub description: Option<&'static str>,
    pub price: Option<i64>,
    pub condition: Option<&'static str>,
    pub category: Option<&'static str>,
    pub place: Option<(f64, f64)>,
    pub available: bool,
    pub score: f64,
    pub band: &'static str,
    /// In days.
    pub age: f64,
    pub cluster: Option<i64>,
}

/// 2026-11-24, in days since 1970.
const TODAY: f64 = 20_781.0;

impl Offer {
    pub fn named(title: &str) -> Offer {
        Offer {
            title: title.to_owned(),
            description: None,
            price: Some(1000),
            condition: Some("good"),
            category: Some("furniture"),
            place: None,
            available: true,
            score: 50.0,
            band: "good",
            age: 0.0,
            cluster: None,
        }
    }

    pub fn rank(&self) -> f64 {
        deals::rank(self.score, TODAY - self.age)
    }

    /// The formula, by another way than the code goes: the haversine to the centre of the cell.
    pub fn final_rank(&self, near: Option<(f64, f64)>) -> f64 {
        let Some((lat, lng)) = near else { return self.rank() };
        let Some((own_lat, own_lng)) = self.place else { return self.rank() - 10.0 };
        let cell = deals::cell(own_lat, own_lng);
        let center_lat = f64::from(cell / 1440) / 4.0 - 90.0 + 0.125;
        let columns = (1440.0 * center_lat.to_radians().cos()).round();
        let center_lng = (f64::from(cell % 1440) + 0.5) * 360.0 / columns - 180.0;
        let miles = haversine((lat, lng), (center_lat, center_lng));
        self.rank() - ((miles * 0.2).min(10.0) * 64.0).round() / 64.0
    }
}

pub fn haversine(a: (f64, f64), b: (f64, f64)) -> f64 {
    let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
    let h = half(a.0, b.0) + a.0.to_radians().cos() * b.0.to_radians().cos() * half(a.1, b.1);
    2.0 * h.sqrt().asin() * 3958.8
}

/// The id of the listing.
pub async fn insert(owner: &Client, offer: &Offer) -> i64 {
    let sql = "
        with listing as (
            insert into listings (source, source_id, title, description, price_cents, condition, category, url, lat, lng,
                                  posted_at, available)
            values ('craigslist', $1, $1, $2, $3, $4::text::item_condition, $5, 'https://example.com', $6, $7,
                    to_timestamp(86400 * $8::float8), $9)
            returning id),
        score as (
            insert into listing_scores (listing_id, metric, value, snapshot)
            select id, 'deal_score', $10, jsonb_build_object('fair_price_cents', 2 * $3, 'low_cents', 3 * $3 / 2,
                'high_cents', 5 * $3 / 2, 'effective_comps', 7.5, 'reasons', array['half the fair price'], 'comps', array[1, 2])
            from listing)
        insert into deals (listing_id, band, score, rank, cell, category, cluster_id)
        select id, $11::text::deal_band, $10, $12, $13, $5, $14 from listing
        returning listing_id";
    let (lat, lng) = offer.place.unzip();
    let cell = offer.place.map(|(lat, lng)| deals::cell(lat, lng));
    let row = owner
        .query_one(
            sql,
            &[
                &offer.title,
                &offer.description,
                &offer.price,
                &offer.condition,
                &offer.category,
                &lat,
                &lng,
                &(TODAY - offer.age),
                &offer.available,
                &offer.score,
                &offer.band,
                &offer.rank(),
                &cell,
                &offer.cluster,
            ],
        )
        .await;
    row.expect("inserts").get(0)
}
