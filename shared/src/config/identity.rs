//! The stand-in for the gateway's authorizer on a developer's machine.

use super::{ConfigError, Environment};

/// `DEV_AUTH=1`: a caller is believed without a signature. Refused wherever Lambda itself runs us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DevelopmentIdentity {
    /// `DEV_USER_ID`: who calls when a request has no `Authorization` header.
    pub user_id: Option<String>,
    /// `DEV_SCOPES`: what that caller may do, separated by spaces.
    pub scopes: String,
}

impl DevelopmentIdentity {
    pub(super) fn from_environment(
        environment: &Environment<'_>,
    ) -> Result<Option<DevelopmentIdentity>, ConfigError> {
        if environment.is_lambda() {
            // Also by itself: somebody thinks that it does something.
            for name in ["DEV_AUTH", "DEV_USER_ID", "DEV_SCOPES"] {
                if environment.get(name).is_some() {
                    return Err(ConfigError::new(name, "must not be set in AWS Lambda"));
                }
            }
            return Ok(None);
        }
        if !environment.flag("DEV_AUTH")? {
            return Ok(None);
        }
        Ok(Some(DevelopmentIdentity {
            user_id: environment.get("DEV_USER_ID"),
            scopes: environment.get("DEV_SCOPES").unwrap_or_default(),
        }))
    }
}
