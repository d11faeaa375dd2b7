//! Why a request was not served, and what the caller is told.

use std::borrow::Cow;

use lambda_http::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use tokio_postgres::error::{DbError, SqlState};

use crate::db::ConnectError;
use crate::seal::SealError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Named for what the caller is told; `http::respond` makes the answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A body or a query string that cannot be read.
    #[error("{0}")]
    Malformed(String),
    #[error("the query string is not acceptable")]
    Parameters(Vec<Problem>),
    #[error("the body has fields that are not acceptable")]
    Fields(Vec<Problem>),
    #[error("sign in first")]
    Unauthenticated,
    /// Holds the scope that is missing.
    #[error("this needs the scope {0}")]
    Forbidden(&'static str),
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Holds the verbs that are allowed, as the `Allow` header lists them.
    #[error("allowed here: {0}")]
    MethodNotAllowed(&'static str),
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// Another request with the same Idempotency-Key.
    #[error("a request with this Idempotency-Key is still running")]
    StillRunning,
    #[error("this Idempotency-Key stands for another request")]
    KeyReused,
    #[error("it has changed since the version that If-Match names")]
    PreconditionFailed,
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// Holds the media types that are accepted.
    #[error("the content type must be {0}")]
    UnsupportedMediaType(&'static str),
    /// There is no connection to be had; the cause is logged and never sent.
    #[error("temporarily unavailable")]
    Connect(#[from] ConnectError),
    #[error("temporarily unavailable")]
    Deadline,
    #[error("internal error")]
    Panic,
    /// The cause is logged and never sent.
    #[error("internal error")]
    Database(#[source] tokio_postgres::Error),
    /// A stored secret that does not open; the cause is logged and never sent.
    #[error("internal error")]
    Sealed(#[from] SealError),
    /// Where photos are kept; the cause is logged and never sent.
    #[error("internal error")]
    PhotoStore(#[source] std::io::Error),
}

/// One thing that is wrong, and where: a JSON pointer (RFC 6901) into the body, or a query parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    #[serde(flatten)]
    pub place: Place,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    Pointer(String),
    Parameter(String),
}

impl Problem {
    /// Names and values that a caller sent may be in either, so both are cut to what is worth reading.
    pub fn new(place: Place, detail: impl Into<String>) -> Problem {
        let shortened = |mut text: String| {
            if let Some((end, _)) = text.char_indices().nth(200) {
                text.truncate(end);
                text.push('…');
            }
            text
        };
        let place = match place {
            Place::Pointer(pointer) => Place::Pointer(shortened(pointer)),
            Place::Parameter(name) => Place::Parameter(shortened(name)),
        };
        Problem { place, detail: shortened(detail.into()) }
    }
}

impl Error {
    /// A 409 in words.
    pub fn conflict(detail: &'static str) -> Error {
        Error::Conflict(Cow::Borrowed(detail))
    }

    /// A single field of the body that is wrong.
    pub fn field(pointer: &str, detail: impl Into<String>) -> Error {
        Error::Fields(vec![Problem::new(Place::Pointer(pointer.to_owned()), detail)])
    }

    /// A single query parameter that is wrong.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Error {
        Error::Parameters(vec![Problem::new(Place::Parameter(name.to_owned()), detail)])
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Error::Malformed(_) | Error::Parameters(_) => StatusCode::BAD_REQUEST,
            Error::Fields(_) | Error::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Error::Unauthenticated => StatusCode::UNAUTHORIZED,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Error::Conflict(_) | Error::StillRunning => StatusCode::CONFLICT,
            Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::Connect(_) | Error::Deadline => StatusCode::SERVICE_UNAVAILABLE,
            Error::Database(error) if is_transient(error) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Database(_) | Error::Sealed(_) | Error::PhotoStore(_) | Error::Panic => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// What is known of the cause, in words that a log may hold.
    pub fn cause(&self) -> String {
        match self {
            Error::Connect(error) => error.to_string(),
            Error::Deadline => "the database's deadline passed".into(),
            Error::Panic => "panic".into(),
            Error::Database(error) => describe(error),
            Error::Sealed(error) => error.to_string(),
            Error::PhotoStore(error) => format!("the photo store: {}", error.kind()),
            told => told.to_string(),
        }
    }

    /// Whether the connection can no longer be used.
    pub fn is_connection_lost(&self) -> bool {
        match self {
            Error::Database(error) => is_connection_lost(error),
            _ => false,
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Error {
        Error::Database(error)
    }
}

/// Turns a violated constraint, known by its name in `migrations/`, into an answer.
pub trait OnConstraint<T> {
    fn on_constraint(self, name: &str, answer: impl FnOnce() -> Error) -> Result<T>;

    /// Turns a step that a state machine does not have into a 409 that says which it has: the database's own words,
    /// which name states and nothing else.
    fn on_status_step(self, table: &str) -> Result<T>;
}

impl<T> OnConstraint<T> for Result<T> {
    fn on_constraint(self, name: &str, answer: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|error| match &error {
            Error::Database(cause)
                if cause.as_db_error().and_then(DbError::constraint).is_some_and(|broken| broken == name) =>
            {
                answer()
            }
            _ => error,
        })
    }

    fn on_status_step(self, table: &str) -> Result<T> {
        self.map_err(|error| match &error {
            Error::Database(cause) => match cause.as_db_error() {
                Some(db) if db.constraint() == Some(&format!("{table}_status_step_check")) => {
                    Error::Conflict(Cow::Owned(db.message().to_owned()))
                }
                _ => error,
            },
            _ => error,
        })
    }
}

/// A database error without its message and detail, which may quote what a user sent: the SQLSTATE and the
/// names of what it is about.
pub fn describe(error: &tokio_postgres::Error) -> String {
    let Some(db) = error.as_db_error() else {
        // The sources of a failed connection: "connection refused", "certificate verify failed", …
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        return text;
    };
    let mut text = format!("SQLSTATE {}", db.code().code());
    for (name, value) in [
        ("constraint", db.constraint()),
        ("table", db.table()),
        ("column", db.column()),
        ("routine", db.routine()),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(", {name} {value}"));
        }
    }
    text
}

fn is_connection_lost(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        // Class 57P: the server is going down, or not up yet; class 08: connection exceptions.
        Some(db) => db.code().code().starts_with("57P") || db.code().code().starts_with("08"),
        None => {
            error.is_closed()
                || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
        }
    }
}

/// Worth another try a little later: no fault of the request, and none of ours.
fn is_transient(error: &tokio_postgres::Error) -> bool {
    if is_connection_lost(error) {
        return true;
    }
    let Some(db) = error.as_db_error() else { return false };
    // Class 53: out of connections, memory or disk.
    db.code().code().starts_with("53")
        || [
            SqlState::QUERY_CANCELED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(db.code())
}
