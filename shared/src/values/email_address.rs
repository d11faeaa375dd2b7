//! An address for e-mail: plain, without a name, in ASCII.

use std::borrow::Cow;
use std::str::FromStr;

use postgres_types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Unacceptable, unacceptable};

/// What mail servers take everywhere: no quotes, no comments, no address of a machine in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSql)]
#[serde(try_from = "String")]
#[postgres(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the @.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<EmailAddress, Unacceptable> {
        let is_atom = |atom: &str| {
            !atom.is_empty()
                && atom
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
        };
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        match text.split_once('@') {
            Some((local, domain))
                if text.len() <= 254
                    && local.len() <= 64
                    && local.split('.').all(is_atom)
                    && domain.split('.').all(is_label) =>
            {
                Ok(EmailAddress(text))
            }
            _ => unacceptable("must be an e-mail address such as anna@example.com"),
        }
    }
}

impl FromStr for EmailAddress {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<EmailAddress, Unacceptable> {
        text.to_owned().try_into()
    }
}

impl JsonSchema for EmailAddress {
    fn schema_name() -> Cow<'static, str> {
        "EmailAddress".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 254,
            "pattern": "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
            "examples": ["anna@example.com"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_room_for_a_header_or_a_second_one() {
        let long = format!("{}@example.com", "a".repeat(65));
        for good in ["a@b", "anna.b+deals@mail.example.com", "o'neil@example.com", "x@1.example"] {
            assert!(good.parse::<EmailAddress>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "@",
            "anna",
            "anna@",
            "@example.com",
            "an na@example.com",
            "anna@example.com\r\nBcc: ben@example.com",
            "anna@example.com,ben@example.com",
            "Anna <anna@example.com>",
            "anna@ben@example.com",
            ".anna@example.com",
            "an..na@example.com",
            "anna@example..com",
            "anna@-example.com",
            "anna@[127.0.0.1]",
            "änna@example.com",
            "\"anna\"@example.com",
            &long,
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad:?}");
        }
    }
}
