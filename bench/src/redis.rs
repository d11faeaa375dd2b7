//! A Redis that takes TLS alone, ended with the value.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Result;

pub struct Redis {
    process: Child,
    pub url: String,
}

impl Redis {
    /// With the certificate that [`crate::database::Database::turn_tls_on`] made in `folder`.
    pub fn with_tls(folder: &Path) -> Result<Redis> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port.to_string()])
            .args(["--save", "", "--tls-auth-clients", "no"])
            .args(["--tls-cert-file", "server.crt", "--tls-key-file", "server.key"])
            .args(["--tls-ca-cert-file", "ca.pem"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()?;
        let redis = Redis { process, url: format!("rediss://127.0.0.1:{port}/0") };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(redis);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("redis-server does not take TLS".into())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
