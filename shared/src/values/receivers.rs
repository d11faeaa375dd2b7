//! Where messages are sent, and what they are signed with. Who knows such an address can write to it: neither `Debug` nor
//! an error shows what is in these.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Unacceptable, unacceptable};

const LONGEST: usize = 500;

/// A webhook of a channel on Discord.
#[derive(Clone, PartialEq, Eq, Deserialize)]
// From any JSON: serde's own errors quote a value of the wrong type.
#[serde(try_from = "Value")]
pub struct DiscordWebhookUrl(String);

/// An https URL on port 443 that is no login of somebody's. Whether its host is a public one is seen when it is contacted.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct WebhookUrl(String);

/// What Standard Webhooks sign with: `whsec_` and 24 to 64 bytes as base64.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct WebhookSecret(String);

const SECRET_PREFIX: &str = "whsec_";

impl WebhookSecret {
    /// The key in a secret's text.
    pub fn key(text: &str) -> Option<Vec<u8>> {
        STANDARD.decode(text.strip_prefix(SECRET_PREFIX)?).ok().filter(|key| (24..=64).contains(&key.len()))
    }
}

impl TryFrom<Value> for DiscordWebhookUrl {
    type Error = Unacceptable;

    fn try_from(value: Value) -> Result<DiscordWebhookUrl, Unacceptable> {
        let (text, url) = https_url(value)?;
        let hosts = ["discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com"];
        let path = url.path_segments().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        match path.as_slice() {
            ["api", "webhooks", id, token]
                if hosts.contains(&url.host_str().unwrap_or_default())
                    && is_token(id, |byte| byte.is_ascii_digit())
                    && is_token(token, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                    && url.query().is_none() =>
            {
                Ok(DiscordWebhookUrl(text))
            }
            _ => unacceptable("must be a URL such as https://discord.com/api/webhooks/<id>/<token>"),
        }
    }
}

impl TryFrom<Value> for WebhookUrl {
    type Error = Unacceptable;

    fn try_from(value: Value) -> Result<WebhookUrl, Unacceptable> {
        https_url(value).map(|(text, _)| WebhookUrl(text))
    }
}

impl TryFrom<Value> for WebhookSecret {
    type Error = Unacceptable;

    fn try_from(value: Value) -> Result<WebhookSecret, Unacceptable> {
        match value {
            Value::String(text) if WebhookSecret::key(&text).is_some() => Ok(WebhookSecret(text)),
            _ => unacceptable("must be whsec_ and 24 to 64 bytes as base64"),
        }
    }
}

fn is_token(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

/// As it was sent, and as it was read.
fn https_url(value: Value) -> Result<(String, Url), Unacceptable> {
    let Value::String(text) = value else { return unacceptable("must be text") };
    if text.chars().count() > LONGEST {
        return unacceptable(format!("must have at most {LONGEST} characters"));
    }
    // The parser drops some of these silently, and what is stored must be what was checked.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return unacceptable("must not have spaces, control characters or backslashes");
    }
    let Some(rest) = text.strip_prefix("https://").filter(|rest| !rest.starts_with('/')) else {
        return unacceptable("must be an https URL");
    };
    // Also an empty one, which the parser forgets.
    if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
        return unacceptable("must not have a user or a password");
    }
    match Url::parse(&text) {
        Ok(url) if !url.has_host() => unacceptable("must be an https URL"),
        Ok(url) if url.port().is_some() => unacceptable("must not name a port: 443 is the only one"),
        Ok(url) => Ok((text, url)),
        Err(_) => unacceptable("must be an https URL"),
    }
}

impl From<DiscordWebhookUrl> for String {
    fn from(url: DiscordWebhookUrl) -> String {
        url.0
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> String {
        url.0
    }
}

impl From<WebhookSecret> for String {
    fn from(secret: WebhookSecret) -> String {
        secret.0
    }
}

impl fmt::Debug for DiscordWebhookUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl JsonSchema for DiscordWebhookUrl {
    fn schema_name() -> Cow<'static, str> {
        "DiscordWebhookUrl".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": LONGEST,
            "pattern": "^https://(discord\\.com|discordapp\\.com|canary\\.discord\\.com|ptb\\.discord\\.com)/api/webhooks/[0-9]+/[A-Za-z0-9_-]+$",
        })
    }
}

impl JsonSchema for WebhookUrl {
    fn schema_name() -> Cow<'static, str> {
        "WebhookUrl".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": LONGEST,
            "pattern": "^https://[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*(/[A-Za-z0-9/_-]*)?$",
            "examples": ["https://example.com/deals"],
        })
    }
}

impl JsonSchema for WebhookSecret {
    fn schema_name() -> Cow<'static, str> {
        "WebhookSecret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 94,
            "pattern": "^whsec_[A-Za-z0-9+/]{32,85}=?=?$",
            "examples": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_discord_webhook_is_one_of_discords_own() {
        for host in ["discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com"] {
            let url = json!(format!("https://{host}/api/webhooks/123/a-B_9"));
            assert!(DiscordWebhookUrl::try_from(url).is_ok(), "{host}");
        }
        for bad in [
            "http://discord.com/api/webhooks/123/hunter2",
            "https://discord.com.example/api/webhooks/123/hunter2",
            "https://evil.discord.com/api/webhooks/123/hunter2",
            "https://discord.com@example.com/api/webhooks/123/hunter2",
            "https://discord.com\\@example.com/api/webhooks/123/hunter2",
            "https://discord.com:8443/api/webhooks/123/hunter2",
            "https://discord.com/api/webhooks/123",
            "https://discord.com/api/webhooks/123/hunter2/slack",
            "https://discord.com/api/webhooks/123/hunter2?wait=false",
            "https://discord.com/api/webhooks/../webhooks/1/",
            "https://discord.com/api/webhooks/one/hunter2",
            "discord.com/api/webhooks/123/hunter2",
        ] {
            let error = DiscordWebhookUrl::try_from(json!(bad)).expect_err(bad).to_string();
            assert!(error.starts_with("must ") && !error.contains("hunter2"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_webhook_is_an_https_url_without_a_login() {
        for good in [
            "https://example.com",
            "https://example.com/deals?key=1",
            "https://bücher.example/ü",
            "https://example.com/@me",
        ] {
            assert!(WebhookUrl::try_from(json!(good)).is_ok(), "{good}");
        }
        for bad in [
            json!("http://example.com/hunter2"),
            json!("https://user:hunter2@example.com/"),
            json!("https://@example.com/hunter2"),
            json!("https:///example.com/hunter2"),
            json!("https:example.com/hunter2"),
            json!("https://example.com:5432/hunter2"),
            json!("https://exam ple.com/hunter2"),
            json!("https://example.com/hunter2\r\n"),
            json!("ftp://example.com/hunter2"),
            json!(format!("https://example.com/{}", "hunter2".repeat(80))),
            json!({ "url": "hunter2" }),
            json!(5),
        ] {
            let error = WebhookUrl::try_from(bad.clone()).expect_err("is not one").to_string();
            assert!(error.starts_with("must ") && !error.contains("hunter2"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_secret_has_24_to_64_bytes() {
        let secret = |length: usize| json!(format!("whsec_{}", STANDARD.encode(vec![7; length])));
        for length in [24, 32, 64] {
            let secret = WebhookSecret::try_from(secret(length)).expect("is one");
            assert_eq!(WebhookSecret::key(&secret.0), Some(vec![7; length]));
            assert_eq!(format!("{secret:?}"), "***");
        }
        for bad in [secret(23), secret(65), json!("whsec_"), json!("hunter2"), json!(7), json!(null)] {
            assert!(WebhookSecret::try_from(bad.clone()).is_err(), "{bad}");
        }
    }
}
