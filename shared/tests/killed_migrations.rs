//! A migration may be killed anywhere: the next one converges to the schema of a run that was not. Every fifth message is
//! killed, at one of three moments in turn, and by `make soak` every one at all three.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use refinery::Migration;
use shared::config::{PostgresConfig, SslMode};
use shared::migrations::{MigrationError, Report, embedded, history, migrate};
use shared::testing::{Cut, Moment, Proxy, TestDatabase, connect};

/// The release's own, and one file of each kind.
fn all_kinds() -> Vec<Migration> {
    let index = "-- refinery:no-transaction\ncreate index concurrently if not exists a_b_idx on a (b);";
    let table = "create table a (b int); insert into a select generate_series(1, 1000)";
    let mut migrations = embedded();
    for (name, sql) in
        [("V900__a", table), ("V901__index_a", index), ("V902__widen_a", "alter table a add c int")]
    {
        migrations.push(Migration::unapplied(name, sql).expect("has a good name"));
    }
    migrations
}

async fn run(config: &PostgresConfig, migrations: &[Migration]) -> Result<Report, MigrationError> {
    let connected = shared::db::connect(config, None).await;
    let (mut client, _) = connected.map_err(|error| MigrationError::Database(error.to_string()))?;
    migrate(&mut client, migrations, tokio::time::Instant::now() + Duration::from_secs(30)).await
}

/// The schema as `pg_dump` writes it, without what differs by chance.
fn schema(config: &PostgresConfig) -> String {
    // The server's own: another version's may refuse it.
    let folder = std::env::var_os("TEST_POSTGRES_BIN").expect("is set: run the tests by `make test`");
    let output = Command::new(Path::new(&folder).join("pg_dump"))
        .args([
            "--schema-only",
            "--host",
            &config.host,
            "--port",
            &config.port.to_string(),
            "--username",
            "deals",
        ])
        .arg(&config.database)
        .env("PGPASSWORD", "deals")
        .output()
        .expect("pg_dump is installed");
    assert!(output.status.success(), "{output:?}");
    let dump = String::from_utf8(output.stdout).expect("is text");
    dump.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).collect()
}

#[tokio::test]
async fn a_migration_that_was_killed_at_any_message_converges() {
    let migrations = all_kinds();
    let names: Vec<String> = migrations.iter().map(ToString::to_string).collect();
    let clean = TestDatabase::empty().await;
    run(&clean.config, &migrations).await.unwrap();
    let expected = schema(&clean.config);

    let moments = [Moment::BeforeItIsSent, Moment::AfterItIsSent, Moment::AfterItIsAnswered];
    let (step, moments_each) = if std::env::var_os("SOAK").is_some() { (1, 3) } else { (5, 1) };
    let (mut kills, mut slowest) = (0, Duration::ZERO);
    let mut message = 1;
    'messages: loop {
        for turn in 0..moments_each {
            let moment = moments[(message / step + turn) % 3];
            let database = TestDatabase::empty().await;
            let proxy = Proxy::that_cuts(&database.config, Cut { message, moment }).await;
            let outcome = run(
                &PostgresConfig { port: proxy.port, ssl_mode: SslMode::Disable, ..database.config.clone() },
                &migrations,
            )
            .await;
            if proxy.messages() < message {
                outcome.expect("was not killed");
                break 'messages;
            }
            let started = Instant::now();
            let rerun = run(&database.config, &migrations).await;
            rerun.unwrap_or_else(|error| panic!("killed at message {message}, {moment:?}: {error}"));
            slowest = slowest.max(started.elapsed());
            kills += 1;

            assert_eq!(schema(&database.config), expected, "killed at message {message}, {moment:?}");
            let owner = connect(&database.config).await;
            assert_eq!(history(&owner).await.unwrap(), names);
            let invalid = "select count(*) from pg_index where not indisvalid";
            assert_eq!(owner.query_one(invalid, &[]).await.unwrap().get::<_, i64>(0), 0);
        }
        message += step;
    }
    eprintln!("{kills} kills among {message} messages all converged, the slowest in {slowest:.1?}");
    assert_eq!(kills, moments_each * ((message - 1) / step));
    assert!(kills > 20);
    assert!(slowest < Duration::from_secs(30));
}
