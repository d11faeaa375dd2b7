//! Keyset pages: the last costs what the first does, and none repeats or misses a row that stays.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::response_body::{EscapedJson, ResponseBody};

/// Of the items, as they are within a JSON string: Lambda takes 6 MB.
const LARGEST_PAGE: usize = 4 * 1024 * 1024;

/// Which page of a list is asked for.
#[derive(Debug)]
pub struct PageRequest<K> {
    pub limit: Limit,
    /// The sort key and the id of the row that the page before ended with. That row need not exist any more.
    pub position: Option<Position<K>>,
    pub(super) fingerprint: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position<K> {
    pub key: K,
    pub id: i64,
}

/// `limit`: 1 to 100, 20 unless told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    /// One row more than the page holds tells whether there is another page.
    pub fn rows_to_fetch(self) -> usize {
        self.0 + 1
    }
}

impl Default for Limit {
    fn default() -> Limit {
        Limit(20)
    }
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Limit, Self::Err> {
        match text.parse() {
            Ok(limit @ 1..=100) => Ok(Limit(limit)),
            _ => Err("is not a whole number from 1 to 100"),
        }
    }
}

/// A page of a list, as it is sent: `{"items":[…],"next_cursor":"…"|null}`.
#[derive(Debug)]
pub struct Page(ResponseBody);

impl Page {
    pub fn into_body(self) -> ResponseBody {
        self.0
    }
}

impl<K: Serialize> PageRequest<K> {
    /// Makes the page of the rows that were fetched: each as an item. It may be shorter than was asked for: an answer
    /// has a largest size.
    pub fn page<'r, R, T: Serialize>(
        &self,
        rows: &'r [R],
        item: impl Fn(&'r R) -> T,
        position: impl Fn(&'r R) -> Position<K>,
    ) -> Page {
        self.page_up_to(rows, None, item, position)
    }

    /// The same where only so much was looked through: the next page begins after `end`, when all rows are on this one.
    pub fn page_up_to<'r, R, T: Serialize>(
        &self,
        rows: &'r [R],
        end: Option<&'r R>,
        item: impl Fn(&'r R) -> T,
        position: impl Fn(&'r R) -> Position<K>,
    ) -> Page {
        let mut json = EscapedJson::new();
        json.punctuate("{\"items\":[");
        let items = json.len();
        let (mut last, mut taken) = (None, 0);
        for row in rows.iter().take(self.limit.0) {
            let before = json.len();
            if taken > 0 {
                json.punctuate(",");
            }
            json.write(&item(row));
            if taken > 0 && json.len() - items > LARGEST_PAGE {
                json.truncate(before);
                break;
            }
            (last, taken) = (Some(row), taken + 1);
        }
        let reached = if rows.len() > taken { last } else { end };
        json.punctuate("],\"next_cursor\":");
        json.write(&reached.map(|reached| self.cursor(&position(reached))));
        json.punctuate("}");
        Page(json.finish())
    }

    fn cursor(&self, position: &Position<K>) -> String {
        let json = serde_json::to_vec(&(self.fingerprint, position)).expect("keys are finite");
        URL_SAFE_NO_PAD.encode(json)
    }
}

/// A cursor is opaque to its users but not secret: it only names a place in an order that they may see anyway.
pub(super) fn read_cursor<K: DeserializeOwned>(
    cursor: &str,
    fingerprint: u64,
) -> Result<Position<K>, &'static str> {
    const MALFORMED: &str = "is not a cursor of this list";
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| MALFORMED)?;
    // The fingerprint first: with another sort, the key has another shape.
    let (belongs_to, position): (u64, &RawValue) = serde_json::from_slice(&json).map_err(|_| MALFORMED)?;
    if belongs_to != fingerprint {
        return Err("belongs to another filter or sort");
    }
    serde_json::from_str(position.get()).map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the rows are on the first page.
    fn taken(rows: &[String]) -> usize {
        let request = PageRequest::<i64> { limit: Limit(100), position: None, fingerprint: 0 };
        let page = request.page(rows, |row| row.as_str(), |row| Position { key: 0, id: row.len() as i64 });
        let page: serde_json::Value =
            serde_json::from_str(&page.into_body().to_text()).expect("a page is JSON");
        page["items"].as_array().expect("a page has items").len()
    }

    #[test]
    fn a_page_of_long_rows_ends_where_lambda_would_take_no_more() {
        let quotes = |count: usize| "\"".repeat(count);
        // What Lambda is sent of a row: itself as JSON, and that in JSON again, without the quotes around it.
        let sent = |row: &String| {
            let json = serde_json::to_string(row).expect("is text");
            serde_json::to_string(&json).expect("is text").len() - 2
        };
        for rows in [
            vec![quotes(2 * LARGEST_PAGE), "short".into()], // one at least, however long
            vec!["plain".repeat(20_000); 100],
            vec![quotes(20_000); 100],
            (0..100).map(|n| if n % 2 == 0 { quotes(n * 999) } else { "\\ü\u{1}".repeat(n * 700) }).collect(),
            vec!["x".into(); 100],
        ] {
            let mut size = 0;
            let fitting = rows.iter().take_while(|row| {
                size += usize::from(size > 0) + sent(row); // with the comma before it
                size <= LARGEST_PAGE
            });
            assert_eq!(taken(&rows), fitting.count().max(1), "of {} rows, {size} bytes", rows.len());
        }
    }
}
