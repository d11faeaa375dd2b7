//! A Redis server of a test's own, to be stopped and started.

use std::cell::RefCell;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Certificates;

/// Without any data on disk; ended with the value.
#[derive(Debug)]
pub struct RedisServer {
    pub port: u16,
    pub url: String,
    options: Vec<String>,
    process: RefCell<Child>,
}

impl RedisServer {
    pub fn start() -> RedisServer {
        RedisServer::start_with(|port| {
            (format!("redis://127.0.0.1:{port}/0"), vec!["--port".into(), port.to_string()])
        })
    }

    /// One that takes TLS alone, and the password `hunter2`.
    pub fn start_with_tls(certificates: &Certificates) -> RedisServer {
        let file = |name: &str| certificates.path(name).to_string_lossy().into_owned();
        RedisServer::start_with(|port| {
            let options = format!("--port 0 --tls-port {port} --tls-auth-clients no --requirepass hunter2");
            let mut options: Vec<String> = options.split(' ').map(str::to_owned).collect();
            for (name, value) in [
                ("--tls-cert-file", file("server.pem")),
                ("--tls-key-file", file("server.key")),
                ("--tls-ca-cert-file", file("a.pem")),
            ] {
                options.extend([name.to_owned(), value]);
            }
            (format!("rediss://:hunter2@localhost:{port}/0"), options)
        })
    }

    fn start_with(settings: impl Fn(u16) -> (String, Vec<String>)) -> RedisServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = listener.local_addr().expect("is bound").port();
        drop(listener);
        let (url, options) = settings(port);
        RedisServer { port, url, process: RefCell::new(spawn(port, &options)), options }
    }

    /// Runs a command by the server's own client.
    pub fn run(&self, command: &[&str]) {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(command).output().expect("runs");
        assert!(output.status.success(), "{command:?}: {output:?}");
    }

    pub fn stop(&self) {
        let mut process = self.process.borrow_mut();
        process.kill().expect("was started by us");
        process.wait().expect("ends");
    }

    pub fn start_again(&self) {
        *self.process.borrow_mut() = spawn(self.port, &self.options);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let process = self.process.get_mut();
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn spawn(port: u16, options: &[String]) -> Child {
    let mut process = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(options)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed: run the tests by `make test`");
    for _ in 0..200 {
        if std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok() {
            return process;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    process.kill().and_then(|()| process.wait()).expect("was started by us");
    panic!("redis-server did not start");
}
