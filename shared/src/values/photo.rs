//! A photo by where it is: on the web, or among the uploads of a user.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Unacceptable, WebUrl, unacceptable};

const UPLOADS: &str = "uploads/";

/// An https URL, or an object key `uploads/<sub>/…`; at most 500 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Photo(String);

impl Photo {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of an upload; `None` for one on the web.
    pub fn key(&self) -> Option<&str> {
        self.0.starts_with(UPLOADS).then_some(&self.0)
    }

    /// Whether a user may name it: the web is everyone's, an upload is its owner's alone.
    pub fn is_open_to(&self, user_id: &str) -> bool {
        let Some(path) = self.0.strip_prefix(UPLOADS) else { return true };
        // A user whose name has a slash has no uploads: else "a" could name what is below "a/b".
        !user_id.contains('/') && path.strip_prefix(user_id).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl TryFrom<String> for Photo {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Photo, Unacceptable> {
        if text.chars().count() > 500 {
            return unacceptable("must have at most 500 characters");
        }
        if let Some(rest) = text.strip_prefix("https://") {
            // The parser would skip them and take what follows for the host.
            if rest.starts_with(['/', '\\']) {
                return unacceptable("must be an https URL with a host");
            }
            return WebUrl::try_from(text).map(|url| Photo(url.0));
        }
        let mut segments = text.split('/');
        if !text.starts_with(UPLOADS) || segments.clone().count() < 3 {
            return unacceptable("must be an https URL, or an object key uploads/<your sub>/…");
        }
        if segments.any(|segment| matches!(segment, "" | "." | "..")) || text.chars().any(char::is_control) {
            return unacceptable("must not have segments that are empty, . or .., nor control characters");
        }
        Ok(Photo(text))
    }
}

impl FromStr for Photo {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Photo, Unacceptable> {
        text.to_owned().try_into()
    }
}

impl JsonSchema for Photo {
    fn schema_name() -> Cow<'static, str> {
        "Photo".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 500,
            "anyOf": [
                { "format": "uri", "pattern": "^https://[^/\\\\\\s\\u0000-\\u001f]" },
                {
                    "pattern": "^uploads(/[^/\\u0000-\\u001f\\u007f-\\u009f]+){2,}$",
                    "description": "An object key: `uploads/`, the caller's own `sub`, and what was uploaded.",
                },
            ],
            "examples": ["https://example.com/photos/chair.jpg"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_on_the_web_or_among_ones_own_uploads() {
        let photo = |text: &str| Photo::try_from(text.to_owned());
        let open = |text: &str, user: &str| photo(text).expect(text).is_open_to(user);
        assert!(open("https://example.com/a.jpg", "anna"));
        assert!(open("uploads/anna/a b/ü.jpg", "anna"));
        assert!(open("uploads/auth0|5%/x..y", "auth0|5%"));
        for others in
            ["uploads/ben/a.jpg", "uploads/anna2/a.jpg", "uploads/Anna/a.jpg", "uploads/ anna/a.jpg"]
        {
            assert!(!open(others, "anna"), "{others}");
        }
        let long = format!("uploads/anna/{}", "a".repeat(488));
        for bad in [
            "",
            "http://example.com/a.jpg",
            "HTTPS://example.com/a.jpg",
            "https:example.com",
            "https:///example.com",
            "https://",
            "https://a b/",
            "uploads/anna",
            "uploads/anna/",
            "uploads//a.jpg",
            "uploads/anna//a.jpg",
            "uploads/anna/../ben/a.jpg",
            "uploads/anna/./a.jpg",
            "uploads/anna/a\n.jpg",
            "uploads/anna/a\u{0}.jpg",
            "/uploads/anna/a.jpg",
            "Uploads/anna/a.jpg",
            "s3://uploads/anna/a.jpg",
            &long,
        ] {
            assert!(photo(bad).is_err(), "{bad}");
        }
    }
}
