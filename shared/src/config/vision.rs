//! The model that looks at photos: `VISION_API_KEY`, `VISION_MODEL`, `VISION_URL`.

use url::Url;

use super::{ConfigError, Environment, Secret};

const DEFAULT_URL: &str = "https://api.openai.com/v1/chat/completions";
const DEFAULT_MODEL: &str = "gpt-4o-mini";

/// Chat completions as `OpenAI` has them.
#[derive(Debug, Clone)]
pub struct VisionConfig {
    pub url: String,
    pub model: String,
    pub api_key: Secret,
}

impl VisionConfig {
    /// Without a key there is none.
    pub(super) fn from_environment(
        environment: &Environment<'_>,
    ) -> Result<Option<VisionConfig>, ConfigError> {
        let url = environment.get("VISION_URL").unwrap_or_else(|| DEFAULT_URL.into());
        let model = environment.get("VISION_MODEL").unwrap_or_else(|| DEFAULT_MODEL.into());
        let Some(api_key) = environment.get("VISION_API_KEY") else { return Ok(None) };
        let scheme = Url::parse(&url).ok().filter(Url::has_host).map(|url| url.scheme().to_owned());
        match scheme.as_deref() {
            Some("https") => {}
            Some("http") if !environment.is_lambda() => {}
            Some("http") => return Err(ConfigError::new("VISION_URL", "must be an https URL in AWS Lambda")),
            _ => return Err(ConfigError::new("VISION_URL", "is not an https URL")),
        }
        if api_key.bytes().any(|byte| !(b'!'..=b'~').contains(&byte)) {
            return Err(ConfigError::new("VISION_API_KEY", "has a character that no key has"));
        }
        Ok(Some(VisionConfig { url, model, api_key: Secret(api_key) }))
    }
}
