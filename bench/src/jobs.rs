//! How soon a worker that waits begins a job, beside a round trip of the stream that carries it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::report::{self, Samples};
use crate::{Bench, Result, Transport, cases};

const JOBS: usize = 100;
const ROUND_TRIPS: usize = 500;
/// What a worker is told that it has: it takes jobs for two thirds of that.
const WORKER_TIME: Duration = Duration::from_secs(60);

impl Bench {
    pub fn measure_jobs(&self, transport: &Transport) -> Result<()> {
        // What else a worker finds to do would be counted as well.
        self.database.run("truncate snap_jobs, jobs, listings_to_match cascade")?;
        let mut worker = self.start("worker", "worker", transport)?;
        // Ended with this process, by the worker's own time, or when its job is done.
        let at_work = thread::spawn(move || worker.invoke_within(WORKER_TIME, b"{}".to_vec()).is_ok());
        let mut api = self.start("snap-jobs", "snap-jobs", transport)?;
        for _ in 0..JOBS {
            let answer = self.invoke("snap-jobs", &mut api, new_snap_job())?;
            if !String::from_utf8_lossy(&answer.body).contains("\"statusCode\":201") {
                return Err(format!("a snap job: {}", String::from_utf8_lossy(&answer.body)).into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let begun = "select count(*) from jobs where started_at is not null";
        self.database.wait_for(begun, &JOBS.to_string())?;
        let times = "select round(extract(epoch from started_at - created_at) * 1000000)::bigint from jobs order by id";
        let mut pick_up = Samples::default();
        // The first ones find the worker still connecting.
        for microseconds in self.database.run(times)?.lines().skip(JOBS / 10) {
            pick_up.push(Duration::from_micros(microseconds.parse()?));
        }
        report::pick_up(&pick_up, &stream_round_trips(&transport.redis_url)?);
        if at_work.is_finished() && !at_work.join().is_ok_and(|answered| answered) {
            return Err("the worker ended in the middle".into());
        }
        Ok(())
    }
}

/// Which ends with its first look: nothing says what it is.
fn new_snap_job() -> Vec<u8> {
    let mut event = cases::with_path("/snap-jobs".into());
    event["requestContext"]["http"]["method"] = "POST".into();
    event["headers"]["content-type"] = "application/json".into();
    event["body"] = json!({ "photos": ["https://127.0.0.1/photo.jpg"] }).to_string().into();
    event["isBase64Encoded"] = Value::Bool(false);
    event.to_string().into_bytes()
}

/// From `XADD` to the answer of an `XREADGROUP` that waits for it, on two connections.
fn stream_round_trips(url: &str) -> Result<Samples> {
    let address = url.trim_start_matches("redis://").split('/').next().unwrap_or_default().to_owned();
    let mut writer = Redis::connect(&address)?;
    writer.command(&["XGROUP", "CREATE", "bench", "bench", "$", "MKSTREAM"])?;
    let mut reader = Redis::connect(&address)?;
    let (waits, ready) = channel();
    let (arrived, arrivals) = channel();
    let reading = thread::spawn(move || -> std::io::Result<()> {
        for _ in 0..ROUND_TRIPS {
            let _ = waits.send(());
            reader.command(&[
                "XREADGROUP",
                "GROUP",
                "bench",
                "one",
                "COUNT",
                "1",
                "BLOCK",
                "5000",
                "STREAMS",
                "bench",
                ">",
            ])?;
            let _ = arrived.send(Instant::now());
        }
        Ok(())
    });
    let mut samples = Samples::default();
    for _ in 0..ROUND_TRIPS {
        ready.recv()?;
        // Until it waits at the server.
        thread::sleep(Duration::from_millis(2));
        let sent = Instant::now();
        writer.command(&["XADD", "bench", "*", "job", "1"])?;
        samples.push(arrivals.recv()? - sent);
    }
    reading.join().map_err(|_| "the reader panicked")??;
    writer.command(&["DEL", "bench"])?;
    Ok(samples)
}

/// As much of the protocol as that takes.
struct Redis {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Redis {
    fn connect(address: &str) -> std::io::Result<Redis> {
        let writer = TcpStream::connect(address)?;
        writer.set_nodelay(true)?;
        Ok(Redis { reader: BufReader::new(writer.try_clone()?), writer })
    }

    fn command(&mut self, words: &[&str]) -> std::io::Result<()> {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.writer.write_all(text.as_bytes())?;
        self.skip_reply()
    }

    fn skip_reply(&mut self) -> std::io::Result<()> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let (kind, rest) = line.split_at(line.len().min(1));
        match (kind, rest.trim_end().parse::<i64>()) {
            ("$", Ok(0..)) => self.reader.read_line(&mut String::new()).map(|_| ()),
            ("*", Ok(parts)) => (0..parts).try_for_each(|_| self.skip_reply()),
            ("-", _) => Err(std::io::Error::other(line)),
            _ => Ok(()),
        }
    }
}
