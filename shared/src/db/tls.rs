//! libpq's `sslmode` over native-tls, which knows only "everything verified" and its exceptions.

use std::path::PathBuf;
use std::pin::Pin;

use native_tls::{Certificate, TlsConnector};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::tls::TlsConnect;

use crate::config::{PostgresConfig, SslMode};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes a connector only once the server has agreed to TLS: building one makes OpenSSL parse the system's
/// certificates, which costs a cold start tens of milliseconds.
pub struct Tls {
    host: String,
    mode: SslMode,
    root_cert: Option<PathBuf>,
}

impl Tls {
    pub fn new(config: &PostgresConfig) -> Tls {
        Tls { host: config.host.clone(), mode: config.ssl_mode, root_cert: config.ssl_root_cert.clone() }
    }

    fn connector(&self) -> Result<TlsConnector, BoxError> {
        let mut builder = TlsConnector::builder();
        if let Some(path) = &self.root_cert {
            let pem = std::fs::read(path).map_err(|_| "DB_SSLROOTCERT names a file that cannot be read")?;
            let certificates = Certificate::stack_from_pem(&pem)?;
            if certificates.is_empty() {
                return Err("DB_SSLROOTCERT names a file without certificates".into());
            }
            // As libpq does it: who names an authority trusts no other.
            builder.disable_built_in_roots(true);
            for certificate in certificates {
                builder.add_root_certificate(certificate);
            }
        }
        let (verify_certificate, verify_host) = match self.mode {
            SslMode::Disable | SslMode::Prefer => (false, false),
            SslMode::Require => (self.root_cert.is_some(), false),
            SslMode::VerifyCa => (true, false),
            SslMode::VerifyFull => (true, true),
        };
        builder.danger_accept_invalid_certs(!verify_certificate);
        builder.danger_accept_invalid_hostnames(!verify_host);
        postgres_native_tls::set_postgresql_alpn(&mut builder);
        Ok(builder.build()?)
    }
}

impl<S> TlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = postgres_native_tls::TlsStream<S>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, BoxError>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let connector = postgres_native_tls::TlsConnector::new(self.connector()?, &self.host);
            Ok(connector.connect(stream).await?)
        })
    }
}

#[cfg(test)]
mod tests;
