//! Quiet hours and digests by the clock of a user's time zone, whatever that clock does.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// Digests of who wishes no other time.
pub const DIGEST_AT: Time = Time::constant(8, 0, 0, 0);

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// UTC for who has none, and for one that PostgreSQL knows and this program does not.
pub fn zone(name: Option<&str>) -> TimeZone {
    let Some(name) = name else { return TimeZone::UTC };
    TimeZone::get(name).unwrap_or_else(|_| {
        tracing::warn!(zone = name, "a time zone is unknown here, and taken for UTC");
        TimeZone::UTC
    })
}

/// The first moment after the quiet hours that `now` is in; `None` when it is in none. They may go over midnight.
///
/// A clock that is put back into them makes them longer, and one that is put forward over their end makes that the end.
pub fn quiet_until(now: Timestamp, zone: &TimeZone, start: Time, end: Time) -> Option<Timestamp> {
    let is_quiet = |clock: Time| {
        if start < end { start <= clock && clock < end } else { clock >= start || clock < end }
    };
    let mut moment = now;
    loop {
        let clock = zone.to_datetime(moment).time();
        if !is_quiet(clock) {
            return (moment > now).then_some(moment);
        }
        let mut left = clock.duration_until(end);
        if left <= SignedDuration::ZERO {
            left += DAY;
        }
        let ended = moment + left;
        match zone.following(moment).next() {
            Some(change) if change.timestamp() <= ended => moment = change.timestamp(),
            _ => return Some(ended),
        }
    }
}

/// The first moment for a digest that is later than `after`. Each day has one: where the clock jumps over it, as much later as
/// the clock jumps, and where it comes twice, the first.
pub fn next_digest(after: Timestamp, zone: &TimeZone, digest_at: Time) -> Timestamp {
    let today = zone.to_datetime(after).date();
    (-1..=2)
        .filter_map(|days| today.checked_add(Span::new().days(days)).ok())
        .filter_map(|day| zone.to_ambiguous_timestamp(day.to_datetime(digest_at)).compatible().ok())
        .find(|moment| *moment > after)
        // The end of time.
        .unwrap_or(Timestamp::MAX)
}

/// When the day began that `now` is in.
pub fn start_of_day(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let midnight = now.to_zoned(zone.clone()).start_of_day();
    midnight.map_or(now - DAY, |midnight| midnight.timestamp())
}

#[cfg(test)]
mod tests;
