//! E-mail over SMTP: nothing is told to a server before it has proved who it is.

use std::time::Duration;

use lettre::address::AddressError;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use shared::config::{SmtpConfig, SmtpTls};
use tokio::time::timeout;

use super::DEADLINE;
use super::message::Message;
use crate::job::Failure;

/// For each step; `DEADLINE` is for all of them.
const STEP: Duration = Duration::from_secs(5);

pub async fn send(smtp: Option<&SmtpConfig>, to: Option<&str>, message: &Message) -> Result<(), Failure> {
    let Some(smtp) = smtp else { return Err(Failure::Final("e-mail is not set up here".into())) };
    let Some(to) = to else { return Err(super::no_target("email")) };
    let email = compose(smtp, to, message)
        .map_err(|_| Failure::Final("the message cannot be written as an e-mail".into()))?;
    let transport = transport(smtp).map_err(|problem| {
        tracing::error!(problem, "e-mail is not set up as it should be");
        Failure::Retry("e-mail is not set up here as it should be".into())
    })?;
    match timeout(DEADLINE, transport.send(email)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(judge(&error)),
        Err(_) => Err(Failure::Retry("the mail server did not answer in time".into())),
    }
}

fn compose(smtp: &SmtpConfig, to: &str, message: &Message) -> Result<lettre::Message, lettre::error::Error> {
    let plain = |address: &str| -> Result<Mailbox, AddressError> { Ok(Mailbox::new(None, address.parse()?)) };
    let from = plain(smtp.from.as_str()).map_err(|_| lettre::error::Error::MissingFrom)?;
    let to = plain(to).map_err(|_| lettre::error::Error::MissingTo)?;
    lettre::Message::builder()
        .from(Mailbox { name: Some("Deal Scout".into()), ..from })
        .to(to)
        .subject(message.subject())
        // Stable over attempts: a mail server that has had it knows it.
        .message_id(Some(format!("<delivery-{}@{}>", message.id, smtp.from.domain())))
        .multipart(MultiPart::alternative_plain_html(message.text(), message.html()))
}

/// One connection a message: they are few, and a worker sleeps between them.
fn transport(smtp: &SmtpConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, &'static str> {
    let tls = match smtp.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::StartTls => Tls::Required(parameters(smtp)?),
        SmtpTls::Implicit => Tls::Wrapper(parameters(smtp)?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
        .port(smtp.port)
        .tls(tls)
        .hello_name(ClientId::Domain(smtp.from.domain().to_owned()))
        .timeout(Some(STEP));
    if let Some((user, password)) = &smtp.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
    }
    Ok(builder.build())
}

fn parameters(smtp: &SmtpConfig) -> Result<TlsParameters, &'static str> {
    let mut builder = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ssl_root_cert {
        let pem = std::fs::read(path).map_err(|_| "SMTP_SSLROOTCERT names a file that cannot be read")?;
        let certificate = Certificate::from_pem(&pem);
        builder = builder.add_root_certificate(
            certificate.map_err(|_| "SMTP_SSLROOTCERT names a file without certificates")?,
        );
    }
    builder.build().map_err(|_| "there is no TLS")
}

/// The server's own words may quote the message: only its code is told.
fn judge(error: &lettre::transport::smtp::Error) -> Failure {
    let code = error.status().map(u16::from);
    match code {
        // It does not let us in, which is no fault of the message.
        Some(code @ (530 | 534 | 535 | 538)) => {
            tracing::error!(code, "the mail server does not take the login of SMTP_URL");
            Failure::Retry(format!("the mail server does not let us in ({code})"))
        }
        Some(code) if error.is_permanent() => {
            Failure::Final(format!("the mail server refused the message ({code})"))
        }
        Some(code) => Failure::Retry(format!("the mail server cannot take the message now ({code})")),
        None if error.is_timeout() => Failure::Retry("the mail server did not answer in time".into()),
        None if error.is_tls() => Failure::Retry("the mail server did not prove who it is".into()),
        None => {
            tracing::warn!(%error, "the mail server was not reached");
            Failure::Retry("the mail server was not reached".into())
        }
    }
}
