//! A webhook of a user's own, signed as Standard Webhooks has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use shared::db::user_prefs::Targets;
use shared::values::WebhookSecret;

use super::message::Message;
use super::{DEADLINE, json_type};
use crate::job::Failure;
use crate::web::{Answer, Web};

pub async fn send(web: &Web, targets: &Targets, message: &Message) -> Result<(), Failure> {
    let Some(url) = &targets.webhook_url else { return Err(super::no_target("webhook_url")) };
    let keys: Vec<Vec<u8>> =
        targets.webhook_secrets.iter().filter_map(|secret| WebhookSecret::key(secret)).collect();
    if keys.is_empty() {
        return Err(super::no_target("webhook_secrets"));
    }
    // Stable over attempts, so that a receiver knows one that it has had.
    let id = format!("msg_{}", message.id);
    let timestamp = Timestamp::now().as_second().to_string();
    let body = message.event().to_string();
    let signature = signature(&keys, &id, &timestamp, &body);
    let headers =
        [json_type(), ("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
    match web.post(url, &headers, body.into_bytes(), DEADLINE).await {
        Ok(answer) => judge(answer),
        Err(error) => Err(super::not_reached("the webhook", error)),
    }
}

/// One by each key, so that a receiver can change from one to the other.
fn signature(keys: &[Vec<u8>], id: &str, timestamp: &str, body: &str) -> String {
    let by = |key: &Vec<u8>| {
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        let mac = mac.chain_update(format!("{id}.{timestamp}.{body}"));
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    keys.iter().map(by).collect::<Vec<_>>().join(" ")
}

fn judge(answer: Answer) -> Result<(), Failure> {
    match answer.status {
        200..=299 => Ok(()),
        410 => Err(Failure::Final("the webhook says that it is gone (410)".into())),
        status @ (408 | 425 | 429 | 500..) => Err(answer.retry(format!("the webhook answered {status}"))),
        status => Err(Failure::Final(format!("the webhook refused the message ({status})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification's own examples.
    #[test]
    fn a_signature_is_the_one_of_standard_webhooks() {
        let key = WebhookSecret::key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(
            &[key.clone(), key],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "{\"test\": 2432232314}",
        );
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed, format!("{expected} {expected}"));
    }

    #[test]
    fn an_answer_is_an_end_or_another_try() {
        let judge = |status| judge(Answer { status, retry_after: None });
        for status in [200, 202, 204] {
            assert_eq!(judge(status), Ok(()));
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(judge(status), Err(Failure::Retry(_))), "{status}");
        }
        // What redirects does not take the message.
        for status in [301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422] {
            assert!(matches!(judge(status), Err(Failure::Final(_))), "{status}");
        }
    }
}
