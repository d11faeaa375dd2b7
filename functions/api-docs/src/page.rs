//! The page at `/docs`, and the policy under which a browser runs it: its own style and script, and nothing else.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::header::HeaderValue;
use sha2::{Digest, Sha256};

pub const HTML: &str = include_str!("docs.html");

pub static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; connect-src 'self'; script-src '{}'; style-src '{}'; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        source("script"),
        source("style"),
    );
    HeaderValue::from_str(&policy).expect("is ASCII")
});

/// What names the text of the page's one element of this kind.
fn source(element: &str) -> String {
    let (_, rest) = HTML.split_once(&format!("<{element}>")).expect("the page has one");
    let (text, _) = rest.split_once(&format!("</{element}>")).expect("it ends");
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
