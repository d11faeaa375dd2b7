use jiff::civil::date;
use jiff::tz::{AmbiguousOffset, TimeZoneDatabase, db};
use shared::testing::random::Random;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn clock(text: &str) -> Time {
    text.parse().unwrap()
}

fn paris() -> TimeZone {
    zone(Some("Europe/Paris"))
}

#[test]
fn quiet_hours_end_by_the_users_own_clock_also_over_midnight() {
    let until = |now: &str, start: &str, end: &str| {
        quiet_until(at(now), &paris(), clock(start), clock(end)).map(|until| until.to_string())
    };
    // It is an hour later in Paris.
    assert_eq!(until("2026-01-10T20:59:59Z", "22:00", "07:00"), None);
    assert_eq!(until("2026-01-10T21:00:00Z", "22:00", "07:00").as_deref(), Some("2026-01-11T06:00:00Z"));
    assert_eq!(until("2026-01-11T05:59:59Z", "22:00", "07:00").as_deref(), Some("2026-01-11T06:00:00Z"));
    assert_eq!(until("2026-01-11T06:00:00Z", "22:00", "07:00"), None);
    assert_eq!(until("2026-01-11T12:30:00Z", "13:00", "14:00").as_deref(), Some("2026-01-11T13:00:00Z"));
    assert_eq!(until("2026-01-11T13:00:00Z", "13:00", "14:00"), None);
    assert_eq!(until("2026-01-10T23:30:00Z", "22:00", "00:00"), None);
    assert_eq!(until("2026-01-10T22:30:00Z", "22:00", "00:00").as_deref(), Some("2026-01-10T23:00:00Z"));
    // Two become three on March 29 at 01:00 UTC: the end is jumped over.
    assert_eq!(until("2026-03-29T00:10:00Z", "22:00", "02:30").as_deref(), Some("2026-03-29T01:00:00Z"));
    assert_eq!(until("2026-03-28T22:00:00Z", "22:00", "07:00").as_deref(), Some("2026-03-29T05:00:00Z"));
    // Three become two on October 25 at 01:00 UTC: the end comes twice, and between the two it is quiet again.
    assert_eq!(until("2026-10-24T22:00:00Z", "22:00", "02:30").as_deref(), Some("2026-10-25T00:30:00Z"));
    assert_eq!(until("2026-10-25T00:40:00Z", "22:00", "02:30"), None);
    assert_eq!(until("2026-10-25T01:10:00Z", "22:00", "02:30").as_deref(), Some("2026-10-25T01:30:00Z"));
    assert_eq!(until("2026-10-24T20:00:00Z", "22:00", "07:00").as_deref(), Some("2026-10-25T06:00:00Z"));
}

#[test]
fn a_digest_comes_each_day_also_when_its_time_does_not_or_twice() {
    let next = |after: &str| next_digest(at(after), &paris(), clock("02:30")).to_string();
    assert_eq!(next("2026-03-28T01:29:59Z"), "2026-03-28T01:30:00Z");
    assert_eq!(
        next("2026-03-28T01:30:00Z"),
        "2026-03-29T01:30:00Z",
        "03:30 by the clock that jumped over it"
    );
    assert_eq!(next("2026-03-29T01:30:00Z"), "2026-03-30T00:30:00Z");
    assert_eq!(next("2026-10-24T00:30:00Z"), "2026-10-25T00:30:00Z");
    assert_eq!(next("2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z", "not again an hour later");
    // Samoa had no December 30.
    let apia = zone(Some("Pacific/Apia"));
    let moment = next_digest(at("2011-12-30T00:00:00Z"), &apia, DIGEST_AT);
    assert_eq!(next_digest(moment, &apia, DIGEST_AT).duration_since(moment), DAY);
}

#[test]
fn a_day_begins_where_its_clock_says_so() {
    assert_eq!(start_of_day(at("2026-01-10T23:30:00Z"), &paris()), at("2026-01-10T23:00:00Z"));
    assert_eq!(start_of_day(at("2026-01-10T22:30:00Z"), &paris()), at("2026-01-09T23:00:00Z"));
    // Midnight does not exist in Cairo on April 24.
    let cairo = zone(Some("Africa/Cairo"));
    assert_eq!(start_of_day(at("2026-04-24T09:00:00Z"), &cairo), at("2026-04-23T22:00:00Z"));
}

#[test]
fn a_zone_that_is_unknown_is_taken_for_utc() {
    assert_eq!(zone(None), TimeZone::UTC);
    assert_eq!(zone(Some("Mars/Base")), TimeZone::UTC);
    assert_eq!(zone(Some("Europe/Paris")).iana_name(), Some("Europe/Paris"));
}

/// Of those before, jiff reads an hour of October 2023 in Nuuk by the rule of the years after it, as one that comes twice.
const YEARS: (i16, i16) = (2024, 2036);

/// When a clock is changed, and by how much.
type Change = (Timestamp, SignedDuration);

/// Every zone of the database inside of this program, with the changes of its clock in some years.
fn zones() -> Vec<(String, TimeZone, Vec<Change>)> {
    let bundled: &TimeZoneDatabase = db();
    let begin = date(YEARS.0, 1, 1).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let end = date(YEARS.1, 1, 1).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let zones: Vec<_> = bundled
        .available()
        .map(|name| {
            let zone = bundled.get(name.as_str()).unwrap();
            let mut changes = Vec::new();
            for change in zone.following(begin).take_while(|change| change.timestamp() < end) {
                let before = zone.to_offset(change.timestamp() - SignedDuration::from_nanos(1));
                let step = SignedDuration::from_secs(i64::from(change.offset().seconds() - before.seconds()));
                changes.push((change.timestamp(), step));
            }
            (name.as_str().to_owned(), zone, changes)
        })
        .collect();
    assert!(zones.len() > 400, "{} zones", zones.len());
    zones
}

fn minutes(random: &mut Random, most: usize) -> SignedDuration {
    SignedDuration::from_mins(random.below(2 * most + 1) as i64 - most as i64)
}

fn any_time(random: &mut Random) -> Time {
    Time::new(random.below(24) as i8, random.below(60) as i8, 0, 0).unwrap()
}

fn any_moment(random: &mut Random) -> Timestamp {
    let begin = date(YEARS.0, 1, 1).to_zoned(TimeZone::UTC).unwrap().timestamp();
    begin + SignedDuration::from_secs(random.below(12 * 365 * 86400) as i64)
}

/// A time near to where the clock jumps, half of the time.
fn time_near(random: &mut Random, zone: &TimeZone, change: Timestamp) -> Time {
    if random.below(2) == 0 {
        return any_time(random);
    }
    let near = change + minutes(random, 90);
    zone.to_datetime(near).time().round(jiff::Unit::Minute).unwrap()
}

#[test]
fn in_no_zone_and_at_no_change_of_its_clock_is_the_end_of_quiet_hours_quiet() {
    let mut random = Random::with_a_new_seed();
    let mut asked = 0;
    for (name, zone, changes) in zones() {
        let mut moments: Vec<Timestamp> = (0..20).map(|_| any_moment(&mut random)).collect();
        for (change, _) in &changes {
            moments.extend((0..12).map(|_| *change + minutes(&mut random, 1560)));
            moments.push(*change);
        }
        for now in moments {
            let near = changes.get(random.below(changes.len().max(1))).map_or(now, |(change, _)| *change);
            let (start, end) = (time_near(&mut random, &zone, near), time_near(&mut random, &zone, near));
            if start == end {
                continue;
            }
            let case = format!("{name} {now} {start}-{end}");
            let is_quiet = |moment: Timestamp| {
                let clock = zone.to_datetime(moment).time();
                if start < end { start <= clock && clock < end } else { clock >= start || clock < end }
            };
            asked += 1;
            let Some(until) = quiet_until(now, &zone, start, end) else {
                assert!(!is_quiet(now), "{case}");
                continue;
            };
            assert!(is_quiet(now) && until > now, "{case}: {until}");
            assert!(!is_quiet(until), "{case}: {until} is quiet");
            assert!(is_quiet(until - SignedDuration::from_nanos(1)), "{case}: it ended before {until}");
            for _ in 0..4 {
                let between = now
                    + SignedDuration::from_secs(
                        random.below(until.duration_since(now).as_secs() as usize + 1) as i64,
                    );
                assert!(between >= until || is_quiet(between), "{case}: {between} is not quiet");
            }
            // Less than a day by the clock, and by as much more as the clock is put back meanwhile. Once more a day, when it
            // jumps over all of the hours that are not quiet.
            let changes = changes.iter().filter(|(change, _)| now < *change && *change <= until);
            let put_back: SignedDuration = changes
                .clone()
                .map(|(_, step)| *step)
                .filter(SignedDuration::is_negative)
                .map(|step| -step)
                .sum();
            let awake = end.duration_until(start);
            let awake = if awake.is_negative() { awake + DAY } else { awake };
            let days = if changes.clone().any(|(_, step)| *step >= awake) { 2 } else { 1 };
            assert!(until.duration_since(now) < DAY * days + put_back, "{case}: {until}");
        }
    }
    assert!(asked > 50_000, "{asked}");
    eprintln!("{asked} moments");
}

#[test]
fn in_every_zone_each_day_has_one_digest() {
    let mut random = Random::with_a_new_seed();
    let mut days = 0;
    for (name, zone, changes) in zones() {
        let mut moments = vec![any_moment(&mut random)];
        moments.extend(changes.iter().map(|(change, _)| *change));
        for change in moments {
            for _ in 0..3 {
                let digest_at = time_near(&mut random, &zone, change);
                let case = format!("{name} {change} {digest_at}");
                let mut last = next_digest(change - DAY * 3, &zone, digest_at);
                let mut day = zone.to_datetime(last).date();
                while last < change + DAY * 3 {
                    let next = next_digest(last, &zone, digest_at);
                    day = day.tomorrow().unwrap();
                    let (wanted, shown) = (day.to_datetime(digest_at), zone.to_datetime(next));
                    // Where there is no such time, the clock shows as much more as it jumped, be it the next day's.
                    let jumped = match zone.to_ambiguous_timestamp(wanted).offset() {
                        AmbiguousOffset::Gap { before, after } => after.duration_since(before),
                        _ => SignedDuration::ZERO,
                    };
                    assert_eq!(wanted.duration_until(shown), jumped, "{case}: {last} {next}");
                    let apart = next.duration_since(last);
                    let between =
                        last + SignedDuration::from_secs(random.below(apart.as_secs() as usize) as i64);
                    assert_eq!(next_digest(between, &zone, digest_at), next, "{case}: {between}");
                    last = next;
                    days += 1;
                }
                let now = change + minutes(&mut random, 1560);
                let began = start_of_day(now, &zone);
                let day = |moment: Timestamp| zone.to_datetime(moment).date();
                assert!(began <= now && day(began) == day(now), "{case} {now}: {began}");
                assert!(day(began - SignedDuration::from_nanos(1)) < day(now), "{case} {now}: {began}");
            }
        }
    }
    assert!(days > 50_000, "{days}");
    eprintln!("{days} days");
}
