//! `Idempotency-Key`: a POST that may be sent again without happening again.

use lambda_http::Request;
use sha2::{Digest, Sha256};

use crate::seal::Keys;
use crate::{Error, Result};

/// A key, and what it stands for.
#[derive(Debug)]
pub struct IdempotencyKey {
    pub value: String,
    /// Of path and body. The first is kept; a request is the same when any of them was.
    pub fingerprints: Vec<[u8; 32]>,
}

/// # Errors
/// 400 when it is not 1 to 255 characters of printable ASCII, or given twice.
pub fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>> {
    read(request, |path, body| {
        vec![Sha256::new().chain_update(path).chain_update([0]).chain_update(body).finalize().into()]
    })
}

/// For bodies with secrets, with a fingerprint that needs a key (HMAC-SHA-256): by a plain one, whoever has a dump of the
/// database could try what a short password is. Errors as for [`idempotency_key`].
pub fn idempotency_key_by(keys: &Keys, request: &Request) -> Result<Option<IdempotencyKey>> {
    read(request, |path, body| keys.digests(&[path, &[0], body]))
}

fn read(
    request: &Request,
    fingerprints: impl FnOnce(&[u8], &[u8]) -> Vec<[u8; 32]>,
) -> Result<Option<IdempotencyKey>> {
    let mut values = request.headers().get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    // The gateway joins repeated headers by commas; locally they are still two.
    let printable = |value: &str| value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let value = match value.to_str() {
        Ok(value) if (1..=255).contains(&value.len()) && printable(value) && values.next().is_none() => value,
        _ => {
            return Err(Error::Malformed(
                "Idempotency-Key must be given once, with 1 to 255 characters of printable ASCII".into(),
            ));
        }
    };
    let fingerprints = fingerprints(request.uri().path().as_bytes(), request.body().as_ref());
    Ok(Some(IdempotencyKey { value: value.to_owned(), fingerprints }))
}
