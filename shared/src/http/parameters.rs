//! The query string, read parameter by parameter; one that is unknown, repeated or malformed is an error.

use std::fmt::Display;
use std::str::FromStr;

use lambda_http::Request;
use percent_encoding::percent_decode_str;
use serde::de::{DeserializeOwned, IntoDeserializer};
use sha2::{Digest, Sha256};

use super::page::{self, PageRequest};
use crate::error::{Place, Problem};
use crate::{Error, Result};

/// The parameters of a request, taken one by one; what is wrong with any of them is kept for the end.
#[derive(Debug)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    problems: Vec<Problem>,
    fingerprint: u64,
}

impl Parameters {
    /// # Errors
    /// 400 when a name or a value is not UTF-8, holds a NUL, or when a name is repeated.
    pub fn of(request: &Request) -> Result<Parameters> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        // From the raw query string: the gateway's own map joins repeated parameters with commas.
        let query = request.uri().query().unwrap_or_default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name)
                .ok_or_else(|| Error::Malformed("a parameter's name is not percent-encoded UTF-8".into()))?;
            let value = decoded(value)
                .ok_or_else(|| Error::parameter(&name, "is not percent-encoded UTF-8 without NUL"))?;
            if pairs.iter().any(|(earlier, _)| *earlier == name) {
                return Err(Error::parameter(&name, "is given more than once"));
            }
            pairs.push((name, value));
        }
        let fingerprint = fingerprint(request.uri().path(), &pairs);
        Ok(Parameters { pairs, problems: Vec::new(), fingerprint })
    }

    /// A parameter that may be left out.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let index = self.pairs.iter().position(|(candidate, _)| candidate == name)?;
        let (_, value) = self.pairs.swap_remove(index);
        match value.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(name, error.to_string());
                None
            }
        }
    }

    /// Whether a parameter that was not taken yet is there.
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(candidate, _)| candidate == name)
    }

    /// A parameter that is one of a closed set, by the names that the set has in JSON.
    pub fn choice<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.optional::<String>(name)?;
        match T::deserialize(value.into_deserializer()) {
            Ok(value) => Some(value),
            Err(error) => {
                let error: serde::de::value::Error = error;
                self.problem(name, error.to_string());
                None
            }
        }
    }

    /// `limit` and `cursor`; `K` is what the resource's rows are sorted by.
    pub fn page<K: DeserializeOwned>(&mut self) -> PageRequest<K> {
        let limit = self.optional::<page::Limit>("limit").unwrap_or_default();
        let position = self.optional::<String>("cursor").and_then(|cursor| {
            let read = page::read_cursor(&cursor, self.fingerprint);
            read.map_err(|problem| self.problem("cursor", problem)).ok()
        });
        PageRequest { limit, position, fingerprint: self.fingerprint }
    }

    /// Says that a parameter is wrong for a reason that lies outside of it.
    pub fn problem(&mut self, name: &str, detail: impl Into<String>) {
        self.problems.push(Problem::new(Place::Parameter(name.to_owned()), detail));
    }

    /// To be called when all that may be there has been taken.
    pub fn finish(mut self) -> Result<()> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.problem(&name, "is not a parameter of this resource");
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Error::Parameters(self.problems)) }
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}

/// What a cursor belongs to: the path, the filter and the sort, but not the page's size.
fn fingerprint(path: &str, pairs: &[(String, String)]) -> u64 {
    let mut pairs: Vec<_> = pairs.iter().filter(|(name, _)| name != "limit" && name != "cursor").collect();
    pairs.sort();
    let mut hash = Sha256::new();
    hash.update(path);
    for (name, value) in pairs {
        // NUL cannot occur in either.
        hash.update(name);
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    let digest = hash.finalize();
    u64::from_be_bytes(digest[..8].try_into().expect("a SHA-256 digest has 32 bytes"))
}
