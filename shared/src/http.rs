//! Requests in, answers out: the same rules for every resource.

mod answer;
mod batch;
mod body;
mod idempotency;
mod identity;
mod page;
mod parameters;
mod precondition;
mod response_body;

use lambda_http::{Request, RequestExt};

pub use self::answer::{
    Created, ProblemDetails, changed, created, document, no_content, ok, page, problem, respond, status,
    tagged,
};
pub use self::batch::{Batch, BatchAnswer, ItemStatus, Upserted, batch};
pub use self::body::{Fields, body, bytes, patch};
pub use self::idempotency::{IdempotencyKey, idempotency_key, idempotency_key_by};
pub use self::identity::{Caller, DEALS_ADMIN, DEALS_INGEST};
pub use self::page::{Page, PageRequest, Position};
pub use self::parameters::Parameters;
pub use self::precondition::{IfMatch, if_match};
pub use self::response_body::ResponseBody;

use crate::{Error, Result};

/// An answer, as it is handed to the gateway.
pub type Response = lambda_http::Response<ResponseBody>;

/// The segments of the path from the resource's own name on: `["listings"]` for `/listings`, `["listings", "7"]`
/// for `/listings/7`, also behind a stage's prefix.
///
/// The gateway decodes the path and `cargo lambda watch` does not; what is looked for here has no `%`.
pub fn path<'r>(request: &'r Request, resource: &str) -> Vec<&'r str> {
    request.raw_http_path().split('/').skip_while(|segment| *segment != resource).collect()
}

/// A row's id from the path: a positive 64-bit number, else there can be no such row.
pub fn id(segment: &str, what: &'static str) -> Result<i64> {
    let digits = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    match segment.parse::<i64>() {
        Ok(id) if digits && id > 0 => Ok(id),
        _ => Err(Error::NotFound(what)),
    }
}
