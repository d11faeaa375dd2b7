//! A PostgreSQL server of a test's own, to be stopped and started.

use std::path::PathBuf;
use std::process::Command;

use super::{random_suffix, server_at, variable};
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
