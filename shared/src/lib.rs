//! What all functions share. Read in this order: `lambda` (the shell), `app` (what stays warm),
//! `http` (requests in, answers out), `error`, `db` (one file a table), `config`.

pub mod app;
pub mod cache;
pub mod config;
pub mod db;
pub mod error;
pub mod http;
pub mod lambda;
pub mod logging;
pub mod metrics;
#[cfg(feature = "migrations")]
pub mod migrations;
pub mod photo_store;
pub mod refit;
mod request_log;
pub mod seal;
#[cfg(feature = "testing")]
pub mod testing;
pub mod valuation;
pub mod valuer;
pub mod values;

pub use app::App;
pub use db::Role;
pub use error::{Error, Result};

/// A valuation reads some hundred titles, word by word: with the system's allocator a quarter of that was allocation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
