//! Many items in one body, `{"items":[…]}`: each is read by itself, so that a bad one does not sink the others.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use lambda_http::{Request, RequestExt};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Response;
use super::answer::{ProblemDetails, ok};
use super::body::{self, Fields, JSON, PROBLEMS_LISTED};
use super::parameters::Parameters;
use crate::error::{Place, Problem};
use crate::{Error, Result};

/// As bytes. Lambda takes 6 MB, as text that has grown by the backslashes before its quotes.
const LARGEST_BATCH: usize = 4 * 1024 * 1024;

const ITEMS: RangeInclusive<usize> = 1..=500;

/// Of all items together: an answer must stay small whatever was sent.
const PROBLEMS_OF_A_BATCH: usize = 2_000;

/// A batch in which some items may have been refused already.
#[derive(Debug)]
pub struct Batch<T> {
    /// In their order, without those that were refused.
    pub accepted: Vec<T>,
    /// By the index of the item, in its order.
    rejected: Vec<(usize, Error)>,
    request_id: String,
}

/// What became of an item that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upserted {
    pub id: i64,
    pub status: ItemStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ItemStatus {
    Created,
    Updated,
    /// It was as the item says, or something newer is known.
    Unchanged,
    Rejected,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct BatchAnswer<'a> {
    /// One for each item, in their order.
    results: Vec<ItemResult<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ItemResult<'a> {
    index: usize,
    status: ItemStatus,
    /// Of the row; `null` when the item was rejected.
    id: Option<i64>,
    /// Why the item was rejected; pointers begin at the item.
    problem: Option<ProblemDetails<'a>>,
}

/// Reads the body of a batch, and `?atomic=`.
///
/// # Errors
/// As for [`super::body`] as far as the whole is concerned; with `atomic=true` also 422 with all that is wrong with any
/// of the items.
pub fn batch<T>(request: &Request, read: impl Fn(&mut Fields) -> T) -> Result<Batch<T>> {
    let mut parameters = Parameters::of(request)?;
    let atomic = parameters.optional("atomic").unwrap_or(false);
    parameters.finish()?;

    let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
    for (index, json) in items(body::bytes(request, &JSON, JSON[0], LARGEST_BATCH)?)?.into_iter().enumerate()
    {
        match item(json, &read) {
            Ok(item) => accepted.push(item),
            Err(problems) => rejected.push((index, problems)),
        }
    }
    let listed_each = (PROBLEMS_OF_A_BATCH / rejected.len().max(1)).clamp(1, PROBLEMS_LISTED);
    for (_, problems) in &mut rejected {
        problems.truncate(listed_each);
    }
    if atomic && !rejected.is_empty() {
        let of_the_body = rejected.into_iter().flat_map(|(index, problems)| {
            problems.into_iter().map(move |problem| match problem.place {
                Place::Pointer(pointer) => {
                    Problem { place: Place::Pointer(format!("/items/{index}{pointer}")), ..problem }
                }
                Place::Parameter(_) => problem,
            })
        });
        return Err(Error::Fields(of_the_body.collect()));
    }
    Ok(Batch {
        accepted,
        rejected: rejected.into_iter().map(|(index, problems)| (index, Error::Fields(problems))).collect(),
        request_id: request.lambda_context().request_id,
    })
}

impl<T> Batch<T> {
    /// 200 with a result for each item, in their order. `upserted` is what became of those that were accepted.
    pub fn answer(&self, upserted: &[Upserted]) -> Result<Response> {
        let (mut upserted, mut rejected) = (upserted.iter(), self.rejected.iter().peekable());
        let results = (0..self.accepted.len() + self.rejected.len()).map(|index| {
            if let Some((_, error)) = rejected.next_if(|(rejected, _)| *rejected == index) {
                let problem = Some(ProblemDetails::of(error, &self.request_id));
                return ItemResult { index, status: ItemStatus::Rejected, id: None, problem };
            }
            let Upserted { id, status } = *upserted.next().expect("every accepted item became something");
            ItemResult { index, status, id: Some(id), problem: None }
        });
        ok(&BatchAnswer { results: results.collect() })
    }
}

/// The items as JSON, which each may still be anything.
fn items(body: &[u8]) -> Result<Vec<&RawValue>> {
    let mut members: BTreeMap<String, &RawValue> = match serde_json::from_slice(body) {
        Ok(members) => members,
        Err(error) if error.is_data() => return Err(body::not_an_object()),
        Err(error) => return Err(body::not_json(&error)),
    };
    let items =
        members.remove("items").map(|json| serde_json::from_str::<Option<Vec<&RawValue>>>(json.get()));
    let mut fields = Fields::of(members.into_keys().map(|name| (name, Value::Null)).collect());
    match &items {
        None => fields.problem("items", "is missing"),
        Some(Ok(None)) => fields.problem("items", "must not be null"),
        Some(Err(error)) => fields.problem("items", error.to_string()),
        Some(Ok(Some(items))) if !ITEMS.contains(&items.len()) => {
            fields.problem("items", format!("must have {} to {} elements", ITEMS.start(), ITEMS.end()));
        }
        Some(Ok(Some(_))) => {}
    }
    fields.finish()?;
    Ok(items.and_then(Result::ok).flatten().expect("there is no problem with them"))
}

fn item<T>(json: &RawValue, read: impl Fn(&mut Fields) -> T) -> Result<T, Vec<Problem>> {
    let (object, unreadable) = object(json.get())?;
    let mut fields = Fields::of(object);
    let value = read(&mut fields);
    let mut problems = fields.into_problems();
    // A field that cannot be read is not missing.
    problems.retain(|problem| unreadable.iter().all(|unreadable| unreadable.place != problem.place));
    problems.splice(0..0, unreadable);
    if problems.is_empty() { Ok(value) } else { Err(problems) }
}

/// The members that could be read, and what is wrong with the others.
type PartlyRead = (Map<String, Value>, Vec<Problem>);

/// The members of an item; and what is wrong with those that look like JSON and cannot be read, such as 1e400.
fn object(json: &str) -> Result<PartlyRead, Vec<Problem>> {
    let whole = |detail: String| vec![Problem::new(Place::Pointer(String::new()), detail)];
    let error = match serde_json::from_str(json) {
        Ok(Value::Object(object)) => return Ok((object, Vec::new())),
        Ok(_) => return Err(whole("is not an object".into())),
        Err(error) => error.to_string(),
    };
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).map_err(|_| whole(error))?;
    let (mut object, mut fields) = (Map::new(), Fields::of(Map::new()));
    for (name, member) in members {
        match serde_json::from_str(member.get()) {
            Ok(value) => {
                object.insert(name, value);
            }
            Err(error) => fields.problem(&name, error.to_string()),
        }
    }
    Ok((object, fields.into_problems()))
}
