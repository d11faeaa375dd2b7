use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};

use crate::Role;
use crate::config::{AwsCredentials, Login, PostgresConfig, Secret, SslMode};
use crate::db::{connect, iam};
use crate::testing::{self, Certificates, PostgresServer};

/// What libpq's table says: <https://www.postgresql.org/docs/15/libpq-ssl.html#LIBPQ-SSL-PROTECTION>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Encrypted,
    Plain,
    Refused,
}

use Outcome::{Encrypted, Plain, Refused};

async fn outcome(config: &PostgresConfig) -> Outcome {
    let Ok((client, _)) = connect(config, None).await else { return Refused };
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    if client.query_one(sql, &[]).await.expect("answers").get(0) { Encrypted } else { Plain }
}

const MODES: [SslMode; 5] =
    [SslMode::Disable, SslMode::Prefer, SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull];

#[tokio::test]
async fn every_sslmode_meets_every_server_as_libpqs_table_says() {
    let plain = PostgresServer::start();
    let secured = PostgresServer::start();
    let certificates = Certificates::make();
    secured.switch_tls_on(&certificates).await;
    let at = |server: &PostgresServer, host: &str, root: Option<&str>| PostgresConfig {
        host: host.into(),
        ssl_root_cert: root.map(|name| certificates.path(name)),
        ..server.config.clone()
    };
    let table = [
        (
            "right authority",
            at(&secured, "localhost", Some("a.pem")),
            [Plain, Encrypted, Encrypted, Encrypted, Encrypted],
        ),
        (
            "wrong authority",
            at(&secured, "localhost", Some("b.pem")),
            [Plain, Encrypted, Refused, Refused, Refused],
        ),
        (
            "wrong host name",
            at(&secured, "127.0.0.1", Some("a.pem")),
            [Plain, Encrypted, Encrypted, Encrypted, Refused],
        ),
        (
            "the system's authorities",
            at(&secured, "localhost", None),
            [Plain, Encrypted, Encrypted, Refused, Refused],
        ),
        (
            "plain text server",
            at(&plain, "localhost", Some("a.pem")),
            [Plain, Plain, Refused, Refused, Refused],
        ),
    ];
    let mut met = Vec::new();
    for (name, config, expected) in &table {
        let mut row = Vec::new();
        for ssl_mode in MODES {
            row.push(outcome(&PostgresConfig { ssl_mode, ..config.clone() }).await);
        }
        eprintln!("{name:<26} {row:?}");
        met.push((*name, row == expected));
    }
    assert!(met.iter().all(|(_, right)| *right), "{met:?}");
}

#[tokio::test]
async fn a_file_of_authorities_that_cannot_be_used_is_an_error_that_names_its_variable() {
    let server = PostgresServer::start();
    let certificates = Certificates::make();
    server.switch_tls_on(&certificates).await;
    let with_root = |path: PathBuf| PostgresConfig {
        host: "localhost".into(),
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: Some(path),
        ..server.config.clone()
    };
    for (path, expected) in [
        (certificates.path("missing.pem"), "DB_SSLROOTCERT names a file that cannot be read"),
        (certificates.path("names"), "DB_SSLROOTCERT names a file without certificates"),
    ] {
        let error = connect(&with_root(path), None).await.expect_err("cannot be used").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A clock that a test sets.
#[derive(Debug, Clone)]
struct FakeClock(Arc<AtomicU64>);

impl TimeSource for FakeClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn each_connection_logs_in_with_a_token_of_its_own_time() {
    let server = PostgresServer::start();
    let certificates = Certificates::make();
    server.switch_tls_on(&certificates).await;
    let owner = testing::connect(&server.config).await;
    owner.batch_execute("create role deals_app login").await.expect("creates");

    let clock = FakeClock(Arc::new(AtomicU64::new(1_795_442_400)));
    let credentials = AwsCredentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::new("secret"),
        session_token: Some(Secret::new("a session token with / and + and =")),
    };
    let region = "eu-west-1".to_owned();
    let config = PostgresConfig {
        host: "localhost".into(),
        user: "deals_app".into(),
        login: Login::Iam { region, credentials, clock: SharedTimeSource::new(clock.clone()) },
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: Some(certificates.path("a.pem")),
        ..server.config.clone()
    };
    let mut tokens = Vec::new();
    for round in 0..3 {
        // The server takes, as RDS would, the token of this time alone.
        let Login::Iam { region, credentials, clock: source } = &config.login else { unreachable!() };
        let token = iam::token(&config, region, credentials, source).await.expect("signs");
        let set = format!("alter role deals_app password '{}'", token.reveal());
        owner.batch_execute(&set).await.expect("sets");
        connect(&config, Some(Role::App)).await.expect("logs in");
        assert!(!tokens.contains(&token.reveal().to_owned()), "round {round}");
        tokens.push(token.reveal().to_owned());
        clock.0.fetch_add(901, Ordering::SeqCst);
        let error = connect(&config, Some(Role::App)).await.expect_err("signs anew").to_string();
        assert!(error.contains("28P01"), "{error}");
    }
}
