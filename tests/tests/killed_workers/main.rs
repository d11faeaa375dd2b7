//! A worker may be killed at any message that it sends, to PostgreSQL, to Redis, or to a receiver: after a restart each job
//! has ended once. Every fifth message is killed, at one of three moments in turn, and by `make soak` every one at all three.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod receiver;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;

use api_tests::binaries;
use bench::runtime_api::{Answer, Failure, Function};
use shared::config::Config;
use shared::db::jobs::JobKind;
use shared::db::user_prefs::Targets;
use shared::seal::Keys;
use shared::testing::{
    CREDENTIALS_KEYS, Cut, KillSwitch, Moment, Protocol, RedisServer, TestDatabase, config, random_suffix,
};
use shared::{App, Role};
use tokio_postgres::Client;

use self::receiver::Receiver;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Snap,
    Email,
    Discord,
    Webhook,
}

/// A database with one job, and what its effect shows in.
struct World {
    work: Work,
    database: TestDatabase,
    owner: Client,
    folder: PathBuf,
    receiver: Receiver,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl World {
    /// With a job that Redis was told of.
    async fn new(work: Work, redis: &RedisServer) -> World {
        let database = TestDatabase::migrated().await;
        let owner = database.owner().await;
        let folder = std::env::temp_dir().join(format!("deal-scout-photos-{}", random_suffix()));
        let receiver = if work == Work::Email { Receiver::mail().await } else { Receiver::web().await };
        let world = World { work, database, owner, folder, receiver };
        let (job, kind) = world.add().await;
        redis.run(&["FLUSHALL"]);
        let lookup = |name: &str| (name == "REDIS_URL").then(|| redis.url.clone());
        let redis = Config::from_lookup(&lookup).unwrap().redis;
        let app = App::new(Config { redis, ..config(&world.database.config) }, Role::Worker);
        app.cache.add(&[(job, kind)]).await.unwrap();
        world
    }

    async fn add(&self) -> (i64, JobKind) {
        if self.work == Work::Snap {
            let uploads = self.folder.join("uploads/anna");
            std::fs::create_dir_all(&uploads).unwrap();
            std::fs::write(uploads.join("lamp.png"), PNG).unwrap();
            let sql = "insert into snap_jobs (user_id, input_photos, notes)
                       values ('anna', '[\"uploads/anna/lamp.png\"]', 'Desk lamp') returning job_id";
            return (self.owner.query_one(sql, &[]).await.unwrap().get(0), JobKind::Snap);
        }
        self.point_to(self.receiver.port).await;
        let channel = format!("{:?}", self.work).to_lowercase();
        let sql = "
            with told as (
                insert into notifications (user_id, channel, kind, price_step, payload)
                values ('anna', 'inbox', 'new', 1, '{\"title\":\"Desk\",\"url\":\"https://example.com/1\",\"currency\":\"USD\"}')
                returning id)
            insert into deliveries (user_id, channel, notification_ids) select 'anna', $1, array[id] from told
            returning job_id";
        (self.owner.query_one(sql, &[&channel]).await.unwrap().get(0), JobKind::Delivery)
    }

    /// Has messages go to that port, which no request could ask for.
    async fn point_to(&self, port: u16) {
        let url = format!("http://127.0.0.1:{port}/");
        let targets = Targets {
            discord_webhook_url: Some(url.clone()),
            webhook_url: Some(url),
            webhook_secrets: vec![SECRET.into()],
        };
        let sealed = targets.seal(&Keys::parse(CREDENTIALS_KEYS).unwrap(), "anna");
        let sql = "insert into user_prefs (user_id, email, targets, target_hints)
                   values ('anna', 'anna@example.com', $1, '{\"some\":1}')
                   on conflict (user_id) do update set targets = $1";
        self.owner.execute(sql, &[&sealed]).await.unwrap();
    }

    fn start(&self, postgres: u16, redis: u16, receiver: u16) -> Function {
        let database_url = self.database.url();
        let (before, after) = database_url.rsplit_once('@').unwrap();
        let (_, name) = after.split_once('/').unwrap();
        let variables = [
            ("DATABASE_URL", format!("{before}@127.0.0.1:{postgres}/{name}")),
            ("REDIS_URL", format!("redis://127.0.0.1:{redis}/0")),
            ("SMTP_URL", format!("smtp://127.0.0.1:{receiver}?tls=none")),
            ("SMTP_FROM", "deals@example.com".into()),
            ("DEV_TARGETS", format!("127.0.0.1:{receiver}")),
            ("PHOTO_STORE", format!("file://{}", self.folder.display())),
            ("CREDENTIALS_KEYS", CREDENTIALS_KEYS.into()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", String::new()),
        ];
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Function::start(&binaries().join("worker"), &variables, Stdio::null()).expect("starts")
    }

    async fn status(&self) -> String {
        self.owner.query_one("select status::text from jobs", &[]).await.unwrap().get(0)
    }

    /// Another worker, some time later.
    async fn recover(&self, redis: &RedisServer) {
        let mut function = self.start(self.database.config.port, redis.port, self.receiver.port);
        for _ in 0..5 {
            if self.status().await == "done" {
                break;
            }
            let later = "update jobs set lease_expires_at = now() - interval '1 second' where status = 'running';
                         update jobs set run_at = now() - interval '1 second', announced_at = now() - interval '1 minute'
                             where status = 'queued'";
            for payload in [r#"{"task":"requeue"}"#, r#"{"until":"empty"}"#] {
                self.owner.batch_execute(later).await.unwrap();
                let (back, answer) = invoke(function, payload).await;
                function = back;
                answer.unwrap_or_else(|failure| panic!("{payload}: {failure}"));
            }
        }
    }

    async fn assert_ended_once(&self, killed: &str) {
        assert_eq!(self.status().await, "done", "{killed}");
        let count = async |sql: &str| self.owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
        if self.work == Work::Snap {
            assert_eq!(count("select count(*) from my_items where status = 'draft'").await, 1, "{killed}");
            let ready = "select count(*) from snap_jobs join my_items on my_items.id = item_id where snap_jobs.status = 'ready'";
            assert_eq!(count(ready).await, 1, "{killed}");
            return;
        }
        let ids: BTreeSet<String> = self.receiver.taken().into_iter().collect();
        assert_eq!(ids.len(), 1, "{killed}: {ids:?}");
        let sent =
            "select count(*) from notifications join deliveries on notifications.id = any (notification_ids)
                    where deliveries.status = 'sent' and notifications.status = 'sent'";
        assert_eq!(count(sent).await, 1, "{killed}");
    }
}

/// The smallest there is: one pixel.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63,
    0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0, 5, 0, 1, 0xff, 0x89, 0x99, 0x3d, 0x1d, 0, 0, 0, 0, 0x49, 0x45, 0x4e,
    0x44, 0xae, 0x42, 0x60, 0x82,
];

async fn invoke(mut function: Function, payload: &'static str) -> (Function, Result<Answer, Failure>) {
    let work = move || {
        let answer = function.invoke(payload.into());
        (function, answer)
    };
    tokio::task::spawn_blocking(work).await.expect("does not panic")
}

/// Whether there was such a message.
async fn kill_at(work: Work, cut: Cut, redis: &RedisServer) -> bool {
    let world = World::new(work, redis).await;
    let switch = KillSwitch::at(cut);
    let postgres = switch.before("127.0.0.1", world.database.config.port, Protocol::Postgres).await;
    let cache = switch.before("127.0.0.1", redis.port, Protocol::Other).await;
    let receiver = switch.before("127.0.0.1", world.receiver.port, Protocol::Other).await;
    world.point_to(receiver).await;
    let function = world.start(postgres, cache, receiver);
    switch.aim(function.process_id());
    let (function, answer) = invoke(function, r#"{"until":"empty"}"#).await;
    let killed = format!("{work:?} killed at message {}, {:?}", cut.message, cut.moment);
    if !switch.has_struck() {
        answer.unwrap_or_else(|failure| panic!("not {killed}: {failure}"));
        world.assert_ended_once("not killed").await;
        return false;
    }
    drop(function);
    world.point_to(world.receiver.port).await;
    world.recover(redis).await;
    world.assert_ended_once(&killed).await;
    true
}

async fn kill_everywhere(work: Work) {
    let redis = RedisServer::start();
    let moments = [Moment::BeforeItIsSent, Moment::AfterItIsSent, Moment::AfterItIsAnswered];
    let (step, turns) = if std::env::var_os("SOAK").is_some() { (1, 3) } else { (5, 1) };
    let mut kills = 0;
    for message in (1..).step_by(step) {
        for turn in 0..turns {
            let moment = moments[(message / step + turn) % 3];
            if !kill_at(work, Cut { message, moment }, &redis).await {
                eprintln!("{work:?}: {kills} kills at {} messages, each ended once", message - 1);
                assert!(kills > 10, "{kills} kills");
                return;
            }
            kills += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snap_job_whose_worker_is_killed_leaves_one_draft() {
    kill_everywhere(Work::Snap).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_whose_worker_is_killed_is_known_to_its_server_as_one() {
    kill_everywhere(Work::Email).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_discord_whose_worker_is_killed_is_always_the_same() {
    kill_everywhere(Work::Discord).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_webhook_whose_worker_is_killed_is_known_to_its_receiver_as_one() {
    kill_everywhere(Work::Webhook).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_told_to_end_gives_its_job_back_at_once() {
    let redis = RedisServer::start();
    let world = World::new(Work::Webhook, &redis).await;
    // Takes connections, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    world.point_to(port).await;
    let function = world.start(world.database.config.port, redis.port, port);
    let process = function.process_id().to_string();
    let running = tokio::spawn(invoke(function, r#"{"until":"empty"}"#));
    let until = async |status: &str| {
        for _ in 0..400 {
            if world.status().await == status {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the job is not {status}");
    };
    until("running").await;
    std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap();
    until("queued").await;
    let attempts: i32 = world.owner.query_one("select attempts from jobs", &[]).await.unwrap().get(0);
    assert_eq!(attempts, 0, "that is no attempt");
    running.await.unwrap().1.unwrap_err();
}
