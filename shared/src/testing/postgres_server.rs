//! A PostgreSQL server of a test's own, to be stopped and started.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use super::{Certificates, connect, random_suffix, server_at, variable};
use crate::config::PostgresConfig;

/// Started by the same script as the servers of `make dev` and `make test`, and removed with the value.
#[derive(Debug)]
pub struct PostgresServer {
    folder: PathBuf,
    pub config: PostgresConfig,
}

impl PostgresServer {
    pub fn start() -> PostgresServer {
        let folder = PathBuf::from(variable("TEST_SERVICES")).join(random_suffix());
        // Not as a throwaway: what it acknowledged must survive its crashes.
        run(&["start", &folder.to_string_lossy(), "--only", "postgres"]);
        let written = std::fs::read_to_string(folder.join("services.env")).expect("the script wrote it");
        let url = written
            .lines()
            .find_map(|line| line.strip_prefix("DATABASE_URL="))
            .expect("the script names the database")
            .trim_matches('"')
            .to_owned();
        PostgresServer { folder, config: server_at(&url) }
    }

    /// From now on the server offers TLS, and takes plain text as before.
    pub async fn switch_tls_on(&self, certificates: &Certificates) {
        let owner = connect(&self.config).await;
        for name in ["server.pem", "server.key"] {
            // By the server itself, so that the file has the owner and the mode that it insists on.
            let copy = format!(
                "copy (select unnest(string_to_array('{}', E'\\n'))) to program 'umask 077; cat > {name}'",
                certificates.read(name)
            );
            owner.batch_execute(&copy).await.expect("writes");
        }
        for setting in ["ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'", "ssl = on"] {
            owner.batch_execute(&format!("alter system set {setting}")).await.expect("sets");
        }
        owner.batch_execute("select pg_reload_conf()").await.expect("reloads");
        // The reload reaches the postmaster in its own time.
        while !self.offers_tls() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Asks by the protocol's `SSLRequest`.
    fn offers_tls(&self) -> bool {
        let mut socket = TcpStream::connect((self.config.host.as_str(), self.config.port)).expect("connects");
        socket.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).expect("asks");
        let mut answer = [0];
        socket.read_exact(&mut answer).expect("answers");
        answer == *b"S"
    }

    /// As if the power failed; on the same port again.
    pub fn crash_and_restart(&self) {
        run(&["restart", &self.folder.to_string_lossy()]);
    }

    pub fn crash(&self) {
        run(&["stop-postgres", &self.folder.to_string_lossy()]);
    }

    pub fn start_again(&self) {
        run(&["start-postgres", &self.folder.to_string_lossy()]);
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        run(&["stop", &self.folder.to_string_lossy(), "--remove"]);
    }
}

fn run(arguments: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services");
    let status = Command::new(script).args(arguments).status().expect("the script can be run");
    assert!(status.success(), "scripts/services {arguments:?}: {status}");
}
