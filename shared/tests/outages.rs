//! What happens to a function while it is frozen, and to the server below it. A few rounds in each run, and many by
//! `make soak`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shared::config::PostgresConfig;
use shared::db::Database;
use shared::testing::{PostgresServer, Proxy, TestDatabase, connect};
use shared::{Result, Role};

fn rounds(few: usize, many: usize) -> usize {
    if std::env::var_os("SOAK").is_some() { many } else { few }
}

async fn insert(db: &Database, id: &str) -> Result<()> {
    let sql = "insert into listings (source, source_id, title, url) values ('outage', $1, 'a', 'http://a') returning id";
    db.write(sql, &[&id]).await.map(|_| ())
}

/// The proxy has a thread of its own; the test's thread sleeps as a frozen environment does, with all of its tasks.
#[tokio::test]
async fn every_request_after_a_freeze_with_the_connection_cut_in_silence_is_good_and_quick() {
    let database = TestDatabase::migrated().await;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("starts");
    let target = database.config.clone();
    let proxy = runtime.spawn(async move { Proxy::before(&target).await }).await.expect("listens");
    let db = Database::new(PostgresConfig { port: proxy.port, ..database.config.clone() }, Role::App);
    db.read("select 1", &[]).await.expect("connects");

    let (mut slowest, rounds) = (Duration::ZERO, rounds(15, 1_000));
    for round in 0..rounds {
        proxy.cut_in_silence();
        std::thread::sleep(Duration::from_millis(25 + 7 * (round as u64 % 30)));
        let thawed = Instant::now();
        if round % 2 == 0 {
            insert(&db, &round.to_string()).await.expect("is good");
        } else {
            db.read("select count(*) from listings", &[]).await.expect("is good");
        }
        slowest = slowest.max(thawed.elapsed());
    }
    eprintln!("{rounds} of {rounds} requests after a freeze were good, the slowest took {slowest:.2?}");
    assert!(slowest < Duration::from_secs(3));
    let count = database.owner().await.query_one("select count(*) from listings", &[]).await.expect("reads");
    assert_eq!(count.get::<_, i64>(0), rounds.div_ceil(2) as i64);
    runtime.shutdown_background();
}

/// Each environment writes as fast as it can, and after a failure waits until the server is back.
#[tokio::test]
async fn no_acknowledged_write_is_lost_when_the_server_crashes_under_load() {
    let server = Arc::new(PostgresServer::start());
    let mut owner = connect(&server.config).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    shared::migrations::migrate(&mut owner, &shared::migrations::embedded(), deadline)
        .await
        .expect("migrates");

    let (crashes, stop, down) = (rounds(3, 20), AtomicBool::new(false), AtomicBool::new(false));
    let environment = async |name: &str| {
        let db = Database::new(server.config.clone(), Role::App);
        let (mut acknowledged, mut failures) = (Vec::new(), 0);
        for number in 0.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let id = format!("{name}-{number}");
            match insert(&db, &id).await {
                Ok(()) => acknowledged.push(id),
                Err(error) => {
                    assert_eq!(error.status(), 503, "{error:?}");
                    failures += 1;
                    while down.load(Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
            }
        }
        (acknowledged, failures)
    };
    let crashing = async {
        for _ in 0..crashes {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            let server = Arc::clone(&server);
            down.store(true, Ordering::SeqCst);
            tokio::task::spawn_blocking(move || server.crash_and_restart()).await.expect("restarts");
            down.store(false, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stop.store(true, Ordering::SeqCst);
    };
    let (a, b, ()) = tokio::join!(environment("a"), environment("b"), crashing);

    let owner = connect(&server.config).await;
    let mut acknowledged = 0;
    for (ids, failures) in [a, b] {
        let sql = "select count(*) from listings where source = 'outage' and source_id = any ($1)";
        let found: i64 = owner.query_one(sql, &[&ids]).await.expect("reads").get(0);
        assert_eq!(found as usize, ids.len(), "an acknowledged write is lost");
        assert!(failures <= crashes, "{failures} failures in {crashes} crashes");
        eprintln!("{} writes acknowledged and found, {failures} failures in {crashes} crashes", ids.len());
        acknowledged += ids.len();
    }
    assert!(acknowledged > 100);
}
