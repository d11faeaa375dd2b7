//! Authorities and server certificates, made anew for a test by the `openssl` command.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::random_suffix;

/// A folder of files in PEM, removed with the value.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Two authorities, `a.pem` and `b.pem`, and a server's `server.pem` and `server.key`, signed by the first, for
    /// the host name `localhost` and no address.
    pub fn make() -> Certificates {
        let folder = std::env::temp_dir().join(format!("certificates-{}", random_suffix()));
        std::fs::create_dir(&folder).expect("creates a folder");
        let certificates = Certificates { folder };
        for authority in ["a", "b"] {
            certificates.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority-{authority}
                 -keyout {authority}.key -out {authority}.pem"
            ));
        }
        certificates
            .openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr");
        std::fs::write(certificates.path("names"), "subjectAltName=DNS:localhost").expect("writes");
        certificates
            .openssl("x509 -req -days 2 -in server.csr -CA a.pem -CAkey a.key -CAcreateserial -extfile names -out server.pem");
        certificates
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("is there")
    }

    fn openssl(&self, arguments: &str) {
        let output =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(&self.folder).output();
        let output = output.expect("openssl is installed");
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.folder));
    }
}
