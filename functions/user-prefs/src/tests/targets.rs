//! Where a user's messages go: which addresses are taken, and that no secret comes back.

use shared::db::user_prefs::{Targets, open};
use shared::seal::Keys;
use shared::testing::{CREDENTIALS_KEYS, event_request};

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const DISCORD: &str = "https://discord.com/api/webhooks/123456789/hunter2-x7Qa";
const WEBHOOK: &str = "https://hooks.example.com/hunter2/deals";

async fn stored(database: &TestDatabase) -> Targets {
    let owner = database.owner().await;
    let sql = "select targets from user_prefs where user_id = 'anna'";
    let sealed: Vec<u8> = owner.query_one(sql, &[]).await.unwrap().get(0);
    open(&Keys::parse(CREDENTIALS_KEYS).unwrap(), &sealed, "anna").unwrap()
}

#[tokio::test]
async fn secrets_go_in_sealed_and_only_their_ends_come_out() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    let patch = async |body: Value| ask(&app, "PATCH", ANNA, Some(&body)).await;
    let set = patch(json!({
        "discord_webhook_url": DISCORD, "webhook_url": WEBHOOK, "webhook_secrets": [SECRET]
    }))
    .await;
    assert_eq!(set.status, 200, "{}", set.body);
    let hints = json!({
        "discord_webhook_url": "discord.com …x7Qa", "webhook_url": "hooks.example.com …eals", "webhook_secrets": ["…LaSw"]
    });
    assert_eq!(set.body["target_hints"], hints);
    let targets = stored(&database).await;
    assert_eq!(
        (targets.discord_webhook_url.as_deref(), targets.webhook_url.as_deref()),
        (Some(DISCORD), Some(WEBHOOK))
    );

    // A new secret beside the old one; the rest stays. Then the webhook goes, with its secrets.
    let both = patch(json!({ "webhook_secrets": [OTHER_SECRET, SECRET] })).await;
    assert_eq!(both.status, 200, "{}", both.body);
    assert_eq!(stored(&database).await.webhook_secrets, [OTHER_SECRET, SECRET]);
    let gone = patch(json!({ "webhook_url": null, "webhook_secrets": null })).await;
    assert_eq!(
        (gone.status, &gone.body["target_hints"]),
        (200, &json!({ "discord_webhook_url": "discord.com …x7Qa" }))
    );

    let owner = database.owner().await;
    let dump: String = owner
        .query_one("select row_to_json(user_prefs)::text || encode(targets, 'escape') from user_prefs", &[])
        .await
        .unwrap()
        .get(0);
    for secret in ["hunter2", "MfKQ9r8G", "AAECAwQ"] {
        assert!(!dump.contains(secret), "{secret} is in {dump}");
        assert!(!set.body.to_string().contains(secret) && !both.body.to_string().contains(secret));
    }
}

#[tokio::test]
async fn receivers_that_nobody_should_be_sent_to_are_refused_and_pointed_at() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for (body, pointer) in [
        (json!({ "email": "anna" }), "/email"),
        (json!({ "email": "anna@example.com\r\nBcc: ben@example.com" }), "/email"),
        (json!({ "email": "Anna <anna@example.com>" }), "/email"),
        (json!({ "discord_webhook_url": "https://example.com/api/webhooks/1/a" }), "/discord_webhook_url"),
        (json!({ "discord_webhook_url": "http://discord.com/api/webhooks/1/a" }), "/discord_webhook_url"),
        (
            json!({ "discord_webhook_url": "https://discord.com.example.com/api/webhooks/1/a" }),
            "/discord_webhook_url",
        ),
        (
            json!({ "discord_webhook_url": "https://discord.com@example.com/api/webhooks/1/a" }),
            "/discord_webhook_url",
        ),
        (json!({ "webhook_url": "http://example.com/", "webhook_secrets": [SECRET] }), "/webhook_url"),
        (
            json!({ "webhook_url": "https://user:pass@example.com/", "webhook_secrets": [SECRET] }),
            "/webhook_url",
        ),
        (json!({ "webhook_url": WEBHOOK, "webhook_secrets": ["whsec_c2hvcnQ="] }), "/webhook_secrets/0"),
        (json!({ "webhook_url": WEBHOOK, "webhook_secrets": [SECRET, SECRET, SECRET] }), "/webhook_secrets"),
        (json!({ "webhook_url": WEBHOOK }), "/webhook_secrets"),
        (json!({ "daily_cap": 0 }), "/daily_cap"),
        (json!({ "delivery": "never" }), "/delivery"),
        (json!({ "digest_at": "24:00" }), "/digest_at"),
        (json!({ "target_hints": {} }), "/target_hints"),
    ] {
        let refused = ask(&app, "PATCH", ANNA, Some(&body)).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}: {}", refused.body);
        assert!(!refused.body.to_string().contains("hunter2"), "{}", refused.body);
    }
    assert_eq!(ask(&app, "GET", ANNA, None).await.header("etag"), "\"0\"");
}

#[tokio::test]
async fn mail_goes_only_to_an_address_that_the_token_says_is_verified() {
    let database = TestDatabase::migrated().await;
    let app = database.app();
    for (claims, status) in [
        (json!({ "email": "Anna@Example.com", "email_verified": "true" }), 200),
        (json!({ "email": "anna@example.com", "email_verified": "false" }), 422),
        (json!({ "email": "anna@example.com" }), 422),
        (json!({ "email": "ben@example.com", "email_verified": "true" }), 422),
        (json!({}), 422),
    ] {
        let mut event: Value =
            serde_json::from_str(include_str!("../../../../events/my-items_create.json")).unwrap();
        event["rawPath"] = "/user-prefs".into();
        event["requestContext"]["http"]["path"] = "/user-prefs".into();
        event["requestContext"]["http"]["method"] = "PATCH".into();
        let mut all = claims.clone();
        all["sub"] = ANNA.into();
        event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": all, "scopes": null } });
        event["headers"]["content-type"] = "application/merge-patch+json".into();
        event["body"] = json!({ "email": "anna@example.com" }).to_string().into();
        event["isBase64Encoded"] = false.into();
        let answer = answer(route(&app, event_request(&event.to_string()))).await;
        assert_eq!(answer.status, status, "{claims}: {}", answer.body);
        if status == 422 {
            assert_eq!(answer.body["errors"][0]["pointer"], "/email");
        }
    }
}
