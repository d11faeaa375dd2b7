//! What may be contacted on a developer's machine although it is no public address.

use std::net::SocketAddr;

use super::{ConfigError, Environment};

const DEV_TARGETS: &str = "DEV_TARGETS";

/// `DEV_TARGETS`: sockets separated by commas. Refused wherever Lambda itself runs us.
pub(super) fn from_environment(environment: &Environment<'_>) -> Result<Vec<SocketAddr>, ConfigError> {
    let Some(text) = environment.get(DEV_TARGETS) else { return Ok(Vec::new()) };
    if environment.get("AWS_LAMBDA_INITIALIZATION_TYPE").is_some() {
        return Err(ConfigError::new(DEV_TARGETS, "must not be set in AWS Lambda"));
    }
    let targets = text.split(',').map(|target| target.trim().parse());
    targets.collect::<Result<_, _>>().map_err(|_| {
        ConfigError::new(DEV_TARGETS, "is no list of sockets, such as 127.0.0.1:8080,[::1]:8080")
    })
}
