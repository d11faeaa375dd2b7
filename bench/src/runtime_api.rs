//! AWS Lambda's Runtime API, as far as a function uses it: starts a built binary as Lambda would, and hands it one
//! event after the other. Blocking threads: nothing stands between the socket and the clock.

use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What an invocation may take, and what a function is told that it may, unless more is allowed.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A process that serves invocations; killed with the value.
#[derive(Debug)]
pub struct Function {
    process: Child,
    address: SocketAddr,
    events: Sender<(Vec<u8>, Duration)>,
    outcomes: Receiver<Outcome>,
    stopped: Arc<AtomicBool>,
}

/// What a function answered.
#[derive(Debug)]
pub struct Answer {
    pub body: Vec<u8>,
    /// From handing over the event to having the whole answer.
    pub latency: Duration,
    pub received: Instant,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// The error that the function reported.
    Reported(String),
    Exited(ExitStatus),
    TimedOut(Duration),
    Io(io::Error),
}

type Outcome = Result<Answer, Failure>;

impl Function {
    /// Starts `program`. It sees the variables that Lambda sets, those of `environment`, and no others.
    pub fn start(
        program: &Path,
        environment: &[(&str, &str)],
        log: impl Into<Stdio>,
    ) -> io::Result<Function> {
        Function::start_with(program, environment, log.into(), Stdio::null())
    }

    /// The same, with a place for what it says where nobody should look: panics above all.
    pub fn start_with(
        program: &Path,
        environment: &[(&str, &str)],
        log: Stdio,
        errors: Stdio,
    ) -> io::Result<Function> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (events, queue) = channel();
        let (results, outcomes) = channel();
        let exchange =
            Arc::new(Exchange { queue: Mutex::new(queue), in_flight: Mutex::new(None), outcomes: results });
        let stopped = Arc::new(AtomicBool::new(false));
        let accepting = Arc::clone(&stopped);
        thread::spawn(move || accept(&listener, &exchange, &accepting));

        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or("function");
        let process = Command::new(program)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{name}")),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0"),
                ("AWS_EXECUTION_ENV", "AWS_Lambda_rust"),
                ("_HANDLER", "bootstrap"),
                ("LANG", "en_US.UTF-8"),
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
                ("TZ", ":UTC"),
            ])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn();
        match process {
            Ok(process) => Ok(Function { process, address, events, outcomes, stopped }),
            Err(error) => {
                end_accepting(&stopped, address);
                Err(error)
            }
        }
    }

    /// Hands over an event and waits for the answer.
    pub fn invoke(&mut self, event: Vec<u8>) -> Outcome {
        self.invoke_within(TIME_LIMIT, event)
    }

    /// The same for what takes longer.
    pub fn invoke_within(&mut self, limit: Duration, event: Vec<u8>) -> Outcome {
        let give_up = Instant::now() + limit;
        // The queue lives as long as the thread that accepts connections, and that as long as we do.
        self.events.send((event, limit)).expect("the Runtime API is served");
        loop {
            match self.outcomes.recv_timeout(Duration::from_millis(100)) {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::TimedOut(limit)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = self.process.try_wait().map_err(Failure::Io)? {
                // What it said last may have come between the two looks.
                return self.outcomes.try_recv().unwrap_or(Err(Failure::Exited(status)));
            }
            if Instant::now() >= give_up {
                return Err(Failure::TimedOut(limit));
            }
        }
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        end_accepting(&self.stopped, self.address);
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Reported(error) => write!(formatter, "the function reported {error}"),
            Failure::Exited(status) => write!(formatter, "the function ended: {status}"),
            Failure::TimedOut(limit) => write!(formatter, "no answer in {} s", limit.as_secs()),
            Failure::Io(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for Failure {}

/// What the connections of one function share. It may have several: an HTTP client opens them as it likes.
struct Exchange {
    queue: Mutex<Receiver<(Vec<u8>, Duration)>>,
    in_flight: Mutex<Option<Invocation>>,
    outcomes: Sender<Outcome>,
}

struct Invocation {
    id: String,
    handed_over: Instant,
}

fn accept(listener: &TcpListener, exchange: &Arc<Exchange>, stopped: &AtomicBool) {
    for stream in listener.incoming() {
        if stopped.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(stream) = stream {
            let exchange = Arc::clone(exchange);
            thread::spawn(move || {
                // The function may close a connection whenever it likes, and does when it ends.
                if let Err(error) = serve(stream, &exchange).or_else(unless_disconnected) {
                    let _ = exchange.outcomes.send(Err(Failure::Io(error)));
                }
            });
        }
    }
}

fn end_accepting(stopped: &AtomicBool, address: SocketAddr) {
    stopped.store(true, Ordering::Relaxed);
    // Wakes the thread, which then sees that it is over.
    let _ = TcpStream::connect(address);
}

fn unless_disconnected(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => Ok(()),
        _ => Err(error),
    }
}

/// Answers the requests of one connection until it closes.
fn serve(stream: TcpStream, exchange: &Exchange) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(64 * 1024, stream.try_clone()?);
    let mut writer = stream;
    let mut invocations = 0_u64;
    while let Some(request) = Request::read(&mut reader)? {
        let received = Instant::now();
        let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["2018-06-01", "runtime", "invocation", "next"]) => {
                let Ok((event, limit)) = exchange.queue.lock().expect(HEALTHY).recv() else { return Ok(()) };
                invocations += 1;
                let id = format!("{:08x}-0000-4000-8000-{invocations:012x}", writer.peer_addr()?.port());
                let message = invocation(&id, invocations, &event, limit);
                let mut in_flight = exchange.in_flight.lock().expect(HEALTHY);
                // Before the one write: the function may be at work before the call returns.
                *in_flight = Some(Invocation { id, handed_over: Instant::now() });
                drop(in_flight);
                writer.write_all(&message)?;
            }
            ("POST", ["2018-06-01", "runtime", "invocation", id, kind @ ("response" | "error")]) => {
                let Some(invocation) =
                    exchange.in_flight.lock().expect(HEALTHY).take_if(|current| current.id == *id)
                else {
                    respond(&mut writer, "400 Bad Request", "", r#"{"errorType":"InvalidRequestID"}"#)?;
                    continue;
                };
                respond(&mut writer, "202 Accepted", "", OK)?;
                let outcome = if *kind == "response" {
                    let latency = received - invocation.handed_over;
                    Ok(Answer { body: request.body, latency, received })
                } else {
                    Err(request.reported())
                };
                // Nobody waits any more when the function is being stopped.
                let _ = exchange.outcomes.send(outcome);
            }
            ("POST", ["2018-06-01", "runtime", "init", "error"]) => {
                respond(&mut writer, "202 Accepted", "", OK)?;
                let _ = exchange.outcomes.send(Err(request.reported()));
            }
            // The runtime registers an extension, for which Lambda lets a function end in peace. It asks for no
            // events, and so none ever comes.
            ("POST", ["2020-01-01", "extension", "register"]) => {
                let identifier = "Lambda-Extension-Identifier: 00000000-0000-4000-8000-000000000000\r\n";
                let about =
                    r#"{"functionName":"function","functionVersion":"$LATEST","handler":"bootstrap"}"#;
                respond(&mut writer, "200 OK", identifier, about)?;
            }
            ("GET", ["2020-01-01", "extension", "event", "next"]) => {}
            _ => respond(&mut writer, "404 Not Found", "", r#"{"errorType":"NotFound"}"#)?,
        }
    }
    Ok(())
}

/// No thread panics while it holds a lock.
const HEALTHY: &str = "the lock is healthy";

const OK: &str = r#"{"status":"OK"}"#;

fn invocation(id: &str, number: u64, event: &[u8], limit: Duration) -> Vec<u8> {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970") + limit;
    let mut message = format!(
        "HTTP/1.1 200 OK\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {}\r\n\
         Lambda-Runtime-Aws-Request-Id: {id}\r\n\
         Lambda-Runtime-Deadline-Ms: {}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:123456789012:function:function\r\n\
         Lambda-Runtime-Trace-Id: Root=1-67408a10-{number:024x};Parent=53995c3f42cd8ad8;Sampled=0\r\n\
         \r\n",
        event.len(),
        deadline.as_millis(),
    )
    .into_bytes();
    message.extend_from_slice(event);
    message
}

fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let message = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(message.as_bytes())
}

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

impl Request {
    /// `None` when the connection has ended.
    fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(ErrorKind::InvalidData.into());
        };
        let (method, path) = (method.to_owned(), path.to_owned());
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| ErrorKind::InvalidData)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(io::Error::new(ErrorKind::Unsupported, "answers in a stream are not read"));
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Some(Request { method, path, body }))
    }

    fn reported(&self) -> Failure {
        Failure::Reported(String::from_utf8_lossy(&self.body).into_owned())
    }
}
