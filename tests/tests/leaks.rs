//! What callers send, and what the environment keeps secret, is in no log, whatever goes wrong.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use api_tests::{Caller, Gateway};
use serde_json::{Value, json};
use shared::testing::{TestDatabase, random_suffix};

/// In everything that is planted.
const CANARY: &str = "canary7f3a";
const CALLERS: [Caller; 2] = [
    Caller { user_id: "canary7f3a-sub", scope: "openid deals/ingest deals/admin" },
    Caller { user_id: "canary7f3a-other", scope: "canary7f3a-scope" },
];

struct Log(PathBuf);

impl Log {
    fn new() -> Log {
        Log(std::env::temp_dir().join(format!("deal-scout-log-{}", random_suffix())))
    }

    fn file(&self) -> File {
        OpenOptions::new().create(true).append(true).open(&self.0).expect("opens")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).expect("is text")
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn assert_clean(log: &str) {
    let leaks: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains(CANARY)).take(5).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// Every text in it planted; `wrong`: of another type or far too long, too.
fn planted(value: &Value, wrong: bool) -> Value {
    match value {
        Value::String(text) if wrong => format!("{CANARY} {} {text}", "x".repeat(200_000 / 100)).into(),
        Value::String(text) => {
            // Closed sets and addresses stay readable, so that some bodies are accepted.
            let open = text.contains(' ') || text.chars().next().is_some_and(char::is_uppercase);
            if open { format!("{text} {CANARY}").into() } else { text.clone().into() }
        }
        Value::Array(values) => values.iter().map(|value| planted(value, wrong)).collect(),
        Value::Object(members) => {
            let mut members: serde_json::Map<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), planted(value, wrong))).collect();
            if wrong {
                members.insert(format!("{CANARY}_field"), CANARY.into());
            }
            members.into()
        }
        other if wrong => json!({ CANARY: other }),
        other => other.clone(),
    }
}

fn example(document: &Value, operation: &Value) -> Option<Value> {
    let content = &operation["requestBody"]["content"];
    let media = ["application/json", "application/merge-patch+json"].iter().map(|media| &content[*media]);
    let schema = media.filter(|media| media.is_object()).map(|media| &media["schema"]).next()?;
    let schema = match schema["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#'))?,
        None => schema,
    };
    schema["examples"].get(0).cloned()
}

#[tokio::test]
async fn nothing_that_a_caller_sends_is_in_a_log() {
    let database = TestDatabase::migrated().await;
    let log = Log::new();
    let mut gateway = Gateway::new(&database)
        .with(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG"), ("AWS_LAMBDA_LOG_FORMAT", "JSON")])
        .logging(log.file());
    let document = gateway.ask("GET", "/openapi.json", None, &[], None).body;
    let mut asked = 0;
    let mut answered = std::collections::BTreeMap::<u64, usize>::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let body = example(&document, operation);
            let headers = [
                ("authorization", "Bearer canary7f3a-token"),
                ("x-custom", CANARY),
                ("if-none-match", CANARY),
            ];
            let keyed = [("idempotency-key", "canary7f3a-key"), ("if-match", "\"1\", \"canary7f3a\"")];
            let rows = [path.replace("{id}", "1"), path.replace("{id}", CANARY)];
            let queries = ["", "?q=canary7f3a&canary7f3a=1&limit=canary7f3a", "?cursor=canary7f3a"];
            for caller in CALLERS {
                for (row, query) in rows.iter().flat_map(|row| queries.map(|query| (row, query))) {
                    let target = format!("{row}{query}");
                    for (headers, wrong) in [(&headers[..], false), (&keyed[..], false), (&keyed[..], true)] {
                        let body = body.as_ref().map(|body| planted(body, wrong));
                        let answer = gateway.ask(&method, &target, Some(caller), headers, body.as_ref());
                        *answered.entry(answer.status).or_default() += 1;
                        asked += 1;
                    }
                }
            }
        }
    }
    assert!(
        answered.contains_key(&201) && answered.contains_key(&422) && answered.contains_key(&404),
        "{answered:?}"
    );
    assert!(!answered.keys().any(|status| *status >= 500), "{answered:?}");
    let log = log.text();
    assert_eq!(log.matches("\"message\":\"request\"").count(), asked + 1, "a line for each request");
    assert_clean(&log);
    for line in log.lines().filter(|line| line.contains("\"message\":\"request\"")) {
        let line: Value = serde_json::from_str(line).expect("is JSON");
        assert!(line["route"].as_str().is_some_and(|route| document["paths"].get(route).is_some()), "{line}");
        assert!(line["trace_id"].as_str().is_some_and(|id| id.starts_with("Root=1-")), "{line}");
        assert!(line["duration_ms"].as_f64() >= line["DatabaseTime"].as_f64(), "{line}");
    }
    eprintln!(
        "{asked} requests with something planted, answered {answered:?}: nothing of it in {} bytes of log",
        log.len()
    );
}

#[tokio::test]
async fn no_secret_of_the_environment_is_in_a_log_when_the_servers_refuse_it() {
    let database = TestDatabase::migrated().await;
    let log = Log::new();
    let (server, name) = (database.url(), "canary7f3a-password");
    // The password is wrong, and so is Redis's.
    let url = server.replacen(":deals@", &format!(":{name}@"), 1).replace("/test_", "/canary7f3a_");
    assert_ne!(url, server, "has a password");
    let redis = "redis://:canary7f3a-redis@127.0.0.1:1/0";
    let mut gateway = Gateway::new(&database)
        .with(&[
            ("DATABASE_URL", &url),
            ("REDIS_URL", redis),
            ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
            ("AWS_SECRET_ACCESS_KEY", "canary7f3a-aws"),
        ])
        .logging(log.file());
    for path in ["/health", "/listings", "/my-items", "/deals", "/jobs"] {
        let answer = gateway.ask("GET", path, Some(CALLERS[0]), &[], None);
        assert_eq!(answer.status, 503, "{path}: {}", answer.body);
        assert!(!answer.body.to_string().contains(CANARY), "{path}: {}", answer.body);
    }
    let log = log.text();
    assert!(log.contains("request failed"), "{log}");
    assert_clean(&log);
}
