//! What a message says, on each of the channels. Titles are what strangers wrote: wherever one goes, it is text and nothing
//! else.

use serde_json::{Value, json};
use shared::db::deliveries::Delivery;
use shared::values::Timestamp;
use url::Url;

const LONGEST_TITLE: usize = 120;
const LONGEST_NAME: usize = 60;
const LONGEST_URL: usize = 500;
/// In one message on Discord.
const MOST_EMBEDS: usize = 10;

/// A message about deals.
#[derive(Debug)]
pub struct Message {
    /// Of the delivery: the same for each attempt.
    pub id: i64,
    is_digest: bool,
    created_at: Timestamp,
    notices: Vec<Notice>,
    /// Those that are not spelled out.
    more: i64,
}

/// A notification as it can be shown.
#[derive(Debug)]
struct Notice {
    id: Value,
    listing_id: Value,
    kind: Value,
    created_at: Value,
    headline: &'static str,
    title: String,
    url: Option<String>,
    thumbnail_url: Option<String>,
    price: Option<String>,
    fair_price: Option<String>,
    saved_search: Option<String>,
    /// As they were, for programs.
    price_cents: Value,
    fair_price_cents: Value,
    currency: Value,
    score: Value,
}

impl Message {
    pub fn of(delivery: &Delivery<'_>) -> Message {
        let notices: Vec<Notice> = delivery.newest.0.iter().map(Notice::of).collect();
        Message {
            id: delivery.id,
            is_digest: delivery.digest,
            created_at: delivery.created_at,
            more: delivery.notifications - i64::try_from(notices.len()).unwrap_or(0),
            notices,
        }
    }

    pub fn subject(&self) -> String {
        match self.notices.as_slice() {
            [only] if self.more == 0 => match &only.price {
                Some(price) => format!("{}: {}, {price}", only.headline, only.title),
                None => format!("{}: {}", only.headline, only.title),
            },
            several => format!("{} deals for you", several.len() as i64 + self.more),
        }
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for notice in &self.notices {
            text.push_str(&format!("{}: {}\n", notice.headline, notice.title));
            for line in notice.details().into_iter().chain(notice.url.clone()) {
                text.push_str(&format!("  {line}\n"));
            }
            text.push('\n');
        }
        text + &self.and_more().unwrap_or_default()
    }

    pub fn html(&self) -> String {
        let mut html = String::from("<!doctype html><html><body>");
        for notice in &self.notices {
            let title = escape_html(&notice.title);
            let title = match &notice.url {
                Some(url) => format!("<a href=\"{}\">{title}</a>", escape_html(url)),
                None => title,
            };
            html.push_str(&format!("<p><b>{}: {title}</b>", notice.headline));
            for line in notice.details() {
                html.push_str(&format!("<br>{}", escape_html(&line)));
            }
            html.push_str("</p>");
        }
        if let Some(more) = self.and_more() {
            html.push_str(&format!("<p>{}</p>", escape_html(&more)));
        }
        html + "</body></html>"
    }

    /// The body for a webhook of Discord.
    pub fn discord(&self) -> Value {
        let embeds: Vec<Value> = self
            .notices
            .iter()
            .take(MOST_EMBEDS)
            .map(|notice| {
                let mut embed = json!({
                    "title": format!("{}: {}", notice.headline, escape_markdown(&notice.title)),
                    "description": escape_markdown(&notice.details().join("\n")),
                });
                if let Some(url) = &notice.url {
                    embed["url"] = url.as_str().into();
                }
                if let Some(url) = &notice.thumbnail_url {
                    embed["thumbnail"] = json!({ "url": url });
                }
                embed
            })
            .collect();
        let unseen = self.more + self.notices.len().saturating_sub(MOST_EMBEDS) as i64;
        let mut content = match self.notices.len() as i64 + self.more {
            1 => String::new(),
            several => format!("{several} deals for you"),
        };
        if unseen > 0 {
            content.push_str(&format!(", {unseen} more of them in the inbox"));
        }
        // Nobody is called, whoever a title names.
        json!({ "content": content, "embeds": embeds, "allowed_mentions": { "parse": [] } })
    }

    /// The body for a webhook: the same for each attempt.
    pub fn event(&self) -> Value {
        let mut notifications: Vec<Value> = self
            .notices
            .iter()
            .map(|notice| {
                json!({
                    "id": notice.id,
                    "listing_id": notice.listing_id,
                    "kind": notice.kind,
                    "title": notice.title,
                    "url": notice.url,
                    "thumbnail_url": notice.thumbnail_url,
                    "price_cents": notice.price_cents,
                    "fair_price_cents": notice.fair_price_cents,
                    "currency": notice.currency,
                    "score": notice.score,
                    "saved_search": notice.saved_search,
                    "created_at": notice.created_at,
                })
            })
            .collect();
        let (kind, data) = match (self.is_digest, notifications.len()) {
            (false, 1) => ("listing.matched", json!({ "notification": notifications.swap_remove(0) })),
            _ => ("digest", json!({ "notifications": notifications, "more": self.more })),
        };
        json!({ "type": kind, "timestamp": self.created_at, "data": data })
    }

    fn and_more(&self) -> Option<String> {
        (self.more > 0).then(|| format!("And {} more in the inbox.", self.more))
    }
}

impl Notice {
    fn of(notification: &Value) -> Notice {
        let payload = &notification["payload"];
        let text = |name: &str, longest: usize| {
            payload[name].as_str().map(|text| clean(text, longest)).filter(|text| !text.is_empty())
        };
        let currency = payload["currency"].as_str().unwrap_or_default();
        let price = |name: &str| payload[name].as_i64().map(|cents| money(cents, currency));
        Notice {
            id: notification["id"].clone(),
            listing_id: notification["listing_id"].clone(),
            kind: notification["kind"].clone(),
            created_at: notification["created_at"].clone(),
            headline: match notification["kind"].as_str() {
                Some("new") => "New",
                Some("cheaper") => "Cheaper",
                Some("good") => "Good deal",
                _ => "Deal",
            },
            title: text("title", LONGEST_TITLE).unwrap_or_else(|| "a listing".into()),
            url: https_url(&payload["url"]),
            thumbnail_url: https_url(&payload["thumbnail_url"]),
            price: price("price_cents"),
            fair_price: price("fair_price_cents"),
            saved_search: text("saved_search", LONGEST_NAME),
            price_cents: payload["price_cents"].clone(),
            fair_price_cents: payload["fair_price_cents"].clone(),
            currency: payload["currency"].clone(),
            score: payload["score"].clone(),
        }
    }

    /// Lines that are no markup.
    fn details(&self) -> Vec<String> {
        let price = match (&self.price, &self.fair_price) {
            (Some(price), Some(fair)) => Some(format!("{price}; a fair price is {fair}")),
            (Some(price), None) => Some(price.clone()),
            (None, _) => None,
        };
        let found = self.saved_search.as_ref().map(|name| format!("found by \u{201c}{name}\u{201d}"));
        price.into_iter().chain(found).collect()
    }
}

/// One line: no control characters, none that is invisible or turns the direction of what follows, and not too long.
fn clean(text: &str, longest: usize) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let text: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(longest) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What a link may lead to, as the parser writes it: with neither quotes nor spaces.
fn https_url(value: &Value) -> Option<String> {
    let url = Url::parse(value.as_str()?).ok()?;
    let is_plain =
        url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none();
    (is_plain && url.as_str().len() <= LONGEST_URL).then(|| url.into())
}

/// An amount in minor units, as ISO 4217 has them.
fn money(cents: i64, currency: &str) -> String {
    let currency = clean(currency, 3);
    let digits = match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    };
    let unit = 10_i64.pow(digits);
    match cents {
        0 => "free".into(),
        _ if digits == 0 => format!("{cents} {currency}"),
        _ => format!("{}.{:0width$} {currency}", cents / unit, cents % unit, width = digits as usize),
    }
}

fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Each sign that may mean something on Discord stands for itself; an address is not made a link.
fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation()
            && !matches!(c, '.' | ',' | ';' | '\'' | '"' | '!' | '?' | '%' | '$' | '&')
        {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '@' {
            // Nothing is invisible in what was cleaned: this alone parts the sign from a name.
            escaped.push('\u{200b}');
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
