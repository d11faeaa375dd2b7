//! What preferences are made of.

use std::borrow::Cow;
use std::collections::BTreeMap;

use postgres_types::ToSql;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::http::Fields;
use crate::values::{Cents, Text, TimeOfDay};

const MOST_KEYWORDS: usize = 50;
const MOST_PRICES: usize = 100;

/// How a user is told, beside the inbox, which everyone has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum NotifyChannel {
    Email,
    Discord,
    Webhook,
}

impl NotifyChannel {
    pub fn as_str(self) -> &'static str {
        match self {
            NotifyChannel::Email => "email",
            NotifyChannel::Discord => "discord",
            NotifyChannel::Webhook => "webhook",
        }
    }
}

impl TryFrom<String> for NotifyChannel {
    type Error = &'static str;

    fn try_from(text: String) -> Result<NotifyChannel, Self::Error> {
        match text.as_str() {
            "email" => Ok(NotifyChannel::Email),
            "discord" => Ok(NotifyChannel::Discord),
            "webhook" => Ok(NotifyChannel::Webhook),
            _ => Err("must be one of email, discord, webhook"),
        }
    }
}

impl JsonSchema for NotifyChannel {
    fn schema_name() -> Cow<'static, str> {
        "NotifyChannel".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["email", "discord", "webhook"] })
    }
}

/// At once, or many in one message at a time of the user's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum NotifyDelivery {
    Instant,
    Digest,
}

impl NotifyDelivery {
    pub fn as_str(self) -> &'static str {
        match self {
            NotifyDelivery::Instant => "instant",
            NotifyDelivery::Digest => "digest",
        }
    }
}

impl TryFrom<String> for NotifyDelivery {
    type Error = &'static str;

    fn try_from(text: String) -> Result<NotifyDelivery, Self::Error> {
        match text.as_str() {
            "instant" => Ok(NotifyDelivery::Instant),
            "digest" => Ok(NotifyDelivery::Digest),
            _ => Err("must be one of instant, digest"),
        }
    }
}

impl JsonSchema for NotifyDelivery {
    fn schema_name() -> Cow<'static, str> {
        "NotifyDelivery".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["instant", "digest"] })
    }
}

/// Messages a day: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSql)]
#[serde(try_from = "i64")]
#[postgres(transparent)]
pub struct DailyCap(i32);

impl TryFrom<i64> for DailyCap {
    type Error = &'static str;

    fn try_from(messages: i64) -> Result<DailyCap, Self::Error> {
        match i32::try_from(messages) {
            Ok(messages @ 1..=1000) => Ok(DailyCap(messages)),
            _ => Err("must be 1 to 1000"),
        }
    }
}

impl JsonSchema for DailyCap {
    fn schema_name() -> Cow<'static, str> {
        "DailyCap".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 1000 })
    }
}

pub type Keywords = Vec<Text<1, 100>>;

pub fn keywords(fields: &mut Fields, name: &str) -> Option<Option<Keywords>> {
    fields.array(name, 0..=MOST_KEYWORDS, |_| Ok(()))
}

pub fn notify_channels(fields: &mut Fields, name: &str) -> Option<Option<Vec<NotifyChannel>>> {
    let mut seen = Vec::new();
    fields.array(name, 0..=3, |channel| {
        if seen.contains(channel) {
            return Err("is given twice");
        }
        seen.push(*channel);
        Ok(())
    })
}

/// Highest prices by category, in minor units.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MaxPrices(BTreeMap<String, Cents>);

impl MaxPrices {
    pub fn read(fields: &mut Fields, name: &str) -> Option<Option<MaxPrices>> {
        let prices = fields.members(name, MOST_PRICES, |prices, category| {
            check_category(prices, category);
            prices.change(category)
        })?;
        Some(prices.map(MaxPrices))
    }
}

/// `null` takes a category's limit away; categories that are not named keep theirs.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MaxPricesPatch(BTreeMap<String, Option<Cents>>);

impl MaxPricesPatch {
    pub fn read(fields: &mut Fields, name: &str) -> Option<Option<MaxPricesPatch>> {
        let prices = fields.members(name, MOST_PRICES, |prices, category| {
            check_category(prices, category);
            prices.change_or_clear(category)
        })?;
        Some(prices.map(MaxPricesPatch))
    }
}

impl From<MaxPrices> for MaxPricesPatch {
    fn from(prices: MaxPrices) -> MaxPricesPatch {
        MaxPricesPatch(prices.0.into_iter().map(|(category, price)| (category, Some(price))).collect())
    }
}

fn check_category(fields: &mut Fields, category: &str) {
    if let Err(error) = category.parse::<Text<1, 120>>() {
        fields.problem(category, format!("as a category {error}"));
    }
}

impl JsonSchema for MaxPrices {
    fn schema_name() -> Cow<'static, str> {
        "MaxPrices".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        prices_schema(generator.subschema_for::<Cents>())
    }
}

impl JsonSchema for MaxPricesPatch {
    fn schema_name() -> Cow<'static, str> {
        "MaxPricesPatch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        prices_schema(generator.subschema_for::<Option<Cents>>())
    }
}

fn prices_schema(price: Schema) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MOST_PRICES,
        "propertyNames": { "minLength": 1, "maxLength": 120, "pattern": "^[^\\u0000]*$" },
        "additionalProperties": price,
        "examples": [{ "furniture>sofas": 15000 }],
    })
}

/// By the clock of the user's time zone; it may go over midnight.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
pub struct QuietHours {
    pub start: TimeOfDay,
    pub end: TimeOfDay,
}

impl QuietHours {
    pub fn read(fields: &mut Fields) -> QuietHours {
        QuietHours { start: fields.required("start"), end: fields.required("end") }
    }
}

/// `None` leaves one as it is.
#[derive(Debug, Clone, Copy)]
pub struct QuietHoursPatch {
    pub start: Option<TimeOfDay>,
    pub end: Option<TimeOfDay>,
}

impl QuietHoursPatch {
    pub fn read(fields: &mut Fields) -> QuietHoursPatch {
        QuietHoursPatch { start: fields.change("start"), end: fields.change("end") }
    }
}

impl From<QuietHours> for QuietHoursPatch {
    fn from(hours: QuietHours) -> QuietHoursPatch {
        QuietHoursPatch { start: Some(hours.start), end: Some(hours.end) }
    }
}

impl JsonSchema for QuietHoursPatch {
    fn schema_name() -> Cow<'static, str> {
        "QuietHoursPatch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = generator.subschema_for::<TimeOfDay>();
        json_schema!({
            "type": "object",
            "description": "One that is left out stays as it is.",
            "properties": { "start": time, "end": time },
            "additionalProperties": false,
        })
    }
}
