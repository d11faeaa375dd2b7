//! What stays warm between the invocations of one environment.

use std::net::SocketAddr;

use crate::cache::Cache;
use crate::config::{Config, ConfigError, DevelopmentIdentity, SmtpConfig, VisionConfig};
use crate::db::{Database, Role};
use crate::photo_store::PhotoStore;
use crate::seal::Keys;
use crate::valuer::Valuer;

/// The connections of one execution environment, and how it knows its callers.
#[derive(Debug)]
pub struct App {
    pub db: Database,
    pub cache: Cache,
    pub valuer: Valuer,
    pub development_identity: Option<DevelopmentIdentity>,
    pub development_targets: Vec<SocketAddr>,
    pub smtp: Option<SmtpConfig>,
    pub photo_store: Option<PhotoStore>,
    pub vision: Option<VisionConfig>,
    credentials_keys: Option<Keys>,
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
            valuer: Valuer::default(),
            development_identity: config.development_identity,
            development_targets: config.development_targets,
            smtp: config.smtp,
            photo_store: config.photo_store.map(PhotoStore::new),
            vision: config.vision,
            credentials_keys: config.credentials_keys,
        }
    }

    /// # Errors
    /// When there are none: for the `main` of a function that needs them.
    pub fn credentials_keys(&self) -> Result<&Keys, ConfigError> {
        self.credentials_keys.as_ref().ok_or_else(ConfigError::no_credentials_keys)
    }
}
