use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::*;

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::from_lookup(&|name| variables.get(name).map(|&value| value.to_owned()))
}

/// 32 bytes.
const KEY: &str = "dGhlIHNhbWUgaW4gYWxsIG9mIHRoZSB0ZXN0cyAuLi4=";

fn postgres(variables: &[(&str, &str)]) -> PostgresConfig {
    config(variables).expect("is complete").postgres
}

fn address(config: &PostgresConfig) -> (String, u16, String, String, Option<String>) {
    let Login::Password(password) = &config.login else { panic!("no password login") };
    let password = password.as_ref().map(|password| password.reveal().to_owned());
    (config.host.clone(), config.port, config.database.clone(), config.user.clone(), password)
}

fn parts(
    host: &str,
    port: u16,
    database: &str,
    user: &str,
    password: Option<&str>,
) -> (String, u16, String, String, Option<String>) {
    (host.into(), port, database.into(), user.into(), password.map(Into::into))
}

#[test]
fn an_empty_environment_means_the_compose_services() {
    for variables in
        [&[][..], &[("DATABASE_URL", ""), ("DB_HOST", ""), ("REDIS_URL", ""), ("DB_SSLMODE", "")]]
    {
        let config = config(variables).expect("is complete");
        assert_eq!(address(&config.postgres), parts("postgres", 5432, "deals", "deals", Some("deals")));
        assert_eq!(config.postgres.ssl_mode, SslMode::Prefer);
        assert_eq!(config.redis.connection.addr().to_string(), "redis:6379");
        assert_eq!(config.redis.connection.redis_settings().db(), 0);
        assert_eq!(config.development_identity, None);
    }
}

#[test]
fn components_win_over_defaults_each_on_its_own_and_a_url_over_all() {
    assert_eq!(address(&postgres(&[("DB_HOST", "h")])), parts("h", 5432, "deals", "deals", Some("deals")));
    assert_eq!(
        address(&postgres(&[("DB_PORT", "6543")])),
        parts("postgres", 6543, "deals", "deals", Some("deals"))
    );
    let aliases = [("DB_NAME", "n"), ("DB_USER", "u"), ("DB_PASS", "p")];
    assert_eq!(address(&postgres(&aliases)), parts("postgres", 5432, "n", "u", Some("p")));
    let both = [
        ("DB_NAME", "n"),
        ("DB_USER", "u"),
        ("DB_PASS", "p"),
        ("POSTGRES_DB", "N"),
        ("POSTGRES_USER", "U"),
        ("POSTGRES_PASSWORD", "P"),
    ];
    assert_eq!(address(&postgres(&both)), parts("postgres", 5432, "N", "U", Some("P")));
    let all = [both.as_slice(), &[("DB_HOST", "h"), ("DATABASE_URL", "postgres://x:y@z:1/w")]].concat();
    assert_eq!(address(&postgres(&all)), parts("z", 1, "w", "x", Some("y")));
}

#[test]
fn urls_of_libpq_and_sqlalchemy_are_understood() {
    let url = |url: &str| address(&postgres(&[("DATABASE_URL", url)]));
    for scheme in
        ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg"]
    {
        assert_eq!(url(&format!("{scheme}://u:p@h/d")), parts("h", 5432, "d", "u", Some("p")), "{scheme}");
    }
    assert_eq!(
        url("postgres://u%40x:p%2F%3A%40%23%25%20%C3%A9@h/d%2Fe"),
        parts("h", 5432, "d/e", "u@x", Some("p/:@#% é"))
    );
    assert_eq!(url("postgres://u@h/d"), parts("h", 5432, "d", "u", None), "no password means none");
    assert_eq!(url("postgres://u:p@h"), parts("h", 5432, "u", "u", Some("p")), "the database is the user's");
    assert_eq!(url("postgres://u:p@[::1]:7/d"), parts("::1", 7, "d", "u", Some("p")));
    assert_eq!(url("postgres://u:p@%2Fvar%2Frun/d"), parts("/var/run", 5432, "d", "u", Some("p")));
}

#[test]
fn parameters_of_a_url_win_over_variables() {
    let with = |query: &str| {
        let url = format!("postgres://u:p@h/d?{query}");
        postgres(&[
            ("DATABASE_URL", &url),
            ("DB_SSLMODE", "disable"),
            ("DB_SSLROOTCERT", "/from/variable.pem"),
        ])
    };
    let plain = with("");
    assert_eq!(plain.ssl_mode, SslMode::Disable);
    assert_eq!(plain.ssl_root_cert.as_deref(), Some(Path::new("/from/variable.pem")));
    assert_eq!((plain.connect_timeout, plain.application_name), (Duration::from_secs(2), None));
    let full = with("sslmode=verify-full&sslrootcert=%2Fca.pem&connect_timeout=7&application_name=a%20b");
    assert_eq!(full.ssl_mode, SslMode::VerifyFull);
    assert_eq!(full.ssl_root_cert.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(
        (full.connect_timeout, full.application_name.as_deref()),
        (Duration::from_secs(7), Some("a b"))
    );
}

#[test]
fn every_sslmode_of_libpq_but_allow_is_known() {
    let modes = [
        ("disable", SslMode::Disable),
        ("prefer", SslMode::Prefer),
        ("require", SslMode::Require),
        ("verify-ca", SslMode::VerifyCa),
        ("verify-full", SslMode::VerifyFull),
    ];
    for (text, mode) in modes {
        assert_eq!(postgres(&[("DB_SSLMODE", text)]).ssl_mode, mode);
    }
}

#[test]
fn iam_needs_tls_a_region_and_credentials() {
    let complete = [
        ("DB_AUTH", "iam"),
        ("DB_SSLMODE", "verify-full"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
        ("AWS_SESSION_TOKEN", "session"),
    ];
    let Login::Iam { region, credentials, .. } = postgres(&complete).login else { panic!("no IAM login") };
    assert_eq!((region.as_str(), credentials.access_key_id.as_str()), ("eu-west-1", "id"));
    for missing in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let rest: Vec<_> = complete.into_iter().filter(|(name, _)| *name != missing).collect();
        let error = config(&rest).expect_err("is incomplete").to_string();
        assert_eq!(error, format!("{missing} is not set, and DB_AUTH=iam needs it"));
    }
    for mode in ["disable", "prefer", ""] {
        let mut plain = complete;
        plain[1].1 = mode;
        let error = config(&plain).expect_err("is not safe").to_string();
        assert_eq!(error, "DB_AUTH is iam, which needs an sslmode of require, verify-ca or verify-full");
    }
}

#[test]
fn a_malformed_value_is_named_and_never_shown() {
    let long_secret = "hunter2";
    let cases = [
        ("DATABASE_URL", "hunter2"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "postgres://u:hunter2@h:port/d"),
        ("DATABASE_URL", "postgres://u:p#hunter2@h/d"),
        ("DATABASE_URL", "postgres://u:hunter2%zz@h/d"),
        ("DATABASE_URL", "postgres://u:hunter2%ff@h/d"),
        ("DATABASE_URL", "postgres://u:hunter2%00@h/d"),
        ("DATABASE_URL", "postgres://h/hunter2"),
        ("DATABASE_URL", "postgres:///hunter2"),
        ("DATABASE_URL", "postgres://u:p@h/d?sslmode=hunter2"),
        ("DATABASE_URL", "postgres://u:p@h/d?sslmode=allow"),
        ("DATABASE_URL", "postgres://u:p@h/d?connect_timeout=hunter2"),
        ("DATABASE_URL", "postgres://u:p@h/d?hunter2%40=1"),
        ("DATABASE_URL", "postgres://u:p@h/d?target_session_attrs=hunter2"),
        ("DB_PORT", "hunter2"),
        ("DB_PORT", "0"),
        ("DB_PORT", "65536"),
        ("DB_SSLMODE", "hunter2"),
        ("DB_AUTH", "hunter2"),
        ("REDIS_URL", "hunter2"),
        ("REDIS_URL", "redis://:hunter2@h:port"),
        ("REDIS_URL", "rediss://:hunter2@h/#insecure"),
        ("REDIS_URL", "redis://:p@h/hunter2"),
        ("REDIS_PORT", "hunter2"),
        ("REDIS_TLS", "hunter2"),
        ("DEV_AUTH", "hunter2"),
        ("DEV_TARGETS", "hunter2"),
        ("DEV_TARGETS", "127.0.0.1:8080,hunter2"),
        ("PHOTO_STORE", "hunter2"),
        ("PHOTO_STORE", "s3://hunter2/hunter2"),
        ("VISION_API_KEY", "hunter2 "),
        ("CREDENTIALS_KEYS", "hunter2"),
        ("CREDENTIALS_KEYS", "hunter2:"),
        ("CREDENTIALS_KEYS", "hunter2:hunter2"),
        ("CREDENTIALS_KEYS", "hunter2:aHVudGVyMg=="),
        ("CREDENTIALS_KEYS", &format!(":{KEY}")),
        ("CREDENTIALS_KEYS", &format!("hunter 2:{KEY}")),
        ("CREDENTIALS_KEYS", &format!("hunter2:{KEY},")),
        ("CREDENTIALS_KEYS", &format!("hunter2:{KEY},hunter2:{KEY}")),
    ];
    for (variable, value) in cases {
        let error = config(&[(variable, value)]).expect_err(value);
        let shown = format!("{error} {error:?}");
        assert!(error.to_string().starts_with(&format!("{variable} ")), "{shown}");
        assert!(!shown.contains(long_secret), "{shown}");
    }
    let unsupported =
        config(&[("DATABASE_URL", "postgres://u:p@h/d?target_session_attrs=any")]).expect_err("is not");
    assert_eq!(
        unsupported.to_string(),
        "DATABASE_URL has the parameter target_session_attrs, which is not supported"
    );
}

#[test]
fn nothing_that_is_shown_for_debugging_holds_a_secret() {
    let config = config(&[
        ("DATABASE_URL", "postgres://u:hunter2@h/d?sslmode=require"),
        ("REDIS_URL", "redis://:hunter2@h"),
        ("CREDENTIALS_KEYS", &format!("hunter2:{KEY}")),
        ("VISION_API_KEY", "hunter2"),
        ("PHOTO_STORE", "s3://photos"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
    ]);
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2") && !shown.contains(KEY), "{shown}");
}

#[test]
fn photos_are_kept_in_a_folder_or_a_bucket() {
    let store = |variables: &[(&str, &str)]| {
        config(variables).map(|config| config.photo_store).map_err(|error| error.to_string())
    };
    let folder = store(&[("PHOTO_STORE", "file:///a%20b")]).expect("is one");
    assert!(matches!(folder, Some(PhotoStoreConfig::Folder(path)) if path == Path::new("/a b")));
    for value in [
        "photos",
        "file:///",
        "file://host/a",
        "http://a",
        "s3://",
        "s3://ab",
        "s3://a.b.c",
        "s3://bucket/key",
    ] {
        let error = store(&[("PHOTO_STORE", value)]).expect_err(value);
        assert!(error.starts_with("PHOTO_STORE "), "{error}");
    }
    let complete = [
        ("PHOTO_STORE", "s3://our-photos"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
    ];
    let Ok(Some(PhotoStoreConfig::Bucket(bucket))) = store(&complete) else { panic!("no bucket") };
    assert_eq!((bucket.name.as_str(), bucket.region.as_str()), ("our-photos", "eu-west-1"));
    for missing in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let rest: Vec<_> = complete.into_iter().filter(|(name, _)| *name != missing).collect();
        let error = store(&rest).expect_err("is incomplete");
        assert_eq!(error, format!("{missing} is not set, and PHOTO_STORE=s3://… needs it"));
    }
}

#[test]
fn a_model_is_asked_only_with_a_key_and_in_lambda_only_by_https() {
    assert!(config(&[("VISION_URL", "https://example.com/v1")]).expect("is complete").vision.is_none());
    let vision = config(&[("VISION_API_KEY", "key")]).expect("is complete").vision.expect("is on");
    assert_eq!(
        (vision.url.as_str(), vision.model.as_str()),
        ("https://api.openai.com/v1/chat/completions", "gpt-4o-mini")
    );
    let plain = [("VISION_API_KEY", "key"), ("VISION_URL", "http://127.0.0.1:9/v1")];
    assert!(config(&plain).is_ok());
    for (variable, value) in [plain[1], ("PHOTO_STORE", "file:///photos")] {
        let in_lambda = [plain[0], (variable, value), ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")];
        let refusal = config(&in_lambda).expect_err("is refused").to_string();
        assert!(refusal.starts_with(&format!("{variable} ")), "{refusal}");
    }
}

#[test]
fn redis_is_found_by_url_or_by_parts() {
    let redis = |variables: &[(&str, &str)]| config(variables).expect("is complete").redis.connection;
    let from_url = redis(&[("REDIS_URL", "rediss://user:p%40ss@h:7/3"), ("REDIS_HOST", "other")]);
    assert_eq!(from_url.addr().to_string(), "h:7");
    assert!(matches!(from_url.addr(), ::redis::ConnectionAddr::TcpTls { insecure: false, .. }));
    let settings = from_url.redis_settings();
    assert_eq!((settings.username(), settings.password(), settings.db()), (Some("user"), Some("p@ss"), 3));

    let from_parts =
        redis(&[("REDIS_HOST", "h"), ("REDIS_PORT", "7"), ("REDIS_PASSWORD", "p@ss"), ("REDIS_TLS", "1")]);
    assert_eq!(from_parts.addr().to_string(), "h:7");
    assert!(matches!(from_parts.addr(), ::redis::ConnectionAddr::TcpTls { insecure: false, .. }));
    assert_eq!(from_parts.redis_settings().password(), Some("p@ss"));
}

#[test]
fn callers_are_taken_at_their_word_only_outside_of_lambda() {
    let development = [("DEV_AUTH", "1"), ("DEV_USER_ID", "dev"), ("DEV_SCOPES", "a b")];
    let identity = config(&development).expect("is complete").development_identity.expect("is on");
    assert_eq!((identity.user_id.as_deref(), identity.scopes.as_str()), (Some("dev"), "a b"));
    for (name, value) in development {
        let in_lambda = [(name, value), ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")];
        let refusal = config(&in_lambda).expect_err("is refused").to_string();
        assert_eq!(refusal, format!("{name} must not be set in AWS Lambda"));
    }
}

#[test]
fn addresses_of_this_machine_are_contacted_for_users_only_outside_of_lambda() {
    let targets = ("DEV_TARGETS", "127.0.0.1:8080, [::1]:1");
    let found = config(&[targets]).expect("is complete").development_targets;
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:8080", "[::1]:1"]);
    assert!(config(&[]).expect("is complete").development_targets.is_empty());
    let refusal =
        config(&[targets, ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")]).expect_err("is refused");
    assert_eq!(refusal.to_string(), "DEV_TARGETS must not be set in AWS Lambda");
}

/// `.env.sample` is the one source of names and defaults.
#[test]
fn the_sample_environment_equals_the_defaults_of_the_code_and_of_compose() {
    let sample = include_str!("../../../.env.sample");
    let assignments: Vec<(&str, &str)> = sample
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once('=').expect("is an assignment");
            (name, value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect("is quoted"))
        })
        .collect();
    assert_eq!(format!("{:?}", config(&assignments)), format!("{:?}", config(&[])));

    // Every name that the code asks for is in the sample, if only in a comment.
    let asked = std::sync::Mutex::new(std::collections::BTreeSet::new());
    for branch in ["", "postgres://u@h"] {
        let lookup = |name: &str| {
            asked.lock().unwrap().insert(name.to_owned());
            (name == "DATABASE_URL")
                .then(|| branch.to_owned())
                .or((name == "DEV_AUTH").then(|| "1".to_owned()))
        };
        Config::from_lookup(&lookup).expect("is complete");
    }
    for name in asked.into_inner().unwrap() {
        assert!(
            name.starts_with("AWS_") || sample.contains(&format!("{name}=")),
            "{name} is not in .env.sample"
        );
    }

    let compose = include_str!("../../../compose.yaml");
    for (name, default) in &assignments {
        if compose.contains(&format!("${{{name}")) {
            assert!(compose.contains(&format!("${{{name}:-{default}}}")), "{name} differs in compose.yaml");
        }
    }
    for name in ["POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"] {
        assert!(compose.contains(&format!("${{{name}:-")), "compose.yaml does not take {name}");
    }
}
