//! Secrets at rest: sealed by AES-256-GCM under a key that is known by its id, so that keys can be rotated.

use std::fmt;

use aes_gcm::aead::{Aead, Generate, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What a sealed secret begins with: the version of this form, then the length of the key's id, the id, the nonce, and
/// the ciphertext with its tag.
const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;

/// The first key seals, all of them open.
#[derive(Clone)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
struct Key {
    /// Version, length and id: what everything that this key sealed begins with.
    header: Vec<u8>,
    cipher: Aes256Gcm,
    digest: Hmac<Sha256>,
}

/// A secret that does not open; says nothing of what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("a secret was sealed in a form that is not known")]
    Form,
    #[error("a secret was sealed by a key that is not among CREDENTIALS_KEYS")]
    Key,
    #[error("a secret was changed, sealed for another row, or sealed by another key of the same id")]
    Broken,
}

/// A name that nobody guesses: 96 random bits of the operating system's, in hexadecimal.
pub fn random_name() -> String {
    Nonce::<Aes256Gcm>::generate().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Keys {
    /// Reads `id:key` entries separated by commas, the keys as base64 of 32 bytes.
    ///
    /// # Errors
    /// What is wrong, in words that hold none of it.
    pub fn parse(text: &str) -> Result<Keys, &'static str> {
        let keys = text.split(',').map(|entry| Key::parse(entry.trim())).collect::<Result<Vec<_>, _>>()?;
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|earlier| earlier.header == key.header) {
                return Err("has two keys of the same id");
            }
        }
        Ok(Keys(keys))
    }

    /// `bound_to` says whose secret this is: with anything else it does not open.
    pub fn seal(&self, secret: &[u8], bound_to: &[u8]) -> Vec<u8> {
        let Key { header, cipher, .. } = self.first();
        // From the operating system. At random, since no two environments share a counter.
        let nonce = Nonce::<Aes256Gcm>::generate();
        let aad = [header, bound_to].concat();
        let ciphertext =
            cipher.encrypt(&nonce, Payload { msg: secret, aad: &aad }).expect("is shorter than 64 GiB");
        [header.as_slice(), nonce.as_slice(), &ciphertext].concat()
    }

    pub fn open(&self, sealed: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, SealError> {
        let id_length = match sealed {
            [VERSION, id_length, ..] => usize::from(*id_length),
            _ => return Err(SealError::Form),
        };
        let (header, rest) = sealed.split_at_checked(2 + id_length).ok_or(SealError::Form)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Form)?;
        let key = self.0.iter().find(|key| key.header == header).ok_or(SealError::Key)?;
        let aad = [header, bound_to].concat();
        let payload = Payload { msg: ciphertext, aad: &aad };
        key.cipher.decrypt(&Nonce::<Aes256Gcm>::from(*nonce), payload).map_err(|_| SealError::Broken)
    }

    /// What everything begins with that the first key sealed.
    pub fn header_of_first(&self) -> &[u8] {
        &self.first().header
    }

    /// A digest that tells nothing of a short secret to whoever has no key, by each key: kept is the first, and what was
    /// kept before a rotation equals another.
    pub fn digests(&self, parts: &[&[u8]]) -> Vec<[u8; 32]> {
        let digest = |key: &Key| {
            let digest = parts.iter().fold(key.digest.clone(), |digest, part| digest.chain_update(part));
            digest.finalize().into_bytes().into()
        };
        self.0.iter().map(digest).collect()
    }

    fn first(&self) -> &Key {
        self.0.first().expect("splitting text yields one part or more")
    }
}

impl Key {
    fn parse(entry: &str) -> Result<Key, &'static str> {
        let (id, key) = entry.split_once(':').ok_or("has an entry that is not id:key")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=32).contains(&id.len()) || !id.bytes().all(plain) {
            return Err("has a key whose id is not 1 to 32 letters, digits, -, _ and .");
        }
        let key = STANDARD.decode(key).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = key.ok_or("has a key that is not base64 of 32 bytes")?;
        let mut header = vec![VERSION, u8::try_from(id.len()).expect("is at most 32")];
        header.extend_from_slice(id.as_bytes());
        // A key of its own for each use.
        let digest_key = hmac(&key).chain_update(b"digests").finalize().into_bytes();
        Ok(Key { header, cipher: Aes256Gcm::new(&key.into()), digest: hmac(&digest_key) })
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; 32]))
    }

    fn keys(entries: &[String]) -> Keys {
        Keys::parse(&entries.join(",")).expect("is well formed")
    }

    #[test]
    fn a_secret_opens_with_its_key_and_for_its_row_alone() {
        let (old, new) = (key("old", 1), key("new", 2));
        let before = keys(std::slice::from_ref(&old));
        let sealed = before.seal(b"hunter2", b"row");
        assert_eq!(before.open(&sealed, b"row"), Ok(b"hunter2".to_vec()));
        assert_eq!(keys(&[new.clone(), old]).open(&sealed, b"row"), Ok(b"hunter2".to_vec()));
        assert_eq!(before.open(&sealed, b"another row"), Err(SealError::Broken));
        assert_eq!(keys(&[new]).open(&sealed, b"row"), Err(SealError::Key));
        assert_eq!(keys(&[key("old", 3)]).open(&sealed, b"row"), Err(SealError::Broken));
        assert_ne!(before.seal(b"hunter2", b"row"), sealed, "a nonce is used once");
    }

    #[test]
    fn what_was_changed_or_cut_does_not_open() {
        let keys = keys(&[key("a", 1), key("b", 1)]);
        let sealed = keys.seal(b"hunter2", b"row");
        for place in 0..sealed.len() {
            assert!(keys.open(&sealed[..place], b"row").is_err(), "cut at {place}");
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[place] ^= 1 << bit;
                assert!(keys.open(&changed, b"row").is_err(), "bit {bit} of byte {place}");
            }
        }
        // The id is part of what is sealed, even where two ids stand for the same key.
        let mut renamed = sealed;
        renamed[2] = b'b';
        assert_eq!(keys.open(&renamed, b"row"), Err(SealError::Broken));
    }

    #[test]
    fn a_digest_is_the_keys_own() {
        let digests = |entries: &[String]| keys(entries).digests(&[b"hunter2"]);
        let (old, new) = (key("old", 1), key("new", 2));
        let before = digests(std::slice::from_ref(&old));
        let after = digests(&[new, old]);
        assert_eq!(after[1], before[0]);
        assert_ne!(after[0], before[0]);
    }
}
