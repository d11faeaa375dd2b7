//! JSON bodies, read field by field, so that all that is wrong with one is said at once.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use lambda_http::Request;
use lambda_http::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::{Map, Value};

use crate::error::{Place, Problem};
use crate::{Error, Result};

const LARGEST_BODY: usize = 1024 * 1024;

/// More is not listed: an answer must stay small whatever was sent.
pub(super) const PROBLEMS_LISTED: usize = 50;

pub(super) const JSON: [&str; 1] = ["application/json"];

/// What a merge patch (RFC 7396) may call itself.
const PATCH_TYPES: [&str; 2] = ["application/merge-patch+json", "application/json"];

/// Reads the body of a POST or a PUT.
///
/// # Errors
/// 413 and 415; 400 when it is no JSON object; 422 with all the fields that are wrong, unknown or missing.
pub fn body<T>(request: &Request, read: impl FnOnce(&mut Fields) -> T) -> Result<T> {
    read_object(request, &JSON, "application/json", read)
}

/// Reads the merge patch of a PATCH; errors as with [`body`].
pub fn patch<T>(request: &Request, read: impl FnOnce(&mut Fields) -> T) -> Result<T> {
    read_object(request, &PATCH_TYPES, "application/merge-patch+json or application/json", read)
}

/// The members of a JSON object, taken one by one; what is wrong with any of them is kept for the end.
#[derive(Debug)]
pub struct Fields {
    object: Map<String, Value>,
    /// Where the object is in the body, as a JSON pointer: empty for the body itself.
    place: String,
    problems: Vec<Problem>,
}

impl Fields {
    /// Of an object that is a whole of its own.
    pub(super) fn of(object: Map<String, Value>) -> Fields {
        Fields { object, place: String::new(), problems: Vec::new() }
    }

    /// A field that must be there. Until the whole body is known to be right, a placeholder stands for a
    /// value that is not.
    pub fn required<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        match self.take(name) {
            Field::Value(value) => value,
            Field::Absent => {
                self.problem(name, "is missing");
                T::default()
            }
            Field::Null => {
                self.problem(name, "must not be null");
                T::default()
            }
            Field::Wrong => T::default(),
        }
    }

    /// A field that may be left out, or be `null`, which is the same.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.take(name) {
            Field::Value(value) => Some(value),
            Field::Absent | Field::Null | Field::Wrong => None,
        }
    }

    /// In a patch, a field that is never null: absent leaves it as it is.
    pub fn change<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.take(name) {
            Field::Value(value) => Some(value),
            Field::Null => {
                self.problem(name, "must not be null");
                None
            }
            Field::Absent | Field::Wrong => None,
        }
    }

    /// In a patch, a field that may be null: absent leaves it, `null` clears it.
    pub fn change_or_clear<T: DeserializeOwned>(&mut self, name: &str) -> Option<Option<T>> {
        match self.take(name) {
            Field::Value(value) => Some(Some(value)),
            Field::Null => Some(None),
            Field::Absent | Field::Wrong => None,
        }
    }

    /// An array that must be there; else as [`Fields::array`].
    pub fn required_array<T: DeserializeOwned>(
        &mut self,
        name: &str,
        lengths: RangeInclusive<usize>,
        check: impl FnMut(&T) -> Result<(), &'static str>,
    ) -> Vec<T> {
        if self.has(name) {
            return self.array(name, lengths, check).flatten().unwrap_or_default();
        }
        self.required(name)
    }

    /// An array, read element by element, each of which may be wrong; else as [`Fields::change_or_clear`]. `check` says
    /// what is wrong with an element that was read.
    pub fn array<T: DeserializeOwned>(
        &mut self,
        name: &str,
        lengths: RangeInclusive<usize>,
        mut check: impl FnMut(&T) -> Result<(), &'static str>,
    ) -> Option<Option<Vec<T>>> {
        let Some(elements) = self.change_or_clear::<Vec<Value>>(name)? else { return Some(None) };
        if !lengths.contains(&elements.len()) {
            self.problem(name, format!("must have {} to {} elements", lengths.start(), lengths.end()));
            return None;
        }
        let mut values = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let value = serde_json::from_value(element).map_err(|error| error.to_string());
            match value.and_then(|value| check(&value).map(|()| value).map_err(str::to_owned)) {
                Ok(value) => values.push(value),
                Err(detail) => self.problem_at(format!("{}/{index}", self.pointer(name)), detail),
            }
        }
        Some(Some(values))
    }

    /// An object, read as the body itself is; else as [`Fields::change_or_clear`].
    pub fn nested<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields) -> T) -> Option<Option<T>> {
        let Some(object) = self.change_or_clear(name)? else { return Some(None) };
        let place = self.pointer(name);
        let mut fields = Fields { object, place, problems: std::mem::take(&mut self.problems) };
        let value = read(&mut fields);
        fields.refuse_the_rest();
        self.problems = fields.problems;
        Some(Some(value))
    }

    /// An object of at most `most` members, whatever their names; else as [`Fields::change_or_clear`]. `read` takes the
    /// member of a name.
    pub fn members<T>(
        &mut self,
        name: &str,
        most: usize,
        mut read: impl FnMut(&mut Fields, &str) -> Option<T>,
    ) -> Option<Option<BTreeMap<String, T>>> {
        if matches!(self.object.get(name), Some(Value::Object(members)) if members.len() > most) {
            self.object.remove(name);
            self.problem(name, format!("must have at most {most} members"));
            return None;
        }
        self.nested(name, |fields| {
            let names: Vec<String> = fields.object.keys().cloned().collect();
            names.into_iter().filter_map(|name| read(fields, &name).map(|value| (name, value))).collect()
        })
    }

    /// Whether a field that was not taken yet is there and not null.
    pub fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether no field is there that was not taken yet.
    pub fn is_empty(&self) -> bool {
        self.object.is_empty()
    }

    /// Says so when a field that was not taken yet, and may be left out elsewhere, is not there.
    pub fn demand(&mut self, name: &str) {
        match self.object.get(name) {
            None => self.problem(name, "is missing"),
            Some(Value::Null) => self.problem(name, "must not be null"),
            Some(_) => {}
        }
    }

    /// Says that a field is wrong for a reason that lies outside of it.
    pub fn problem(&mut self, name: &str, detail: impl Into<String>) {
        self.problem_at(self.pointer(name), detail);
    }

    fn problem_at(&mut self, pointer: String, detail: impl Into<String>) {
        self.problems.push(Problem::new(Place::Pointer(pointer), detail));
    }

    /// RFC 6901.
    fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.place, name.replace('~', "~0").replace('/', "~1"))
    }

    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Field<T> {
        match self.object.remove(name) {
            None => Field::Absent,
            Some(Value::Null) => Field::Null,
            Some(value) => match read(value) {
                Ok(value) => Field::Value(value),
                Err(error) => {
                    self.problem(name, error.to_string());
                    Field::Wrong
                }
            },
        }
    }

    fn refuse_the_rest(&mut self) {
        for name in std::mem::take(&mut self.object).keys().take(PROBLEMS_LISTED) {
            self.problem(name, "is not a field that can be set here");
        }
    }

    /// All that is wrong, also with what nobody took.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.refuse_the_rest();
        self.problems
    }

    pub(super) fn finish(self) -> Result<()> {
        let mut problems = self.into_problems();
        if problems.is_empty() {
            return Ok(());
        }
        problems.truncate(PROBLEMS_LISTED);
        Err(Error::Fields(problems))
    }
}

fn read<T: DeserializeOwned>(value: Value) -> serde_json::Result<T> {
    match value {
        Value::Object(object) => {
            // serde_json alone would read {"draft": null} as the choice "draft", and serde's own as a list.
            T::deserialize(MapDeserializer::new(object.clone().into_iter()))?;
            serde_json::from_value(Value::Object(object))
        }
        // To JSON Schema, and to JavaScript, 5.0 is an integer.
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                T::deserialize(Value::from(float as i64))
            }
            _ => T::deserialize(Value::Number(number)),
        },
        value => serde_json::from_value(value),
    }
}

enum Field<T> {
    Absent,
    Null,
    Value(T),
    Wrong,
}

fn read_object<T>(
    request: &Request,
    accepted: &[&str],
    accepted_text: &'static str,
    read: impl FnOnce(&mut Fields) -> T,
) -> Result<T> {
    let object = match serde_json::from_slice(bytes(request, accepted, accepted_text, LARGEST_BODY)?) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(not_an_object()),
        Err(error) => return Err(not_json(&error)),
    };
    let mut fields = Fields::of(object);
    let value = read(&mut fields);
    fields.finish()?;
    Ok(value)
}

/// The body as it came, when it is of a type that is read and not too large.
///
/// # Errors
/// 413 and 415.
pub fn bytes<'r>(
    request: &'r Request,
    accepted: &[&str],
    accepted_text: &'static str,
    largest: usize,
) -> Result<&'r [u8]> {
    if let Some(content_type) = request.headers().get(CONTENT_TYPE) {
        let media_type = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        if !accepted.iter().any(|accepted| media_type.trim().eq_ignore_ascii_case(accepted)) {
            return Err(Error::UnsupportedMediaType(accepted_text));
        }
    }
    // As bytes: the gateway and `cargo lambda watch` differ in which bodies they call text.
    let bytes: &[u8] = request.body().as_ref();
    if bytes.len() > largest {
        return Err(Error::TooLarge(largest));
    }
    Ok(bytes)
}

pub(super) fn not_an_object() -> Error {
    Error::Malformed("the body is not a JSON object".into())
}

pub(super) fn not_json(error: &serde_json::Error) -> Error {
    Error::Malformed(format!("the body is not JSON: {error}"))
}
