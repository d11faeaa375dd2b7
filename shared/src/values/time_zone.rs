//! A time zone by its name in the IANA database, such as `Europe/Paris`. Whether there is one, the database knows.

use std::borrow::Cow;

use postgres_types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Unacceptable, unacceptable};

/// `UTC`, `GMT`, an area and a place, or an offset as `Etc/GMT+5`.
///
/// PostgreSQL takes more: abbreviations (`PST`), and any text with an offset in it as a rule of its own (`EST5`,
/// `Mars/Base3`). The first have no slash; the second need a digit, and here only the offsets that exist have one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSql)]
#[serde(try_from = "String")]
#[postgres(transparent)]
pub struct TimeZone(String);

impl TryFrom<String> for TimeZone {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<TimeZone, Unacceptable> {
        let is_name = |segment: &str| {
            segment.starts_with(|first: char| first.is_ascii_uppercase())
                && segment.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'))
        };
        let segments: Vec<&str> = text.split('/').collect();
        let acceptable = match segments.as_slice() {
            ["UTC" | "GMT"] => true,
            ["Etc", offset] if is_offset(offset) => true,
            // Other folders of the same zones, where a server has them.
            [area, ..] if ["posix", "right"].iter().any(|other| area.eq_ignore_ascii_case(other)) => false,
            [_, _] | [_, _, _] => text.len() <= 64 && segments.into_iter().all(is_name),
            _ => false,
        };
        if acceptable {
            Ok(TimeZone(text))
        } else {
            unacceptable("must be a name such as Europe/Paris or UTC")
        }
    }
}

/// `GMT0`, `GMT+0` to `GMT+12`, `GMT-0` to `GMT-14`.
fn is_offset(text: &str) -> bool {
    let Some(offset) = text.strip_prefix("GMT") else { return false };
    let up_to = |digits: &str, most: u8| (0..=most).any(|hours| hours.to_string() == digits);
    match offset.split_at_checked(1) {
        Some(("+", digits)) => up_to(digits, 12),
        Some(("-", digits)) => up_to(digits, 14),
        _ => offset == "0",
    }
}

impl JsonSchema for TimeZone {
    fn schema_name() -> Cow<'static, str> {
        "TimeZone".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 64,
            "pattern": "^(UTC|GMT|Etc/GMT(0|[+-][0-9]|[+-]1[0-2]|-1[34])|[A-Z][A-Za-z_-]*(/[A-Z][A-Za-z_-]*){1,2})$",
            "examples": ["America/Los_Angeles"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_zones_are_told_from_rules_and_abbreviations() {
        let accepted = |name: &str| TimeZone::try_from(name.to_owned()).is_ok();
        for good in [
            "UTC",
            "Europe/Paris",
            "America/Port-au-Prince",
            "America/Argentina/Buenos_Aires",
            "Etc/UTC",
            "Etc/GMT0",
            "Etc/GMT+12",
            "Etc/GMT-14",
        ] {
            assert!(accepted(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "PST",
            "EST5",
            "PST8PDT",
            "EST5EDT,M3.2.0/2,M11.1.0/2",
            "<A>5",
            "Mars/Base3",
            "Mars/Base+3",
            "Etc/GMT+13",
            "Etc/GMT+05",
            "Etc/GMTé",
            "posix/Europe/Paris",
            "Right/Europe/Paris",
            "Europe/../Paris",
            "Europe//Paris",
            "Europe/paris",
            " Europe/Paris",
            "Europe/Paris\0",
        ] {
            assert!(!accepted(bad), "{bad}");
        }
    }
}
