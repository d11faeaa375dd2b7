//! A mail server that keeps what it took, over TLS or not.

use std::sync::{Arc, Mutex};

use native_tls::Identity;
use shared::config::{Config, SmtpConfig};
use shared::testing::Certificates;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::TlsAcceptor;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Plain,
    StartTls,
    Implicit,
}

#[derive(Debug, Clone)]
pub struct Taken {
    pub over_tls: bool,
    /// Commands, and the message after DATA.
    pub lines: Vec<String>,
}

impl Taken {
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

pub struct SmtpServer {
    port: u16,
    speaks: Speaks,
    pub certificates: Certificates,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl SmtpServer {
    /// Answers messages with these, one after the other, and then with the last.
    pub async fn answering(speaks: Speaks, answers: &[&'static str]) -> SmtpServer {
        let certificates = Certificates::make();
        let (pem, key) = (certificates.read("server.pem"), certificates.read("server.key"));
        let identity = Identity::from_pkcs8(pem.as_bytes(), key.as_bytes()).unwrap();
        let acceptor = TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) = (Arc::clone(&taken), answers.to_vec());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = kept.lock().unwrap().len();
                let answer = answers.get(number).or(answers.last()).copied().unwrap();
                let _ = attend(stream, &acceptor, speaks, answer, &kept).await;
            }
        });
        SmtpServer { port, speaks, certificates, taken }
    }

    pub fn url(&self, host: &str) -> String {
        match self.speaks {
            Speaks::Plain => format!("smtp://{host}:{}?tls=none", self.port),
            Speaks::StartTls => format!("smtp://user:p%40ss@{host}:{}", self.port),
            Speaks::Implicit => format!("smtps://user:p%40ss@{host}:{}", self.port),
        }
    }

    /// With a server's certificate that is trusted, or whose authority is not.
    pub fn config(&self, url: &str, authority: &str) -> SmtpConfig {
        let root = self.certificates.path(authority).to_str().unwrap().to_owned();
        let lookup = |name: &str| match name {
            "SMTP_URL" => Some(url.to_owned()),
            "SMTP_FROM" => Some("deals@example.com".into()),
            "SMTP_SSLROOTCERT" => Some(root.clone()),
            _ => None,
        };
        Config::from_lookup(&lookup).unwrap().smtp.unwrap()
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

async fn attend(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    speaks: Speaks,
    answer: &str,
    kept: &Mutex<Vec<Taken>>,
) -> Option<()> {
    if speaks == Speaks::Implicit {
        return converse(acceptor.accept(stream).await.ok()?, true, true, answer, kept).await.map(drop);
    }
    let mut stream = stream;
    if converse(&mut stream, false, true, answer, kept).await? == End::StartTls {
        converse(acceptor.accept(stream).await.ok()?, true, false, answer, kept).await?;
    }
    Some(())
}

#[derive(PartialEq, Eq)]
enum End {
    Quit,
    StartTls,
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    over_tls: bool,
    greets: bool,
    answer: &str,
    kept: &Mutex<Vec<Taken>>,
) -> Option<End> {
    let mut stream = BufReader::new(stream);
    if greets {
        stream.write_all(b"220 test\r\n").await.ok()?;
    }
    let mut lines = Vec::new();
    loop {
        let line = line(&mut stream).await?;
        let command = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        lines.push(line);
        let reply = match command.as_str() {
            "EHLO" if over_tls => "250-test\r\n250 AUTH PLAIN",
            // Also by the plain one: whoever is to use TLS must not rest on the offer.
            "EHLO" => "250-test\r\n250 STARTTLS",
            "STARTTLS" => {
                stream.write_all(b"220 go\r\n").await.ok()?;
                return Some(End::StartTls);
            }
            "AUTH" => "235 in",
            "DATA" => {
                stream.write_all(b"354 go\r\n").await.ok()?;
                loop {
                    match self::line(&mut stream).await?.as_str() {
                        "." => break,
                        text => lines.push(text.to_owned()),
                    }
                }
                kept.lock().unwrap().push(Taken { over_tls, lines: std::mem::take(&mut lines) });
                answer
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await.ok()?;
                return Some(End::Quit);
            }
            _ => "250 ok",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
    }
}

async fn line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await {
        Ok(1..) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => None,
    }
}
