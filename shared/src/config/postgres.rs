//! Where PostgreSQL is and how to log in: `DATABASE_URL`, else components, else defaults.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_rds::config::Credentials;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{ConfigError, Environment, Secret};

/// The schemes of libpq, and those that SQLAlchemy's users have in their environments.
const SCHEMES: [&str; 5] =
    ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg"];

const DEFAULT_PORT: u16 = 5432;

/// From the first packet to "ready for query". A frozen environment's request must still end within 3 s.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// `DB_HOST`: a name, an address, or the directory of a Unix socket.
    pub host: String,
    /// `DB_PORT`
    pub port: u16,
    /// `POSTGRES_DB`, alias `DB_NAME`
    pub database: String,
    /// `POSTGRES_USER`, alias `DB_USER`
    pub user: String,
    pub login: Login,
    /// `DB_SSLMODE`
    pub ssl_mode: SslMode,
    /// `DB_SSLROOTCERT`: certificates in PEM that are trusted instead of the system's.
    pub ssl_root_cert: Option<PathBuf>,
    /// `connect_timeout` in `DATABASE_URL`, in seconds.
    pub connect_timeout: Duration,
    /// `application_name` in `DATABASE_URL`
    pub application_name: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Login {
    /// `POSTGRES_PASSWORD`, alias `DB_PASS`; a URL without one means none.
    Password(Option<Secret>),
    /// `DB_AUTH=iam`: a token, signed anew for each connection.
    Iam { region: String, credentials: AwsCredentials, clock: SharedTimeSource },
}

/// The function's own role, as Lambda puts it into the environment.
#[derive(Debug, Clone)]
pub struct AwsCredentials {
    pub access_key_id: String,
    pub secret_access_key: Secret,
    pub session_token: Option<Secret>,
}

impl AwsCredentials {
    pub(crate) fn for_sdk(&self) -> Credentials {
        let session_token = self.session_token.as_ref().map(|token| token.reveal().to_owned());
        Credentials::new(
            &self.access_key_id,
            self.secret_access_key.reveal(),
            session_token,
            None,
            "environment",
        )
    }
}

/// libpq's `sslmode`, with libpq's meaning:
/// <https://www.postgresql.org/docs/15/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    /// TLS when the server offers it, unverified; plain text otherwise.
    Prefer,
    /// TLS, unverified; but like `VerifyCa` when `DB_SSLROOTCERT` is set.
    Require,
    VerifyCa,
    VerifyFull,
}

impl PostgresConfig {
    pub(super) fn from_environment(environment: &Environment<'_>) -> Result<PostgresConfig, ConfigError> {
        let mut config = match environment.get("DATABASE_URL") {
            Some(url) => from_url(&url)?,
            None => from_components(environment)?,
        };
        if config.explicit_ssl_mode.is_none()
            && let Some(mode) = environment.get("DB_SSLMODE")
        {
            config.explicit_ssl_mode = Some(ssl_mode("DB_SSLMODE", &mode)?);
        }
        let ssl_root_cert = config.ssl_root_cert.or_else(|| environment.get("DB_SSLROOTCERT"));
        let ssl_mode = config.explicit_ssl_mode.unwrap_or(SslMode::Prefer);
        let login = match environment.get("DB_AUTH").as_deref() {
            None | Some("password") => Login::Password(config.password.map(Secret)),
            Some("iam") => iam_login(environment, ssl_mode)?,
            Some(_) => return Err(ConfigError::new("DB_AUTH", "is neither password nor iam")),
        };
        Ok(PostgresConfig {
            host: config.host,
            port: config.port,
            database: config.database,
            user: config.user,
            login,
            ssl_mode,
            ssl_root_cert: ssl_root_cert.map(PathBuf::from),
            connect_timeout: config.connect_timeout,
            application_name: config.application_name,
        })
    }
}

/// What a URL or the components say, before the rest of the environment is asked.
struct Address {
    host: String,
    port: u16,
    database: String,
    user: String,
    password: Option<String>,
    explicit_ssl_mode: Option<SslMode>,
    ssl_root_cert: Option<String>,
    connect_timeout: Duration,
    application_name: Option<String>,
}

fn from_components(environment: &Environment<'_>) -> Result<Address, ConfigError> {
    let either = |names| environment.first_of(names).unwrap_or_else(|| "deals".into());
    Ok(Address {
        host: environment.get("DB_HOST").unwrap_or_else(|| "postgres".into()),
        port: environment.port("DB_PORT", DEFAULT_PORT)?,
        database: either(&["POSTGRES_DB", "DB_NAME"]),
        user: either(&["POSTGRES_USER", "DB_USER"]),
        password: Some(either(&["POSTGRES_PASSWORD", "DB_PASS"])),
        explicit_ssl_mode: None,
        ssl_root_cert: None,
        connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        application_name: None,
    })
}

fn from_url(url: &str) -> Result<Address, ConfigError> {
    // The parser's own messages name a rule, never the text that broke it.
    let url = Url::parse(url).map_err(|error| {
        invalid(format!("is not a URL: {error} (special characters in a password must be percent-encoded)"))
    })?;
    if !SCHEMES.contains(&url.scheme()) {
        return Err(invalid(format!("has none of the schemes {}", SCHEMES.join(", "))));
    }
    if url.fragment().is_some() {
        return Err(invalid("has a '#', which must be percent-encoded"));
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| invalid("names no host"))?;
    let host = decoded("host", host.trim_start_matches('[').trim_end_matches(']'))?;
    let user = decoded("user", url.username())?;
    if user.is_empty() {
        return Err(invalid("names no user"));
    }
    let database = decoded("database", url.path().trim_start_matches('/'))?;
    let mut address = Address {
        host,
        port: url.port().unwrap_or(DEFAULT_PORT),
        // As libpq does it.
        database: if database.is_empty() { user.clone() } else { database },
        user,
        password: url.password().map(|password| decoded("password", password)).transpose()?,
        explicit_ssl_mode: None,
        ssl_root_cert: None,
        connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        application_name: None,
    };
    for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded("parameter", value)?;
        match name {
            "sslmode" => address.explicit_ssl_mode = Some(ssl_mode("DATABASE_URL", &value)?),
            "sslrootcert" => address.ssl_root_cert = Some(value).filter(|path| !path.is_empty()),
            "application_name" => address.application_name = Some(value).filter(|name| !name.is_empty()),
            "connect_timeout" => address.connect_timeout = connect_timeout(&value)?,
            // A parameter's name may be part of a password that was not encoded: only a plain word is shown.
            _ if name.chars().all(|c| c.is_ascii_lowercase() || c == '_') => {
                return Err(invalid(format!("has the parameter {name}, which is not supported")));
            }
            _ => return Err(invalid("has a parameter that is not supported")),
        }
    }
    Ok(address)
}

fn invalid(problem: impl Into<String>) -> ConfigError {
    ConfigError::new("DATABASE_URL", problem)
}

fn decoded(part: &str, text: &str) -> Result<String, ConfigError> {
    let broken = || invalid(format!("has a {part} with a broken percent-encoding"));
    // The decoder lets "%zz" pass as it stands, which would be a wrong password rather than an error.
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        if after.len() < 2 || !after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit) {
            return Err(broken());
        }
        rest = &after[2..];
    }
    let text = percent_decode_str(text).decode_utf8().map_err(|_| broken())?;
    if text.contains('\0') {
        return Err(invalid(format!("has a {part} with a NUL character")));
    }
    Ok(text.into_owned())
}

fn connect_timeout(value: &str) -> Result<Duration, ConfigError> {
    match value.parse::<u16>() {
        // libpq waits for ever; here every connection attempt has a deadline.
        Ok(0) => Ok(DEFAULT_CONNECT_TIMEOUT),
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => Err(invalid("has a connect_timeout that is not a number of seconds")),
    }
}

fn ssl_mode(variable: &'static str, value: &str) -> Result<SslMode, ConfigError> {
    match value {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" => Ok(SslMode::Require),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-full" => Ok(SslMode::VerifyFull),
        _ => Err(ConfigError::new(
            variable,
            "has an sslmode that is none of disable, prefer, require, verify-ca, verify-full",
        )),
    }
}

fn iam_login(environment: &Environment<'_>, ssl_mode: SslMode) -> Result<Login, ConfigError> {
    if matches!(ssl_mode, SslMode::Disable | SslMode::Prefer) {
        // `prefer` falls back to plain text, and the token is a password.
        return Err(ConfigError::new(
            "DB_AUTH",
            "is iam, which needs an sslmode of require, verify-ca or verify-full",
        ));
    }
    let needed = |variable: &'static str| {
        environment
            .get(variable)
            .ok_or_else(|| ConfigError::new(variable, "is not set, and DB_AUTH=iam needs it"))
    };
    Ok(Login::Iam {
        region: needed("AWS_REGION")?,
        credentials: AwsCredentials {
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret(needed("AWS_SECRET_ACCESS_KEY")?),
            session_token: environment.get("AWS_SESSION_TOKEN").map(Secret),
        },
        clock: SharedTimeSource::new(SystemTimeSource::new()),
    })
}
