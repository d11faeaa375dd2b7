//! What is asked of the functions, and what their answers must be.

use serde_json::Value;

use crate::Result;
use crate::database::{ITEMS, LISTINGS};

/// The ratio of a function's time to its floor's that the design allows.
pub const BY_ID_BUDGET: f64 = 1.25;
pub const LIST_BUDGET: f64 = 1.4;

/// `examples/null_handler.rs`
pub const NULL_HANDLER: &str = "null handler";

pub struct Case {
    pub name: &'static str,
    pub function: &'static str,
    pub budget: Option<f64>,
    /// Values of the statement's parameters, for pgbench.
    pub values: Vec<String>,
    requests: Requests,
}

enum Requests {
    Null,
    Health,
    ById,
    List(&'static str),
    Item,
    NewItem,
}

impl Case {
    pub fn all() -> Vec<Case> {
        let list = |name, query, values: &[&str]| Case {
            name,
            function: "listings",
            budget: Some(LIST_BUDGET),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            requests: Requests::List(query),
        };
        let (near, chord) =
            (vector(37.3382, -121.8863), (2.0 * (250.0_f64 / 3958.8 / 2.0).sin()).to_string());
        vec![
            Case::health(),
            Case::by_id(),
            list("20 in default sort", "", &[]),
            list("20 by -price_cents", "sort=-price_cents", &[]),
            list("20 by posted_at", "sort=posted_at", &[]),
            list("20 of a category", "category=furniture%3Esofas", &["furniture>sofas"]),
            list("20 of a condition", "condition=good", &["good"]),
            list(
                "20 in a price range",
                "price_cents_min=5000&price_cents_max=20000&sort=price_cents",
                &["5000", "20000"],
            ),
            list(
                "20 nearest in radius",
                "near=37.3382,-121.8863&radius_mi=250&sort=distance",
                &[&near, &near, &near, &chord],
            ),
            list("20 found by q", "q=walnut+desk", &["walnut desk"]),
        ]
    }

    pub fn null() -> Case {
        Case {
            name: NULL_HANDLER,
            function: NULL_HANDLER,
            budget: None,
            values: Vec::new(),
            requests: Requests::Null,
        }
    }

    pub fn health() -> Case {
        Case {
            name: "health",
            function: "health",
            budget: None,
            values: Vec::new(),
            requests: Requests::Health,
        }
    }

    pub fn by_id() -> Case {
        Case {
            name: "listing by id",
            function: "listings",
            budget: Some(BY_ID_BUDGET),
            values: vec![format!("random(1, {LISTINGS})")],
            requests: Requests::ById,
        }
    }

    /// A row behind row-level security.
    pub fn item() -> Case {
        Case {
            name: "item by id",
            function: "my-items",
            budget: None,
            values: Vec::new(),
            requests: Requests::Item,
        }
    }

    pub fn new_item() -> Case {
        Case { name: "item created", requests: Requests::NewItem, ..Case::item() }
    }

    /// The event of the n-th request.
    pub fn event(&self, n: usize) -> Vec<u8> {
        match self.requests {
            Requests::Null | Requests::Health => include_bytes!("../../events/health_get.json").to_vec(),
            Requests::ById => by_id(scattered(n)),
            Requests::List(query) => list(query),
            Requests::Item => with_path(format!("/my-items/{}", n % ITEMS + 1)).to_string().into_bytes(),
            Requests::NewItem => {
                let mut event = with_path("/my-items".to_owned());
                event["requestContext"]["http"]["method"] = "POST".into();
                event["body"] = r#"{"title":"Brass lamp","category":"home>lamps","price_cents":4500}"#.into();
                event.to_string().into_bytes()
            }
        }
    }

    /// # Errors
    /// What is wrong with the answer to the n-th request.
    pub fn check(&self, n: usize, answer: &[u8]) -> Result<()> {
        let body = body(answer)?;
        let right = match self.requests {
            Requests::Null | Requests::Health => body["ok"] == true,
            Requests::ById => body["id"] == scattered(n),
            Requests::Item => body["id"] == n % ITEMS + 1,
            Requests::NewItem => body["title"] == "Brass lamp",
            Requests::List(_) => body["items"].as_array().is_some_and(|items| items.len() == 20),
        };
        if right { Ok(()) } else { Err(format!("{}: the answer is {body}", self.name).into()) }
    }
}

/// The body of an answer whose status is 200 or 201.
pub fn body(answer: &[u8]) -> Result<Value> {
    let answer: Value = serde_json::from_slice(answer)?;
    if answer["statusCode"] != 200 && answer["statusCode"] != 201 {
        return Err(format!("the answer is {answer}").into());
    }
    Ok(serde_json::from_str(answer["body"].as_str().unwrap_or_default())?)
}

/// `GET /listings` as the gateway sends it.
pub fn list(query: &str) -> Vec<u8> {
    let mut event: Value =
        serde_json::from_str(include_str!("../../events/listings_list.json")).expect("is JSON");
    event["rawQueryString"] = query.into();
    event["queryStringParameters"] = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    event.to_string().into_bytes()
}

fn by_id(id: usize) -> Vec<u8> {
    let mut event = with_path(format!("/listings/{id}"));
    event["pathParameters"]["id"] = id.to_string().into();
    event.to_string().into_bytes()
}

pub fn with_path(path: String) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../../events/listings_get.json")).expect("is JSON");
    event["rawPath"] = path.as_str().into();
    event["requestContext"]["http"]["path"] = path.into();
    event
}

/// Who asks for items: the `sub` of that event.
pub fn user() -> String {
    with_path(String::new())["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Ids in no order, the same at each run. The step shares no factor with their number, so that each comes up.
fn scattered(n: usize) -> usize {
    n * 61_803 % LISTINGS + 1
}

/// A place as the functions' statements take it.
fn vector(latitude: f64, longitude: f64) -> String {
    let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
    format!(
        "{{{},{},{}}}",
        latitude.cos() * longitude.cos(),
        latitude.cos() * longitude.sin(),
        latitude.sin()
    )
}
