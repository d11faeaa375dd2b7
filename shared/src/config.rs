//! The environment, read once at start: every variable, its default, and what is wrong with it.

mod identity;
mod photos;
mod postgres;
mod redis;
mod smtp;
mod targets;
mod vision;

use std::fmt;
use std::net::SocketAddr;

pub use self::identity::DevelopmentIdentity;
pub use self::photos::{BucketConfig, PhotoStoreConfig};
pub use self::postgres::{AwsCredentials, Login, PostgresConfig, SslMode};
pub use self::redis::RedisConfig;
pub use self::smtp::{SmtpConfig, SmtpTls};
pub use self::vision::VisionConfig;

use crate::seal::Keys;

/// Everything that a function reads from its environment. `.env.sample` lists the names.
#[derive(Debug, Clone)]
pub struct Config {
    pub postgres: PostgresConfig,
    pub redis: RedisConfig,
    /// Who calls when there is no gateway to say so; always `None` in the cloud.
    pub development_identity: Option<DevelopmentIdentity>,
    /// `CREDENTIALS_KEYS`: what credentials for marketplaces are sealed with. Few functions need it.
    pub credentials_keys: Option<Keys>,
    /// What may be contacted for users although it is no public address; always empty in the cloud.
    pub development_targets: Vec<SocketAddr>,
    /// What e-mail goes out by. Without it, none does.
    pub smtp: Option<SmtpConfig>,
    /// `PHOTO_STORE`: without one there are no uploads.
    pub photo_store: Option<PhotoStoreConfig>,
    /// Without one, what photos show is taken from what their seller says.
    pub vision: Option<VisionConfig>,
}

const CREDENTIALS_KEYS: &str = "CREDENTIALS_KEYS";

impl Config {
    pub fn from_env() -> Result<Config, ConfigError> {
        Config::from_lookup(&|name| std::env::var(name).ok())
    }

    /// Reads through a function, so that a test needs no process-wide variables.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let environment = Environment { lookup };
        Ok(Config {
            postgres: PostgresConfig::from_environment(&environment)?,
            redis: RedisConfig::from_environment(&environment)?,
            development_identity: DevelopmentIdentity::from_environment(&environment)?,
            credentials_keys: environment.keys(CREDENTIALS_KEYS)?,
            development_targets: targets::from_environment(&environment)?,
            smtp: SmtpConfig::from_environment(&environment)?,
            photo_store: PhotoStoreConfig::from_environment(&environment)?,
            vision: VisionConfig::from_environment(&environment)?,
        })
    }
}

/// A variable that cannot be used: its name and what is wrong with it, never what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    variable: &'static str,
    problem: String,
}

impl ConfigError {
    fn new(variable: &'static str, problem: impl Into<String>) -> ConfigError {
        ConfigError { variable, problem: problem.into() }
    }

    /// For a function that cannot do without.
    pub fn no_credentials_keys() -> ConfigError {
        ConfigError::new(CREDENTIALS_KEYS, "is not set, and this function needs it")
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.variable, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// A string that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// The variables of a process; an empty one counts as unset.
struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Environment<'_> {
    fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    /// The value of the first of several names that is set.
    fn first_of(&self, variables: &[&str]) -> Option<String> {
        variables.iter().find_map(|variable| self.get(variable))
    }

    /// Lambda sets this one everywhere; `cargo lambda watch` never does.
    fn is_lambda(&self) -> bool {
        self.get("AWS_LAMBDA_INITIALIZATION_TYPE").is_some()
    }

    fn port(&self, variable: &'static str, default: u16) -> Result<u16, ConfigError> {
        match self.get(variable) {
            None => Ok(default),
            Some(value) => match value.parse() {
                Ok(port) if port > 0 => Ok(port),
                _ => Err(ConfigError::new(variable, "is not a port number from 1 to 65535")),
            },
        }
    }

    fn flag(&self, variable: &'static str) -> Result<bool, ConfigError> {
        match self.get(variable).as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(ConfigError::new(variable, "is none of 0, 1, false, true")),
        }
    }

    fn keys(&self, variable: &'static str) -> Result<Option<Keys>, ConfigError> {
        let keys = self.get(variable).map(|value| Keys::parse(&value)).transpose();
        keys.map_err(|problem| ConfigError::new(variable, problem))
    }
}

#[cfg(test)]
mod tests;
