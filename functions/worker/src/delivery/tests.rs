//! Messages on their way, to receivers that are real but for their size.

mod http_receiver;
mod mail;
mod schedule_of_a_user;
mod smtp_server;

use shared::config::{Config, SmtpConfig};
use shared::db::jobs::JobKind;
use shared::seal::Keys;
use shared::testing::{CREDENTIALS_KEYS, TestDatabase, config};
use shared::{App, Role};
use tokio_postgres::Client;

use self::http_receiver::HttpReceiver;
use super::*;
use crate::web::Web;

pub const SECRETS: [&str; 2] =
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfEuZDPqvY="];

pub struct World {
    pub owner: Client,
    pub context: Context,
    _database: TestDatabase,
}

impl World {
    pub async fn new(smtp: Option<SmtpConfig>, receivers: &[&HttpReceiver]) -> World {
        let database = TestDatabase::migrated().await;
        let owner = database.owner().await;
        let app = App::new(Config { smtp, ..config(&database.config) }, Role::Worker);
        let app: &'static App = Box::leak(Box::new(app));
        let web = Web::new(receivers.iter().map(|receiver| receiver.address).collect()).unwrap();
        World { owner, context: Context { app, web }, _database: database }
    }

    pub async fn prefer(&self, user_id: &str, preferences: &str) {
        let sql = format!("insert into user_prefs (user_id) values ('{user_id}') on conflict do nothing");
        self.owner.batch_execute(&sql).await.unwrap();
        let sql = format!("update user_prefs set {preferences} where user_id = '{user_id}'");
        self.owner.batch_execute(&sql).await.unwrap();
    }

    /// Any address, as no request could set it.
    pub async fn receive(&self, user_id: &str, targets: &Targets) {
        self.prefer(user_id, "version = version").await;
        let sealed = targets.seal(&Keys::parse(CREDENTIALS_KEYS).unwrap(), user_id);
        let sql = "update user_prefs set targets = $2, target_hints = '{\"some\":1}' where user_id = $1";
        self.owner.execute(sql, &[&user_id, &sealed]).await.unwrap();
    }

    /// A notification as the matcher writes one.
    pub async fn notify(&self, user_id: &str, title: &str) -> i64 {
        let sql = "insert into notifications (user_id, channel, kind, price_step, payload)
                   values ($1, 'inbox', 'new', 1, jsonb_build_object('title', $2::text, 'url', 'https://example.com/1',
                       'price_cents', 12000, 'currency', 'USD')) returning id";
        self.owner.query_one(sql, &[&user_id, &title]).await.unwrap().get(0)
    }

    /// A message, and its job.
    pub async fn message(&self, user_id: &str, channel: &str, digest: bool, about: &[i64]) -> i64 {
        let sql = "insert into deliveries (user_id, channel, digest, notification_ids) values ($1, $2, $3, $4) returning job_id";
        self.owner.query_one(sql, &[&user_id, &channel, &digest, &about]).await.unwrap().get(0)
    }

    pub async fn lease(&self, job_id: i64) -> Leased {
        let sql = "update jobs set status = 'running', attempts = least(attempts + 1, 5), lease_token = gen_random_uuid(),
                       lease_expires_at = now() + interval '1 minute' where id = $1
                   returning user_id, attempts, lease_token::text";
        let row = self.owner.query_one(sql, &[&job_id]).await.unwrap();
        let (user_id, attempts, lease_token) = (row.get(0), row.get(1), row.get(2));
        Leased { id: job_id, kind: JobKind::Delivery, user_id, attempts, lease_token }
    }

    pub async fn perform(&self, job_id: i64) -> Result<Outcome, Failure> {
        let job = self.lease(job_id).await;
        let outcome = perform(&self.context, &job).await;
        if outcome != Ok(Outcome::Done) {
            let release = "update jobs set status = 'queued', lease_token = null, lease_expires_at = null where id = $1";
            self.owner.execute(release, &[&job_id]).await.unwrap();
        }
        outcome
    }

    /// One line about a notification, as its user sees it.
    pub async fn told(&self, id: i64) -> String {
        let sql = "select concat_ws(' ', status, case when awaits_digest then 'waits' end,
                       (select string_agg(key || ':' || (value ->> 'status'), ' ' order by key) from jsonb_each(deliveries)))
                   from notifications where id = $1";
        self.owner.query_one(sql, &[&id]).await.unwrap().get(0)
    }

    pub async fn text(&self, sql: &str) -> String {
        self.owner.query_one(sql, &[]).await.unwrap().get(0)
    }
}

pub fn webhook_at(url: String) -> Targets {
    let webhook_secrets = SECRETS.map(str::to_owned).to_vec();
    Targets { webhook_url: Some(url), webhook_secrets, ..Targets::default() }
}

#[tokio::test]
async fn a_webhook_is_tried_again_under_the_same_id_and_signed_by_both_secrets() {
    let receiver = HttpReceiver::answering(&[500, 429, 200]).await;
    let world = World::new(None, &[&receiver]).await;
    world.receive("anna", &webhook_at(receiver.url("/deals?key=1"))).await;
    let notification = world.notify("anna", "Sofa").await;
    let job = world.message("anna", "webhook", false, &[notification]).await;
    for answer in ["the webhook answered 500", "the webhook answered 429"] {
        assert_eq!(world.perform(job).await, Err(Failure::Retry(answer.into())));
        assert_eq!(world.told(notification).await, "pending webhook:pending");
    }
    assert_eq!(world.perform(job).await, Ok(Outcome::Done));
    assert_eq!(world.told(notification).await, "sent webhook:sent");
    assert_eq!(
        world
            .text(
                "select concat_ws(' ', j.status, d.status, d.sent_at is not null) from jobs j, deliveries d"
            )
            .await,
        "done sent t"
    );

    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.path, "/deals?key=1");
        assert_eq!(request.header("webhook-id"), requests[0].header("webhook-id"));
        assert_eq!(request.body, requests[0].body);
        assert!(request.is_signed_by(&SECRETS), "{request:?}");
    }
    assert!(requests[0].header("webhook-id").starts_with("msg_"));
    assert_eq!(requests[0].json()["data"]["notification"]["title"], "Sofa");
}

#[tokio::test]
async fn a_discord_message_waits_for_its_answer_and_calls_nobody() {
    let receiver = HttpReceiver::answering(&[429, 200, 404]).await;
    let world = World::new(None, &[&receiver]).await;
    let targets =
        Targets { discord_webhook_url: Some(receiver.url("/api/webhooks/1/x")), ..Targets::default() };
    world.receive("anna", &targets).await;
    let notification = world.notify("anna", "@everyone **sofa**").await;
    let job = world.message("anna", "discord", false, &[notification]).await;
    assert_eq!(world.perform(job).await, Err(Failure::Retry("Discord answered 429".into())));
    assert_eq!(world.perform(job).await, Ok(Outcome::Done));
    let another = world.notify("anna", "Lamp").await;
    let again = world.message("anna", "discord", false, &[another]).await;
    let gone = Failure::Final("the Discord webhook no longer exists".into());
    assert_eq!(world.perform(again).await, Err(gone));
    let request = &receiver.requests()[1];
    assert_eq!(request.path, "/api/webhooks/1/x?wait=true");
    assert_eq!(request.json()["allowed_mentions"], serde_json::json!({ "parse": [] }));
    assert_eq!(request.json()["embeds"][0]["title"], "New: \\@\u{200b}everyone \\*\\*sofa\\*\\*");
}

#[tokio::test]
async fn a_channel_without_its_target_fails_for_good_and_says_why() {
    let world = World::new(None, &[]).await;
    let notification = world.notify("anna", "Sofa").await;
    let mut missing = Vec::new();
    for channel in ["email", "discord", "webhook"] {
        let job = world.message("anna", channel, false, &[notification]).await;
        missing.push(world.perform(job).await);
    }
    let reasons = [
        "e-mail is not set up here",
        "the preferences have no discord_webhook_url",
        "the preferences have no webhook_url",
    ];
    assert_eq!(missing, reasons.map(|reason| Err(Failure::Final(reason.into()))));
    // Sealed for another user.
    let sealed = Targets { webhook_url: Some("https://example.com".into()), ..Targets::default() };
    let sealed = sealed.seal(&Keys::parse(CREDENTIALS_KEYS).unwrap(), "ben");
    let sql = "insert into user_prefs (user_id, targets, target_hints) values ('anna', $1, '{\"a\":1}')";
    world.owner.execute(sql, &[&sealed]).await.unwrap();
    let job = world.message("anna", "webhook", false, &[notification]).await;
    assert_eq!(world.perform(job).await, Err(Failure::Retry("where it goes cannot be read here now".into())));
}

#[tokio::test]
async fn what_was_deleted_is_not_told_and_who_lost_the_lease_changes_nothing() {
    let receiver = HttpReceiver::answering(&[200, 200]).await;
    let world = World::new(None, &[&receiver]).await;
    world.receive("anna", &webhook_at(receiver.url("/"))).await;
    let (kept, deleted) = (world.notify("anna", "kept").await, world.notify("anna", "deleted").await);
    let bens = world.notify("ben", "ben's").await;
    world
        .owner
        .execute("update notifications set deleted_at = now(), payload = '{}' where id = $1", &[&deleted])
        .await
        .unwrap();
    let job = world.message("anna", "webhook", false, &[deleted]).await;
    assert_eq!(world.perform(job).await, Ok(Outcome::Done));
    assert!(receiver.requests().is_empty());
    assert_eq!(world.text("select count(*)::text from deliveries").await, "0");

    let job = world.message("anna", "webhook", true, &[kept, deleted, bens]).await;
    let mut leased = world.lease(job).await;
    let taken = std::mem::replace(&mut leased.lease_token, "00000000-0000-0000-0000-000000000000".into());
    assert_eq!(perform(&world.context, &leased).await, Err(Failure::LostLease));
    assert_eq!(world.told(kept).await, "pending webhook:pending");
    leased.lease_token = taken;
    assert_eq!(perform(&world.context, &leased).await, Ok(Outcome::Done));
    assert_eq!(world.told(kept).await, "sent webhook:sent");
    let told = &receiver.requests()[1].json()["data"];
    assert_eq!((told["notifications"].as_array().unwrap().len(), &told["more"]), (1, &0.into()), "{told}");
    // Done is done.
    assert_eq!(perform(&world.context, &leased).await, Err(Failure::LostLease));
}
