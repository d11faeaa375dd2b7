//! A built function that is stopped between two requests, as Lambda freezes it, while its connection to PostgreSQL dies
//! in silence. A few rounds in each run, and a thousand by `make soak`.

use std::process::Command;
use std::time::{Duration, Instant};

use api_tests::{Caller, Gateway};
use serde_json::json;
use shared::testing::{Proxy, TestDatabase};

const INGESTER: Caller = Caller { user_id: "ingester", scope: "deals/ingest" };

fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([name, &process.to_string()]).status().expect("runs");
    assert!(status.success(), "kill {name} {process}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_request_to_a_thawed_function_is_good_and_quick() {
    let rounds = if std::env::var_os("SOAK").is_some() { 1_000 } else { 15 };
    let database = TestDatabase::migrated().await;
    let proxy = Proxy::before(&database.config).await;
    let port = |number: u16| format!(":{number}/");
    let through_proxy = database.url().replace(&port(database.config.port), &port(proxy.port));
    let mut gateway = Gateway::new(&database).with(&[("DATABASE_URL", &through_proxy)]);
    let process = gateway.process_id("listings");

    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        signal(process, "-STOP");
        proxy.cut_in_silence();
        std::thread::sleep(Duration::from_millis(25 + 7 * (round % 30)));
        signal(process, "-CONT");
        let thawed = Instant::now();
        if round % 2 == 0 {
            let listing = json!({
                "source": "frozen", "source_id": round.to_string(), "title": "Lamp", "url": "https://example.com/lamp",
            });
            let answer = gateway.ask("POST", "/listings", Some(INGESTER), &[], Some(&listing));
            assert_eq!(answer.status, 201, "{}", answer.body);
        } else {
            let answer = gateway.ask("GET", "/listings?limit=100", Some(INGESTER), &[], None);
            assert_eq!(answer.status, 200, "{}", answer.body);
            let listed = answer.body["items"].as_array().expect("are listings").len();
            assert_eq!(listed, (round as usize).div_ceil(2).min(100));
        }
        slowest = slowest.max(thawed.elapsed());
    }
    eprintln!("{rounds} of {rounds} requests to a thawed function were good, the slowest took {slowest:.2?}");
    assert!(slowest < Duration::from_secs(3));
    assert_eq!(gateway.process_id("listings"), process, "it was the same process throughout");
}
