//! Bodies of responses. Lambda hands a body to the gateway as a JSON string, so JSON is written escaped, once, and not
//! written first and escaped then: of a page of a list that would take as long again.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::SerializeStruct;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, Formatter};

/// A body as a JSON string: quoted, and escaped.
#[derive(Debug)]
pub struct ResponseBody(String);

impl ResponseBody {
    pub fn empty() -> ResponseBody {
        ResponseBody::text("")
    }

    pub fn text(text: &str) -> ResponseBody {
        ResponseBody(serde_json::to_string(text).expect("text can be quoted"))
    }

    pub fn json(value: &impl Serialize) -> ResponseBody {
        let mut json = EscapedJson::new();
        json.write(value);
        json.finish()
    }

    /// As the caller gets to see it.
    pub fn to_text(&self) -> String {
        serde_json::from_str(&self.0).expect("is a JSON string")
    }
}

/// By `serde_json`, as it is.
impl Serialize for ResponseBody {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // How `serde_json` knows its `RawValue`, which a test holds it to. A `RawValue` itself would first parse all
        // that was just written.
        const RAW_VALUE: &str = "$serde_json::private::RawValue";
        let mut raw_value = serializer.serialize_struct(RAW_VALUE, 1)?;
        raw_value.serialize_field(RAW_VALUE, &self.0)?;
        raw_value.end()
    }
}

/// JSON that grows piece by piece, as it is within a JSON string.
#[derive(Debug)]
pub struct EscapedJson(Vec<u8>);

impl EscapedJson {
    pub fn new() -> EscapedJson {
        EscapedJson(vec![b'"'])
    }

    /// Adds a value.
    pub fn write(&mut self, value: &impl Serialize) {
        value
            .serialize(&mut Serializer::with_formatter(&mut self.0, WithinString))
            .expect("our types have string keys and finite numbers");
    }

    /// Adds what stands around values.
    pub fn punctuate(&mut self, json: &str) {
        WithinString.write_raw_fragment(&mut self.0, json).expect("memory takes all");
    }

    /// How long it is by now, in bytes and escaped.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes back what was added since it was this long.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    pub fn finish(mut self) -> ResponseBody {
        self.0.push(b'"');
        ResponseBody(String::from_utf8(self.0).expect("serde writes UTF-8"))
    }
}

/// Writes JSON for the inside of a JSON string: each quote and backslash behind a backslash.
struct WithinString;

impl Formatter for WithinString {
    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(br#"\""#)
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(br#"\""#)
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        writer.write_all(match escape {
            CharEscape::Quote => br#"\\\""#,
            CharEscape::ReverseSolidus => br"\\\\",
            CharEscape::Solidus => br"\\/",
            CharEscape::Backspace => br"\\b",
            CharEscape::FormFeed => br"\\f",
            CharEscape::LineFeed => br"\\n",
            CharEscape::CarriageReturn => br"\\r",
            CharEscape::Tab => br"\\t",
            CharEscape::AsciiControl(byte) => return write!(writer, r"\\u{byte:04x}"),
        })
    }

    /// JSON that was there already, of a column most likely.
    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, json: &str) -> io::Result<()> {
        let quoted = serde_json::to_vec(json)?;
        writer.write_all(&quoted[1..quoted.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::random::Random;

    #[test]
    fn json_comes_out_as_if_it_were_written_first_and_escaped_then() {
        #[derive(Serialize)]
        struct Everything<'a> {
            #[serde(rename = "a \"name\"\n")]
            text: &'a str,
            value: Value,
            raw: &'a RawValue,
            keys: std::collections::BTreeMap<i8, Option<char>>,
        }
        let mut random = Random::with_a_new_seed();
        for _ in 0..300 {
            // Much that must be escaped, once and twice.
            let text: String = (0..random.below(40))
                .map(|_| match random.below(4) {
                    0 => char::from(random.below(128) as u8),
                    1 => random.one_of(&['"', '\\', '/', '\n', '\u{7f}', '\u{2028}']),
                    2 => random.one_of(&['é', '€', '🛋', '\u{fffd}']),
                    _ => 'x',
                })
                .collect();
            let raw = format!("{{ \"raw\" :\t[\r\n{} , 1e3]}}", json!(text));
            let value = Everything {
                text: &text,
                value: json!({ text.as_str(): [text, null, -0.0, 1.5e-7, true], "": {} }),
                raw: serde_json::from_str(&raw).expect("is JSON"),
                keys: [(-1, Some('"')), (7, None)].into(),
            };
            let plain = serde_json::to_string(&value).expect("is JSON");
            let body = ResponseBody::json(&value);
            assert_eq!(body.to_text(), plain);
            assert_eq!(serde_json::to_string(&body).expect("is JSON"), json!(plain).to_string());
        }
    }
}
