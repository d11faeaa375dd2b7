//! What stays warm between the invocations of one environment.

use crate::cache::Cache;
use crate::config::{Config, ConfigError, DevelopmentIdentity};
use crate::db::{Database, Role};

/// The connections of one execution environment, and how it knows its callers.
#[derive(Debug)]
pub struct App {
    pub db: Database,
    pub cache: Cache,
    pub development_identity: Option<DevelopmentIdentity>,
}

impl App {
    /// `role` is what the function may do in the database; it is written in its `main`, never in the environment.
    pub fn from_env(role: Role) -> Result<App, ConfigError> {
        Ok(App::new(Config::from_env()?, role))
    }

    pub fn new(config: Config, role: Role) -> App {
        App {
            db: Database::new(config.postgres, role),
            cache: Cache::new(config.redis),
            development_identity: config.development_identity,
        }
    }
}
