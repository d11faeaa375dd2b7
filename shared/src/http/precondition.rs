//! `If-Match` and `If-None-Match` (RFC 9110, section 13) over rows whose version is their entity tag.

use lambda_http::Request;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::{HeaderName, IF_MATCH};

use crate::{Error, Result};

/// The versions that a change may meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// No condition, or `*`.
    Any,
    /// One of these; tags that are not ours match nothing, so this may be empty.
    Versions(Vec<i32>),
}

impl IfMatch {
    /// For `$n::int4[] is null or version = any ($n)`.
    pub fn versions(&self) -> Option<&[i32]> {
        match self {
            IfMatch::Any => None,
            IfMatch::Versions(versions) => Some(versions),
        }
    }
}

impl IfMatch {
    /// Why a conditional statement met no row, by a look at the row that it was for.
    pub fn missing_or_changed<T>(&self, row: Result<T>, not_found: Error) -> Error {
        match row {
            Ok(_) if *self != IfMatch::Any => Error::PreconditionFailed,
            // It was not there when we wrote, so that is the truth for this request.
            Ok(_) => not_found,
            Err(error) => error,
        }
    }
}

/// What `If-Match` asks for, by strong comparison: a weak tag never matches.
pub fn if_match(request: &Request) -> IfMatch {
    if !request.headers().contains_key(IF_MATCH) {
        return IfMatch::Any;
    }
    let mut versions = Vec::new();
    for tag in tags(request.headers(), &IF_MATCH) {
        if tag == "*" {
            return IfMatch::Any;
        }
        versions.extend(version(tag));
    }
    IfMatch::Versions(versions)
}

/// Whether a header lists the version's tag or `*`, by weak comparison.
pub(super) fn names_version(headers: &HeaderMap, name: &HeaderName, current: i32) -> bool {
    tags(headers, name).any(|tag| tag == "*" || version(tag.trim_start_matches("W/")) == Some(current))
}

/// Our tags hold no comma, so that splitting at commas at worst breaks a tag that is not ours.
fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn version(tag: &str) -> Option<i32> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    // "+1" and "01" parse as 1 and are other tags.
    digits.parse().ok().filter(|version: &i32| version.to_string() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_strong_tags_match() {
        let asked = |value: &'static str| {
            let mut request = Request::default();
            request.headers_mut().insert(IF_MATCH, value.parse().unwrap());
            if_match(&request)
        };
        assert_eq!(if_match(&Request::default()), IfMatch::Any);
        assert_eq!(asked("*"), IfMatch::Any);
        assert_eq!(asked("\"3\""), IfMatch::Versions(vec![3]));
        assert_eq!(asked("\"x,y\", \"3\" ,\"5\""), IfMatch::Versions(vec![3, 5]));
        for other in ["W/\"3\"", "3", "\"+3\"", "\"03\"", "\"\"", "", "\"99999999999\""] {
            assert_eq!(asked(other), IfMatch::Versions(vec![]), "{other}");
        }
    }
}
