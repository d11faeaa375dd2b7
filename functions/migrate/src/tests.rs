use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::testing::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::cloudformation::{self, Request};
use super::handle;
use super::work::{Failure, Lookup};

const CREATE: &str = include_str!("../../../events/migrate_create.json");
const UPDATE: &str = include_str!("../../../events/migrate_update.json");
const ROLLBACK: &str = include_str!("../../../events/migrate_rollback.json");
const DELETE: &str = include_str!("../../../events/migrate_delete.json");

/// CloudFormation's end: takes the answers, after refusing the first few as told.
struct CloudFormation {
    url: String,
    answers: mpsc::UnboundedReceiver<(String, Vec<u8>)>,
}

impl CloudFormation {
    async fn listen(refusals: &'static [&'static str]) -> CloudFormation {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, answers) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut refusals = refusals.iter();
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut received = Vec::new();
                let (head, body) = loop {
                    let mut buffer = [0; 8192];
                    let read = socket.read(&mut buffer).await.unwrap();
                    received.extend_from_slice(&buffer[..read]);
                    let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                        continue;
                    };
                    let head = String::from_utf8(received[..end].to_vec()).unwrap().to_lowercase();
                    let length: usize = head
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: "))
                        .unwrap()
                        .parse()
                        .unwrap();
                    if received.len() == end + 4 + length {
                        break (head, received[end + 4..].to_vec());
                    }
                };
                match refusals.next() {
                    Some(&"close") => continue,
                    Some(status) => {
                        let answer =
                            format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                        socket.write_all(answer.as_bytes()).await.unwrap();
                    }
                    None => {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                        socket.write_all(answer).await.unwrap();
                        sender.send((head, body)).unwrap();
                    }
                }
            }
        });
        CloudFormation { url: format!("http://127.0.0.1:{port}/answer?X-Amz-Signature=hunter2"), answers }
    }

    fn event(&self, recorded: &str) -> Value {
        let mut event: Value = serde_json::from_str(recorded).unwrap();
        event["ResponseURL"] = self.url.clone().into();
        event
    }

    /// The one answer there was.
    async fn answer(&mut self) -> Value {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (head, body) = self.answers.try_recv().expect("there is an answer");
        assert!(self.answers.try_recv().is_err(), "there is one answer only");
        assert!(head.starts_with("put /answer?x-amz-signature=hunter2 "), "{head}");
        assert!(!head.contains("content-type"), "the URL is signed for a request without one: {head}");
        assert!(body.len() < 4096, "{} bytes", body.len());
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let event: Value = serde_json::from_str(CREATE).unwrap();
        assert_eq!(answer["PhysicalResourceId"], "deal-scout-schema");
        for name in ["StackId", "LogicalResourceId"] {
            assert_eq!(answer[name], event[name]);
        }
        assert!(!String::from_utf8_lossy(&body).contains("hunter2"), "{answer}");
        answer
    }
}

fn event(payload: Value, left: Duration) -> LambdaEvent<Value> {
    let mut context = Context::default();
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + left;
    context.deadline = deadline.as_millis() as u64;
    LambdaEvent::new(payload, context)
}

fn environment(url: String) -> Box<Lookup> {
    Box::new(move |name| (name == "DATABASE_URL").then(|| url.clone()))
}

/// The environment of a function that owns this database.
fn owner_of(database: &TestDatabase) -> Box<Lookup> {
    let config = &database.config;
    environment(format!("postgres://deals:deals@{}:{}/{}", config.host, config.port, config.database))
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn create_update_rollback_and_delete_are_each_answered_once() {
    let database = TestDatabase::empty().await;
    let environment = owner_of(&database);
    let mut cloudformation = CloudFormation::listen(&[]).await;
    for (recorded, applied) in [
        (CREATE, json!(shared::migrations::embedded().len())),
        (UPDATE, json!(0)),
        (ROLLBACK, json!(0)),
        (DELETE, Value::Null),
    ] {
        let before = tables(&database).await;
        handle(event(cloudformation.event(recorded), MINUTE), &environment).await.expect("is answered");
        if recorded != CREATE {
            assert_eq!(tables(&database).await, before, "Delete drops nothing");
        }
        let answer = cloudformation.answer().await;
        assert_eq!(
            (&answer["Status"], &answer["Data"]["AppliedCount"]),
            (&json!("SUCCESS"), &applied),
            "{answer}"
        );
        let sent: Value = serde_json::from_str(recorded).unwrap();
        assert_eq!(answer["RequestId"], sent["RequestId"]);
    }
    assert!(tables(&database).await > 10);
}

async fn tables(database: &TestDatabase) -> i64 {
    let sql = "select count(*) from pg_tables where schemaname = 'public'";
    database.owner().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn after_a_rollback_a_newer_schema_is_a_success() {
    let database = TestDatabase::migrated().await;
    let newer =
        "insert into refinery_schema_history values (900, 'of_a_newer_release', '2026-11-23T00:00:00Z', '1')";
    database.owner().await.batch_execute(newer).await.unwrap();
    let mut cloudformation = CloudFormation::listen(&[]).await;
    handle(event(cloudformation.event(ROLLBACK), MINUTE), &owner_of(&database)).await.expect("is answered");
    let answer = cloudformation.answer().await;
    assert_eq!((&answer["Status"], &answer["Data"]["State"]), (&json!("SUCCESS"), &json!("ahead")));
}

#[tokio::test]
async fn a_physical_id_from_before_is_kept() {
    let mut cloudformation = CloudFormation::listen(&[]).await;
    let mut payload = cloudformation.event(DELETE);
    payload["PhysicalResourceId"] = "of-an-earlier-release".into();
    handle(event(payload, MINUTE), &environment(String::new())).await.expect("is answered");
    let (_, body) = cloudformation.answers.try_recv().unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["PhysicalResourceId"], "of-an-earlier-release");
}

#[tokio::test]
async fn an_edited_migration_is_answered_by_its_name() {
    let database = TestDatabase::migrated().await;
    let edit = "update refinery_schema_history set checksum = '1' where version = 1";
    database.owner().await.batch_execute(edit).await.unwrap();
    let mut cloudformation = CloudFormation::listen(&[]).await;
    handle(event(cloudformation.event(UPDATE), MINUTE), &owner_of(&database)).await.expect("is answered");
    let answer = cloudformation.answer().await;
    let reason = answer["Reason"].as_str().unwrap();
    assert!(answer["Status"] == "FAILED" && reason.starts_with("V1__"), "{answer}");
    assert!(reason.contains("was changed after it was applied"), "{answer}");
}

#[tokio::test]
async fn an_unreachable_database_and_a_wrong_variable_are_answered_without_their_secrets() {
    let mut cloudformation = CloudFormation::listen(&[]).await;
    let unreachable = environment("postgres://u:hunter2@127.0.0.1:1/d".into());
    let asked = Instant::now();
    let left = Duration::from_secs(9);
    handle(event(cloudformation.event(CREATE), left), &unreachable).await.expect("is answered");
    assert!(asked.elapsed() > Duration::from_secs(2), "it was tried more than once");
    assert!(asked.elapsed() < left);
    let answer = cloudformation.answer().await;
    let reason = answer["Reason"].as_str().unwrap();
    assert!(reason.starts_with("no connection to the database: error connecting"), "{answer}");

    handle(event(cloudformation.event(CREATE), MINUTE), &environment("hunter2".into()))
        .await
        .expect("is answered");
    let answer = cloudformation.answer().await;
    assert!(answer["Reason"].as_str().unwrap().starts_with("DATABASE_URL is not a URL"), "{answer}");
}

#[tokio::test]
async fn a_migration_that_waits_for_another_says_so_before_the_time_is_up() {
    let database = TestDatabase::empty().await;
    let other = database.owner().await;
    other.batch_execute("select pg_advisory_lock(x'6465616c73636f75'::bigint)").await.unwrap();
    let mut cloudformation = CloudFormation::listen(&[]).await;
    let left = Duration::from_secs(3);
    handle(event(cloudformation.event(CREATE), left), &owner_of(&database)).await.expect("is answered");
    let answer = cloudformation.answer().await;
    assert_eq!(
        (&answer["Status"], &answer["Reason"]),
        (&json!("FAILED"), &json!("another migration is still running"))
    );
}

#[tokio::test]
async fn a_panic_is_answered() {
    let mut cloudformation = CloudFormation::listen(&[]).await;
    let request = Request::of(&cloudformation.event(CREATE)).unwrap();
    let work = async |_| panic!("hunter2");
    cloudformation::respond(&request, Instant::now() + MINUTE, work).await.expect("is answered");
    let answer = cloudformation.answer().await;
    assert_eq!((&answer["Status"], &answer["Reason"]), (&json!("FAILED"), &json!("the migration panicked")));
}

#[tokio::test]
async fn when_time_runs_out_the_answer_comes_before_it() {
    let mut cloudformation = CloudFormation::listen(&[]).await;
    let request = Request::of(&cloudformation.event(UPDATE)).unwrap();
    for (left, earliest, latest) in [(10.0, 4.9, 10.0), (1.0, 0.4, 1.0), (0.0, 0.0, 1.0)] {
        let asked = Instant::now();
        let deadline = asked + Duration::from_secs_f64(left);
        let outcome =
            cloudformation::respond(&request, deadline, async |_| std::future::pending().await).await;
        outcome.expect("is answered");
        let taken = asked.elapsed().as_secs_f64();
        assert!((earliest..latest).contains(&taken), "{taken} s of {left} s");
        let answer = cloudformation.answer().await;
        assert_eq!(answer["Reason"], "the time was up before the migration was done");
    }
}

#[tokio::test]
async fn an_answer_that_is_refused_is_given_again_until_it_is_taken() {
    let mut cloudformation = CloudFormation::listen(&["500", "close", "403", "503"]).await;
    handle(event(cloudformation.event(DELETE), MINUTE), &environment(String::new()))
        .await
        .expect("is answered");
    assert_eq!(cloudformation.answer().await["Status"], "SUCCESS");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_an_error_of_the_invocation() {
    let mut cloudformation = CloudFormation::listen(&[]).await;
    let mut payload = cloudformation.event(DELETE);
    payload["ResponseURL"] = "http://127.0.0.1:1/?X-Amz-Signature=hunter2".into();
    let error =
        handle(event(payload, Duration::from_secs(2)), &environment(String::new())).await.expect_err("fails");
    assert_eq!(error.to_string(), "CloudFormation has not taken the answer: no connection");
    assert!(cloudformation.answers.try_recv().is_err());
}

#[tokio::test]
async fn a_long_reason_is_cut_to_fit() {
    let mut cloudformation = CloudFormation::listen(&[]).await;
    let request = Request::of(&cloudformation.event(CREATE)).unwrap();
    for character in ["x", "\u{1}", "é", "\""] {
        let reason = character.repeat(10_000);
        let work = async |_| Err(Failure::from(reason.as_str()));
        cloudformation::respond(&request, Instant::now() + MINUTE, work).await.expect("is answered");
        let answer = cloudformation.answer().await;
        let kept = answer["Reason"].as_str().unwrap();
        assert!(kept.len() > 300 && reason.starts_with(kept));
    }
}

#[tokio::test]
async fn a_request_of_an_unknown_type_is_answered() {
    let mut cloudformation = CloudFormation::listen(&[]).await;
    let mut payload = cloudformation.event(CREATE);
    payload["RequestType"] = "Import".into();
    handle(event(payload, MINUTE), &environment(String::new())).await.expect("is answered");
    assert_eq!(cloudformation.answer().await["Status"], "FAILED");
}

#[tokio::test]
async fn the_direct_actions_tell_what_they_did() {
    let database = TestDatabase::empty().await;
    let environment = owner_of(&database);
    // As `cargo lambda watch` does it, with a deadline of 1970.
    let act = async |action: &str| {
        let mut context = Context::default();
        context.deadline = 600_000;
        handle(LambdaEvent::new(json!({ "action": action }), context), &environment).await
    };
    let embedded = shared::migrations::embedded();
    let names: Vec<String> = embedded.iter().map(ToString::to_string).collect();
    let newest = embedded.last().unwrap().version();
    let report = |state: &str, current: Value, applied: &[String], pending: &[String]| {
        json!({
            "state": state, "current_version": current, "target_version": newest, "applied": applied, "pending": pending,
            "unknown": []
        })
    };
    assert_eq!(act("plan").await.unwrap(), report("behind", Value::Null, &[], &names));
    assert_eq!(act("migrate").await.unwrap(), report("up_to_date", json!(newest), &names, &[]));
    assert_eq!(act("migrate").await.unwrap(), report("up_to_date", json!(newest), &[], &[]));
    let mut status = act("status").await.unwrap();
    assert_eq!(status["history"].take(), json!(names));
    assert_eq!(
        act("check").await.expect("checks"),
        json!({ "equal": true, "missing": [], "unexpected": [] })
    );
    assert_eq!(act("other").await.unwrap_err().to_string(), "give an action: migrate, status, plan or check");
}
