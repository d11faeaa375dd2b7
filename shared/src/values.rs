//! Values that a caller sends: one that was read is valid.

mod attributes;
mod comp_kind;
mod credentials;
mod currency;
mod email_address;
mod photo;
mod platform;
mod price;
mod receivers;
mod row_id;
mod schemas;
mod score;
mod search_text;
mod time_of_day;
mod time_zone;
mod whole_miles;

use std::fmt;
use std::str::FromStr;

use postgres_types::{FromSql, ToSql};
use serde::{Deserialize, Serialize};

pub use self::attributes::Attributes;
pub use self::comp_kind::CompKind;
pub use self::credentials::Credentials;
pub use self::currency::Currency;
pub use self::email_address::EmailAddress;
pub use self::photo::Photo;
pub use self::platform::Platform;
pub use self::price::Price;
pub use self::receivers::{DiscordWebhookUrl, WebhookSecret, WebhookUrl};
pub use self::row_id::RowId;
pub use self::score::Score;
pub use self::search_text::SearchText;
pub use self::time_of_day::TimeOfDay;
pub use self::time_zone::TimeZone;
pub use self::whole_miles::WholeMiles;

/// Why a value is not acceptable, worded to follow the name of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unacceptable(String);

impl fmt::Display for Unacceptable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Unacceptable {}

pub(crate) fn unacceptable<T>(detail: impl Into<String>) -> Result<T, Unacceptable> {
    Err(Unacceptable(detail.into()))
}

/// Text of `MIN` to `MAX` characters, without NUL, which PostgreSQL cannot hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSql)]
#[serde(try_from = "String")]
#[postgres(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> TryFrom<String> for Text<MIN, MAX> {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Unacceptable> {
        let length = text.chars().count();
        if length < MIN || length > MAX {
            return unacceptable(format!("must have {MIN} to {MAX} characters"));
        }
        if text.contains('\0') {
            return unacceptable("must not have a NUL character");
        }
        Ok(Text(text))
    }
}

impl<const MIN: usize, const MAX: usize> From<Text<MIN, MAX>> for String {
    fn from(text: Text<MIN, MAX>) -> String {
        text.0
    }
}

impl<const MIN: usize, const MAX: usize> FromStr for Text<MIN, MAX> {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Unacceptable> {
        text.to_owned().try_into()
    }
}

/// An address of the web, kept as it was sent: http or https, at most 500 characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSql)]
#[serde(try_from = "String")]
#[postgres(transparent)]
pub struct WebUrl(String);

impl TryFrom<String> for WebUrl {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<WebUrl, Unacceptable> {
        if text.chars().count() > 500 {
            return unacceptable("must have at most 500 characters");
        }
        // The parser drops some of these silently, and what is stored must be what was checked.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return unacceptable("must not have spaces or control characters");
        }
        match url::Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(WebUrl(text)),
            _ => unacceptable("must be an http or https URL"),
        }
    }
}

/// An amount of money in the currency's minor unit: 0 is free. At most what a JSON number holds exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSql)]
#[serde(try_from = "i64")]
#[postgres(transparent)]
pub struct Cents(i64);

impl Cents {
    pub const ZERO: Cents = Cents(0);
    pub const MAX: Cents = Cents((1 << 53) - 1);
}

impl TryFrom<i64> for Cents {
    type Error = Unacceptable;

    fn try_from(cents: i64) -> Result<Cents, Unacceptable> {
        if (0..=Cents::MAX.0).contains(&cents) {
            return Ok(Cents(cents));
        }
        unacceptable(format!("must be 0 to {}", Cents::MAX.0))
    }
}

impl FromStr for Cents {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Cents, Unacceptable> {
        match text.parse::<i64>() {
            Ok(cents) => cents.try_into(),
            Err(_) => unacceptable(format!("must be a whole number from 0 to {}", Cents::MAX.0)),
        }
    }
}

/// The condition of a second-hand thing, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Condition {
    Poor,
    Fair,
    Good,
    Great,
    Excellent,
}

impl Condition {
    /// As in the database's `item_condition`. Statements cast it from and to text: a type of the schema's own
    /// would cost every new connection several round trips for its description.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Poor => "poor",
            Condition::Fair => "fair",
            Condition::Good => "good",
            Condition::Great => "great",
            Condition::Excellent => "excellent",
        }
    }
}

impl TryFrom<String> for Condition {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Condition, Unacceptable> {
        text.parse()
    }
}

impl FromStr for Condition {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Condition, Unacceptable> {
        match text {
            "poor" => Ok(Condition::Poor),
            "fair" => Ok(Condition::Fair),
            "good" => Ok(Condition::Good),
            "great" => Ok(Condition::Great),
            "excellent" => Ok(Condition::Excellent),
            _ => unacceptable("must be one of poor, fair, good, great, excellent"),
        }
    }
}

const CLOCKS_APART: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// A moment from 1970 to 9999, written as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSql, FromSql)]
#[serde(try_from = "jiff::Timestamp")]
#[postgres(transparent)]
pub struct Timestamp(jiff::Timestamp);

impl TryFrom<jiff::Timestamp> for Timestamp {
    type Error = Unacceptable;

    fn try_from(moment: jiff::Timestamp) -> Result<Timestamp, Unacceptable> {
        if moment < jiff::Timestamp::UNIX_EPOCH {
            return unacceptable("must not be before 1970");
        }
        Ok(Timestamp(moment))
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(moment: Timestamp) -> jiff::Timestamp {
        moment.0
    }
}

impl FromStr for Timestamp {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Timestamp, Unacceptable> {
        match text.parse::<jiff::Timestamp>() {
            Ok(moment) => moment.try_into(),
            Err(_) => unacceptable("must be a moment as RFC 3339 has it: 2026-11-24T09:30:00Z"),
        }
    }
}

impl Timestamp {
    /// By this machine's clock, to the millisecond; what is stored takes the database's.
    pub fn now() -> Timestamp {
        let milliseconds = jiff::Timestamp::now().as_millisecond();
        Timestamp(jiff::Timestamp::from_millisecond(milliseconds).expect("is the present"))
    }

    /// Since 1970.
    pub fn days(self) -> f64 {
        self.0.as_microsecond() as f64 / 86_400_000_000.0
    }

    /// Whether it is further ahead of this machine's clock than clocks are apart.
    pub fn is_in_the_future(self) -> bool {
        self.0.duration_since(jiff::Timestamp::now()) > CLOCKS_APART
    }
}

/// 0 for what is less than a millionth of a metre from it, −0 too: PostgreSQL computes the place, and refuses to
/// multiply what comes out as 0 though neither factor is.
fn without_underflow(degrees: f64) -> f64 {
    if degrees.abs() < 1e-12 { 0.0 } else { degrees }
}

/// Degrees north, −90 to 90.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, ToSql)]
#[serde(try_from = "f64")]
#[postgres(transparent)]
pub struct Latitude(f64);

impl TryFrom<f64> for Latitude {
    type Error = Unacceptable;

    fn try_from(degrees: f64) -> Result<Latitude, Unacceptable> {
        if (-90.0..=90.0).contains(&degrees) {
            return Ok(Latitude(without_underflow(degrees)));
        }
        unacceptable("must be -90 to 90")
    }
}

impl From<Latitude> for f64 {
    fn from(latitude: Latitude) -> f64 {
        latitude.0
    }
}

/// Degrees east, −180 to 180.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, ToSql)]
#[serde(try_from = "f64")]
#[postgres(transparent)]
pub struct Longitude(f64);

impl TryFrom<f64> for Longitude {
    type Error = Unacceptable;

    fn try_from(degrees: f64) -> Result<Longitude, Unacceptable> {
        if (-180.0..=180.0).contains(&degrees) {
            return Ok(Longitude(without_underflow(degrees)));
        }
        unacceptable("must be -180 to 180")
    }
}

impl From<Longitude> for f64 {
    fn from(longitude: Longitude) -> f64 {
        longitude.0
    }
}

/// The earth's mean radius in miles, as the earlier system had it.
const EARTH_RADIUS_MI: f64 = 3958.8;

/// A place on earth, `lat,lon` in degrees, kept as a unit vector: between two of them the straight line grows
/// with the distance over ground, which is what an index can order by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    vector: [f64; 3],
}

impl Place {
    pub fn new(latitude: Latitude, longitude: Longitude) -> Place {
        Place::at(latitude.0, longitude.0)
    }

    /// The same in degrees that are known to be on earth.
    pub fn at(lat: f64, lng: f64) -> Place {
        let (lat, lng) = (lat.to_radians(), lng.to_radians());
        Place { vector: [lat.cos() * lng.cos(), lat.cos() * lng.sin(), lat.sin()] }
    }

    /// Latitude and longitude.
    pub fn degrees(self) -> (f64, f64) {
        let [x, y, z] = self.vector;
        (z.clamp(-1.0, 1.0).asin().to_degrees(), y.atan2(x).to_degrees())
    }

    pub fn miles_to(self, other: Place) -> f64 {
        let square: f64 = self.vector.iter().zip(other.vector).map(|(a, b)| (a - b) * (a - b)).sum();
        2.0 * (square.sqrt() / 2.0).clamp(-1.0, 1.0).asin() * EARTH_RADIUS_MI
    }

    /// The other end of the earth: what is nearest to it is farthest from here.
    pub fn antipode(self) -> Place {
        Place { vector: self.vector.map(|part| -part) }
    }

    pub fn vector(&self) -> &[f64] {
        &self.vector
    }
}

impl FromStr for Place {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Place, Unacceptable> {
        let degrees = |text: &str| text.trim().parse::<f64>().ok();
        let place = text.split_once(',').and_then(|(lat, lng)| {
            let latitude = Latitude::try_from(degrees(lat)?).ok()?;
            Some(Place::new(latitude, Longitude::try_from(degrees(lng)?).ok()?))
        });
        place.map_or_else(|| unacceptable("must be a latitude and a longitude in degrees: 37.34,-121.89"), Ok)
    }
}

/// Miles over ground: more than 0, at most half around the earth.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Miles(f64);

impl Miles {
    pub fn new(miles: f64) -> Option<Miles> {
        (miles > 0.0 && miles <= 12_436.0).then_some(Miles(miles))
    }

    pub fn number(self) -> f64 {
        self.0
    }

    /// The straight line through a unit sphere that spans this distance over ground.
    pub fn chord(self) -> f64 {
        2.0 * (self.0 / EARTH_RADIUS_MI / 2.0).sin()
    }

    /// The distance over ground, in miles to two decimals, that a straight line through a unit sphere spans.
    pub fn over_ground(chord: f64) -> f64 {
        let miles = 2.0 * (chord / 2.0).clamp(-1.0, 1.0).asin() * EARTH_RADIUS_MI;
        (miles * 100.0).round() / 100.0
    }
}

impl FromStr for Miles {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Miles, Unacceptable> {
        match text.parse().ok().and_then(Miles::new) {
            Some(miles) => Ok(miles),
            None => unacceptable("must be a number of miles above 0 and at most 12436"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_over_ground_agrees_with_known_ones() {
        let place = |text: &str| text.parse::<Place>().expect("a place");
        let miles = |a: &str, b: &str| {
            let square = |(a, b): (&f64, &f64)| (a - b) * (a - b);
            let (a, b) = (place(a), place(b));
            let chord = a.vector().iter().zip(b.vector()).map(square).sum::<f64>().sqrt();
            Miles::over_ground(chord)
        };
        assert_eq!(miles("0,0", "0,0"), 0.0);
        // A degree of the equator, also over the date line; half a meridian.
        assert_eq!(miles("0,0", "0,1"), 69.09);
        assert_eq!(miles("0,179.5", "0,-179.5"), 69.09);
        assert_eq!(miles("-90,0", "90,0"), 12_436.94);
        // San Jose to Vallejo, by the haversine formula.
        let haversine = |lat1: f64, lng1: f64, lat2: f64, lng2: f64| {
            let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
            let h = half(lat1, lat2) + lat1.to_radians().cos() * lat2.to_radians().cos() * half(lng1, lng2);
            (2.0 * h.sqrt().asin() * EARTH_RADIUS_MI * 100.0).round() / 100.0
        };
        assert_eq!(
            miles("37.3382,-121.8863", "38.1041,-122.2566"),
            haversine(37.3382, -121.8863, 38.1041, -122.2566)
        );
    }

    #[test]
    fn a_radius_and_its_chord_are_each_others_inverse() {
        for miles in [0.01, 1.0, 50.0, 3000.0, 12_436.0] {
            assert_eq!(Miles::over_ground(Miles(miles).chord()), miles);
        }
    }

    #[test]
    fn only_web_addresses_are_urls() {
        let url = |text: &str| WebUrl::try_from(text.to_owned()).is_ok();
        assert!(url("https://example.com/a?b=c#d"));
        assert!(url("http://[::1]:8080/"));
        let long = format!("https://example.com/{}", "a".repeat(500));
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "http://",
            "https://a b/",
            "ht\ntp://example.com",
            "https://example.com/\u{0}",
            &long,
        ] {
            assert!(!url(bad), "{bad:?}");
        }
    }
}
