//! Where a user's messages go: addresses and secrets, sealed as one and never shown.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_postgres::types::Json;
use url::Url;

use crate::db::Database;
use crate::db::columns::Columns;
use crate::http::Fields;
use crate::seal::{Keys, SealError};
use crate::values::{DiscordWebhookUrl, WebhookSecret, WebhookUrl};
use crate::{Error, Result};

/// As they were sealed, whatever is acceptable by now.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Targets {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discord_webhook_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// The first is the newest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhook_secrets: Vec<String>,
}

/// The schema of what is shown of them.
#[derive(Debug)]
pub struct TargetHints;

impl JsonSchema for TargetHints {
    fn schema_name() -> Cow<'static, str> {
        "TargetHints".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Of each receiver that is set: its host and last four characters, of each secret the last four.",
            "properties": {
                "discord_webhook_url": { "type": "string", "examples": ["discord.com …x7Qa"] },
                "webhook_url": { "type": "string", "examples": ["example.com …eals"] },
                "webhook_secrets": { "type": "array", "items": { "type": "string" }, "examples": [["…aLaS"]] },
            },
            "additionalProperties": false,
        })
    }
}

const SIGNED: &str = "must be given together with webhook_url: its messages are signed";

pub type Secrets = Vec<WebhookSecret>;

/// `None` leaves one as it is, `Some(None)` clears it.
#[derive(Debug, Default)]
pub struct TargetsPatch {
    pub discord_webhook_url: Option<Option<DiscordWebhookUrl>>,
    pub webhook_url: Option<Option<WebhookUrl>>,
    pub webhook_secrets: Option<Option<Secrets>>,
}

pub fn webhook_secrets(fields: &mut Fields, name: &str) -> Option<Option<Secrets>> {
    fields.array(name, 1..=2, |_| Ok(()))
}

/// Says so when a webhook is given that nothing would be signed by.
pub fn check_signed(fields: &mut Fields) {
    if fields.has("webhook_url") && !fields.has("webhook_secrets") {
        fields.problem("webhook_secrets", SIGNED);
    }
}

/// What is to be stored in the place of what was there.
#[derive(Debug, Default)]
pub struct Change {
    pub is_change: bool,
    pub sealed: Option<Vec<u8>>,
    pub hints: Json<Value>,
    /// What it is a change of, when it is not all of it: then it is lost if that has changed.
    pub based_on: Option<Option<Vec<u8>>>,
}

impl TargetsPatch {
    /// Reads what is there, when some of it stays.
    pub async fn change(&self, db: &Database, keys: Option<&Keys>, user_id: &str) -> Result<Change> {
        if self.discord_webhook_url.is_none() && self.webhook_url.is_none() && self.webhook_secrets.is_none()
        {
            return Ok(Change { hints: Json(Value::Object(Map::new())), ..Change::default() });
        }
        let is_all = self.discord_webhook_url.is_some()
            && self.webhook_url.is_some()
            && self.webhook_secrets.is_some();
        let mut based_on = None;
        let mut targets = Targets::default();
        if !is_all {
            let stored = stored(db, user_id).await?;
            if let Some(sealed) = &stored {
                targets = open(keys.ok_or_else(|| self.no_keys())?, sealed, user_id)?;
            }
            based_on = Some(stored);
        }
        if let Some(url) = &self.discord_webhook_url {
            targets.discord_webhook_url = url.clone().map(String::from);
        }
        if let Some(url) = &self.webhook_url {
            targets.webhook_url = url.clone().map(String::from);
        }
        if let Some(secrets) = &self.webhook_secrets {
            targets.webhook_secrets = secrets.iter().flatten().cloned().map(String::from).collect();
        }
        if targets.webhook_url.is_some() && targets.webhook_secrets.is_empty() {
            return Err(Error::field("/webhook_secrets", SIGNED));
        }
        let sealed = match targets == Targets::default() {
            true => None,
            false => Some(targets.seal(keys.ok_or_else(|| self.no_keys())?, user_id)),
        };
        Ok(Change { is_change: true, sealed, hints: Json(targets.hints()), based_on })
    }

    /// The first field that needs them.
    fn no_keys(&self) -> Error {
        let given = [
            (self.discord_webhook_url.is_some(), "/discord_webhook_url"),
            (self.webhook_url.is_some(), "/webhook_url"),
        ];
        let field =
            given.into_iter().find(|(is_given, _)| *is_given).map_or("/webhook_secrets", |(_, field)| field);
        Error::field(field, "cannot be kept here: there are no CREDENTIALS_KEYS to seal it with")
    }
}

pub async fn stored(db: &Database, user_id: &str) -> Result<Option<Vec<u8>>> {
    let sql = "select targets from user_prefs where user_id = $1";
    Ok(db.read_as(user_id, sql, &[&user_id]).await?.first().and_then(|row| row.get(0)))
}

pub fn open(keys: &Keys, sealed: &[u8], user_id: &str) -> Result<Targets, SealError> {
    let json = keys.open(sealed, &bound_to(user_id))?;
    serde_json::from_slice(&json).map_err(|_| SealError::Form)
}

impl Targets {
    pub fn seal(&self, keys: &Keys, user_id: &str) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("is text by text");
        keys.seal(&json, &bound_to(user_id))
    }

    fn hints(&self) -> Value {
        let end = |text: &str| text.chars().skip(text.chars().count().saturating_sub(4)).collect::<String>();
        let of_url = |url: &String| {
            let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
            Value::from(format!("{} …{}", host.unwrap_or_default(), end(url)))
        };
        let mut hints = Map::new();
        if let Some(url) = &self.discord_webhook_url {
            hints.insert("discord_webhook_url".into(), of_url(url));
        }
        if let Some(url) = &self.webhook_url {
            hints.insert("webhook_url".into(), of_url(url));
        }
        if !self.webhook_secrets.is_empty() {
            let secrets = self.webhook_secrets.iter().map(|secret| Value::from(format!("…{}", end(secret))));
            hints.insert("webhook_secrets".into(), secrets.collect());
        }
        hints.into()
    }
}

/// So many at once, when keys are rotated.
const BATCH: i64 = 200;

/// Seals with the first key what another one sealed, as it is done with the credentials of accounts.
///
/// # Errors
/// `Sealed` when some do not open, after all the others.
pub async fn rotate(db: &Database, keys: &Keys) -> Result<u64> {
    let look = format!(
        "select id, user_id, case when substring(targets from 1 for length($2::bytea)) <> $2 then targets end
         from user_prefs where id > $1 and targets is not null order by id limit {BATCH}"
    );
    let change = "update user_prefs prefs set targets = batch.after
                  from unnest($1::bigint[], $2::bytea[], $3::bytea[]) batch (id, before, after)
                  where prefs.id = batch.id and prefs.targets = batch.before
                  returning prefs.id";
    let (mut last, mut rotated, mut broken) = (0_i64, 0, None);
    loop {
        let rows = db.read(&look, &[&last, &keys.header_of_first()]).await?;
        let Some(end) = rows.last() else { break };
        last = end.get(0);
        let (mut ids, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            let mut columns = Columns::of(row);
            let (id, user_id): (i64, &str) = (columns.take(), columns.take());
            let Some(sealed) = columns.take::<Option<&[u8]>>() else { continue };
            match keys.open(sealed, &bound_to(user_id)) {
                Ok(secret) => {
                    ids.push(id);
                    before.push(sealed);
                    after.push(keys.seal(&secret, &bound_to(user_id)));
                }
                Err(error) => {
                    tracing::error!(id, %error, "where a user's messages go does not open");
                    broken = Some(error);
                }
            }
        }
        if !ids.is_empty() {
            rotated += db.write(change, &[&ids, &before, &after]).await?.len() as u64;
        }
    }
    broken.map_or(Ok(rotated), |error| Err(error.into()))
}

/// Whose they are. NUL cannot occur in a user's id.
fn bound_to(user_id: &str) -> Vec<u8> {
    format!("user_prefs\0{user_id}").into_bytes()
}

impl fmt::Debug for Targets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}
