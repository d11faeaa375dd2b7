//! What a clock on the wall shows.

use std::borrow::Cow;

use jiff::civil::Time;
use postgres_types::{FromSql, ToSql};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Unacceptable, unacceptable};

/// Hours and minutes, `00:00` to `23:59`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSql, FromSql)]
#[serde(try_from = "String", into = "String")]
#[postgres(transparent)]
pub struct TimeOfDay(Time);

impl TryFrom<String> for TimeOfDay {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<TimeOfDay, Unacceptable> {
        let number = |digits: &str| -> Option<i8> {
            let two_digits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| two_digits)
        };
        let time = text
            .split_once(':')
            .and_then(|(hour, minute)| Time::new(number(hour)?, number(minute)?, 0, 0).ok());
        time.map_or_else(
            || unacceptable("must be hours and minutes, 00:00 to 23:59"),
            |time| Ok(TimeOfDay(time)),
        )
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> String {
        format!("{:02}:{:02}", time.0.hour(), time.0.minute())
    }
}

impl From<TimeOfDay> for Time {
    fn from(time: TimeOfDay) -> Time {
        time.0
    }
}

impl JsonSchema for TimeOfDay {
    fn schema_name() -> Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["22:00"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hours_and_minutes_are_a_time_of_day() {
        for good in ["00:00", "07:05", "23:59"] {
            assert_eq!(TimeOfDay::try_from(good.to_owned()).map(String::from), Ok(good.to_owned()));
        }
        for bad in [
            "",
            ":",
            "7:05",
            "07:5",
            "24:00",
            "23:60",
            "-1:00",
            "+1:00",
            "22:00:00",
            "22:00 ",
            "２２:00",
            "22-00",
        ] {
            assert!(TimeOfDay::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
