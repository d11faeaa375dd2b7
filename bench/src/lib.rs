//! What runs a built function as AWS Lambda would; `make bench` measures with it.

pub mod runtime_api;
