//! A deployment's migration while requests run: none of them fails, and none waits for more than a second. On a thousand
//! listings in each run, and on a million by `make soak`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use refinery::Migration;
use shared::Role;
use shared::db::Database;
use shared::migrations::{embedded, migrate};
use shared::testing::{TestDatabase, connect};

const LONGEST_STALL: Duration = Duration::from_secs(1);
/// As a report's or a backup's: longer than a migration waits for a lock.
const LONG_READ: &str = "begin; select count(*) from listings; select pg_sleep(1.5); commit";

/// What a release adds to a table that is in use.
fn new_release() -> Vec<Migration> {
    let mut migrations = embedded();
    for (name, sql) in [
        (
            "V900__add_seen_count",
            "alter table listings add column seen_count int not null default 1;
             alter table listings add constraint listings_seen_count_check check (seen_count > 0) not valid",
        ),
        (
            "V901__index_seen_count",
            "-- refinery:no-transaction\ncreate index concurrently if not exists listings_seen_idx on listings (seen_count, id);",
        ),
        ("V902__check_seen_count", "alter table listings validate constraint listings_seen_count_check"),
    ] {
        migrations.push(Migration::unapplied(name, sql).expect("has a good name"));
    }
    migrations
}

#[derive(Debug, Default)]
struct Load {
    requests: u64,
    slowest: Duration,
    failures: Vec<String>,
}

/// Requests one after the other, as one environment has them.
async fn load(db: Database, name: String, listings: i64, stop: Arc<AtomicBool>) -> Load {
    let mut load = Load::default();
    for number in 0_i64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = 1 + number * 7919 % listings;
        let begun = Instant::now();
        let answered = match number % 4 {
            0 => db.read("select title, price_cents from listings where id = $1", &[&id]).await,
            1 => {
                db.read("select id, title from listings where id < $1 order by id desc limit 20", &[&id])
                    .await
            }
            2 => {
                let sql = "update listings set price_cents = price_cents + 1, version = version + 1 where id = $1 returning id";
                db.write(sql, &[&id]).await
            }
            _ => {
                let sql = "insert into listings (source, source_id, title, url) values ($1, $2, 'a desk', 'http://a') returning id";
                db.write(sql, &[&name, &number.to_string()]).await
            }
        };
        load.slowest = load.slowest.max(begun.elapsed());
        load.requests += 1;
        match answered {
            Ok(rows) if number % 4 == 1 || rows.len() == 1 => {}
            Ok(rows) => load.failures.push(format!("{number}: {} rows", rows.len())),
            Err(error) => load.failures.push(format!("{number}: {}", error.cause())),
        }
    }
    load
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_migration_fails_no_request_and_none_waits_longer_than_a_second() {
    let listings: i64 = if std::env::var_os("SOAK").is_some() { 1_000_000 } else { 1_000 };
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    // Rows alone: what they are worth is another matter.
    let fill = format!(
        "alter table listings disable trigger user;
         insert into listings (source, source_id, title, url, price_cents)
         select 'generated', n, 'Desk ' || n, 'http://a/' || n, 100 + n % 50000 from generate_series(1, {listings}) n;
         alter table listings enable trigger user;
         analyze listings"
    );
    owner.batch_execute(&fill).await.expect("fills");

    let stop = Arc::new(AtomicBool::new(false));
    let loads: Vec<_> = (0..4)
        .map(|number| {
            let db = Database::new(database.config.clone(), Role::App);
            tokio::spawn(load(db, format!("load-{number}"), listings, Arc::clone(&stop)))
        })
        .collect();
    let reading = Arc::clone(&stop);
    let reader = tokio::spawn(async move {
        while !reading.load(Ordering::Relaxed) {
            owner.batch_execute(LONG_READ).await.expect("reads");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;

    let begun = Instant::now();
    let mut migrating = connect(&database.config).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(300);
    let report = migrate(&mut migrating, &new_release(), deadline).await.expect("migrates");
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    assert_eq!(report.applied.len(), 3, "{report:?}");

    let mut total = Load::default();
    for load in loads {
        let load = load.await.expect("runs");
        total.requests += load.requests;
        total.slowest = total.slowest.max(load.slowest);
        total.failures.extend(load.failures);
    }
    reader.await.expect("reads");
    eprintln!(
        "three migrations of {listings} listings in {took:.1?}: {} requests meanwhile, the slowest took {:.0?}",
        total.requests, total.slowest
    );
    assert_eq!(total.failures, [""; 0]);
    assert!(total.slowest <= LONGEST_STALL, "{:?}", total.slowest);
    assert!(total.requests > 100);
}
