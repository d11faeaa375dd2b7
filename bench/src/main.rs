//! Measures the functions as Lambda would run them, beside a handler that does nothing and pgbench with the same
//! statements. Ends with an error when a function answers wrongly, never because it is slow.

mod cases;
mod database;
mod deals;
mod ingest;
mod jobs;
mod market;
mod matching;
mod redis;
mod report;
mod server_log;

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bench::runtime_api::{Answer, Failure, Function};

use crate::cases::{Case, NULL_HANDLER};
use crate::database::{Database, LISTINGS};
use crate::redis::Redis;
use crate::report::{Memory, Samples};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const WARM_UPS: usize = 200;
/// What is compared takes turns, so that whatever else the machine does meets all alike.
const ROUNDS: usize = 6;
const INVOCATIONS_PER_ROUND: usize = 500;
const COLD_STARTS_PER_ROUND: usize = 5;
/// Of the list in its default sort, the last of these.
const PAGES: usize = 10_000;
/// How large the binary of a function that serves the API may be.
const API_FUNCTION: u64 = 10 * 1024 * 1024;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(programs)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bench FOLDER FOLDER-OF-PSQL [--long] [--deals] [--small] [--explain]".into());
    };
    let [mut long, mut deals_alone, mut small, mut explain] = [false; 4];
    for option in arguments {
        match option.as_str() {
            "--long" => long = true,
            "--deals" => deals_alone = true,
            "--small" => small = true,
            "--explain" => explain = true,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let bench = Bench {
        binaries: std::env::current_exe()?.with_file_name(""),
        database: Database::new(variable("DATABASE_URL")?, programs.into(), Path::new(&folder)),
        folder: PathBuf::from(&folder),
    };
    let plain = Transport {
        name: "without TLS",
        url_parameters: "sslmode=disable".into(),
        redis_url: variable("REDIS_URL")?,
        authority: None,
    };

    bench.migrate(&plain)?;
    bench.database.log_in_without_key_derivation()?;
    if !deals_alone {
        bench.measure_serving(&plain, long)?;
    }
    bench.measure_deals(&plain, small, explain)?;
    bench.measure_matching(&plain, explain)?;
    bench.measure_jobs(&plain)
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|_| format!("{name} is not set: run `make bench`").into())
}

/// How a function reaches PostgreSQL and Redis.
pub struct Transport {
    pub name: &'static str,
    /// Of `DATABASE_URL`, for functions and pgbench alike.
    url_parameters: String,
    redis_url: String,
    /// Parsing the system's certificates would take longer than all else at a cold start, so the cloud sets
    /// `SSL_CERT_FILE` too.
    authority: Option<String>,
}

impl Transport {
    /// The cold start that the design allows, beyond the null handler's.
    fn cold_start_budget(&self) -> Duration {
        Duration::from_millis(if self.authority.is_some() { 12 } else { 4 })
    }

    /// Peak memory after 2,000 invocations, in KiB.
    fn memory_budget(&self) -> u64 {
        1024 * if self.authority.is_some() { 12 } else { 8 }
    }
}

struct Bench {
    /// Where this program and the functions are.
    binaries: PathBuf,
    folder: PathBuf,
    database: Database,
}

impl Bench {
    /// What serves rows.
    fn measure_serving(&self, plain: &Transport, long: bool) -> Result<()> {
        report::progress(&format!("generating {LISTINGS} listings"));
        self.database.fill()?;
        self.database.fill_items(&cases::user())?;

        report::latency_head(plain);
        let mut nulls = Samples::default();
        for case in Case::all() {
            nulls.extend(self.measure(&case, plain)?);
        }
        report::null_handler(&nulls);
        self.measure_fence(plain)?;
        self.compare_pages(plain)?;
        self.measure_cold_starts(plain)?;
        self.measure_memory(plain, if long { &[2_000, 10_000, 100_000] } else { &[2_000, 10_000] })?;

        let authority = self.database.turn_tls_on()?.display().to_string();
        let url_parameters = format!("sslmode=verify-full&sslrootcert={authority}");
        let redis = Redis::with_tls(&self.folder)?;
        let tls = Transport {
            name: "with TLS",
            url_parameters,
            redis_url: redis.url.clone(),
            authority: Some(authority),
        };
        report::latency_head(&tls);
        self.measure(&Case::health(), &tls)?;
        self.measure(&Case::by_id(), &tls)?;
        self.measure_cold_starts(&tls)?;
        self.measure_memory(&tls, &[2_000])?;

        report::sizes_head();
        for (function, budget) in [
            ("health", Some(API_FUNCTION)),
            ("listings", Some(API_FUNCTION)),
            ("my-items", Some(API_FUNCTION)),
            ("deals", Some(API_FUNCTION)),
            ("valuations", Some(API_FUNCTION)),
            ("refit", None),
            ("migrate", None),
        ] {
            report::size(function, fs::metadata(self.binary(function))?.len(), budget);
        }
        Ok(())
    }

    fn binary(&self, function: &str) -> PathBuf {
        match function {
            NULL_HANDLER => self.binaries.join("examples/null_handler"),
            function => self.binaries.join(function),
        }
    }

    fn log(&self, function: &str) -> PathBuf {
        self.folder.join(format!("{function}.log"))
    }

    /// `name` is what PostgreSQL sees.
    fn start(&self, function: &str, name: &str, transport: &Transport) -> Result<Function> {
        let url = self.database.url(&format!("{}&application_name={name}", transport.url_parameters));
        let mut environment = vec![
            ("DATABASE_URL", url.as_str()),
            ("REDIS_URL", &transport.redis_url),
            ("AWS_REGION", "eu-west-1"),
        ];
        if let Some(authority) = &transport.authority {
            environment.push(("SSL_CERT_FILE", authority));
        }
        Ok(Function::start(&self.binary(function), &environment, File::create(self.log(function))?)?)
    }

    fn invoke(&self, function: &str, process: &mut Function, event: Vec<u8>) -> Result<Answer> {
        process.invoke(event).map_err(|failure| self.failed(function, &failure))
    }

    /// With what the function logged last.
    fn failed(&self, function: &str, failure: &Failure) -> Box<dyn std::error::Error> {
        let log = fs::read_to_string(self.log(function)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        format!("{function}: {failure}\n{}", lines[lines.len().saturating_sub(20)..].join("\n")).into()
    }

    fn migrate(&self, transport: &Transport) -> Result<()> {
        let mut migrate = self.start("migrate", "migrate", transport)?;
        let answer = self.invoke(
            "migrate",
            &mut migrate,
            include_bytes!("../../events/migrate_migrate.json").to_vec(),
        )?;
        report::progress(&format!("migrate: {}", String::from_utf8_lossy(&answer.body)));
        Ok(())
    }

    /// Times of the invocations with these numbers. Events are made before and answers checked after, so that a
    /// function waits no longer between two of them when its answers are long.
    fn times(
        &self,
        case: &Case,
        process: &mut Function,
        numbers: Range<usize>,
        samples: &mut Samples,
    ) -> Result<()> {
        for from in numbers.clone().step_by(INVOCATIONS_PER_ROUND) {
            let numbers = from..numbers.end.min(from + INVOCATIONS_PER_ROUND);
            let events: Vec<_> = numbers.clone().map(|number| case.event(number)).collect();
            let mut answers = Vec::with_capacity(events.len());
            for event in events {
                answers.push(self.invoke(case.function, process, event)?);
            }
            for (number, answer) in numbers.zip(answers) {
                case.check(number, &answer.body)?;
                samples.push(answer.latency);
            }
        }
        Ok(())
    }

    /// One case's line: its times beside those of the null handler, which it returns, and of its statement alone.
    fn measure(&self, case: &Case, transport: &Transport) -> Result<Samples> {
        let null = Case::null();
        let mut null_process = self.start(null.function, "null", transport)?;
        let mut process = self.start(case.function, "measured", transport)?;
        let mut ignored = Samples::default();
        self.times(&null, &mut null_process, 0..WARM_UPS, &mut ignored)?;
        self.times(case, &mut process, 0..WARM_UPS, &mut ignored)?;
        let sql = self.database.last_statement("measured")?;

        let [mut nulls, mut times, mut statements] = <[Samples; 3]>::default();
        for round in 0..ROUNDS {
            let from = WARM_UPS + round * INVOCATIONS_PER_ROUND;
            let numbers = from..from + INVOCATIONS_PER_ROUND;
            self.times(&null, &mut null_process, numbers.clone(), &mut nulls)?;
            self.times(case, &mut process, numbers, &mut times)?;
            let transactions = WARM_UPS + INVOCATIONS_PER_ROUND;
            let parameters = &transport.url_parameters;
            let microseconds = self.database.pgbench(parameters, &sql, &case.values, transactions)?;
            for time in &microseconds[WARM_UPS..] {
                statements.push(Duration::from_micros(*time));
            }
        }
        report::latency(case, &times, &nulls, &statements);
        Ok(nulls)
    }

    /// What row-level security costs a request: a row behind it beside one of the market, and a row created behind it.
    fn measure_fence(&self, transport: &Transport) -> Result<()> {
        let cases = [Case::by_id(), Case::item(), Case::new_item()];
        let mut processes = Vec::new();
        for case in &cases {
            let mut process = self.start(case.function, "fence", transport)?;
            self.times(case, &mut process, 0..WARM_UPS, &mut Samples::default())?;
            processes.push(process);
        }
        let (mut samples, mut round_trips) = (<[Samples; 3]>::default(), Samples::default());
        for round in 0..ROUNDS {
            let from = WARM_UPS + round * INVOCATIONS_PER_ROUND;
            for ((case, process), samples) in cases.iter().zip(&mut processes).zip(&mut samples) {
                self.times(case, process, from..from + INVOCATIONS_PER_ROUND, samples)?;
            }
            let transactions = WARM_UPS + INVOCATIONS_PER_ROUND;
            let microseconds =
                self.database.pgbench(&transport.url_parameters, "select 1", &[], transactions)?;
            for time in &microseconds[WARM_UPS..] {
                round_trips.push(Duration::from_micros(*time));
            }
        }
        report::fence(&cases, &samples, &round_trips);
        Ok(())
    }

    /// The last page of all against the first.
    fn compare_pages(&self, transport: &Transport) -> Result<()> {
        let limit = LISTINGS / PAGES;
        let mut process = self.start("listings", "pages", transport)?;
        let page = |process: &mut Function, cursor: Option<&str>| -> Result<(Duration, Option<String>)> {
            let query = match cursor {
                None => format!("limit={limit}"),
                Some(cursor) => format!("limit={limit}&cursor={cursor}"),
            };
            let answer = self.invoke("listings", process, cases::list(&query))?;
            let body = cases::body(&answer.body)?;
            if body["items"].as_array().is_none_or(|items| items.len() != limit) {
                return Err(format!("a page of {limit} listings is {body}").into());
            }
            Ok((answer.latency, body["next_cursor"].as_str().map(str::to_owned)))
        };
        let mut cursor: Option<String> = None;
        for number in 1..PAGES {
            cursor = page(&mut process, cursor.as_deref())?.1;
            if cursor.is_none() {
                return Err(format!("page {number} says that it is the last of {PAGES}").into());
            }
        }
        let [mut first, mut last] = <[Samples; 2]>::default();
        for _ in 0..ROUNDS * INVOCATIONS_PER_ROUND / 2 {
            first.push(page(&mut process, None)?.0);
            last.push(page(&mut process, cursor.as_deref())?.0);
        }
        report::pages(PAGES, limit, &first, &last);
        Ok(())
    }

    /// From the start of a process to its first answer, beside the null handler's and a pgbench that logs in for the
    /// same statement.
    fn measure_cold_starts(&self, transport: &Transport) -> Result<()> {
        let cases = [Case::null(), Case::health(), Case::by_id()];
        let mut statements = Vec::new();
        for case in &cases[1..] {
            let mut process = self.start(case.function, case.function, transport)?;
            self.invoke(case.function, &mut process, case.event(0))?;
            statements.push((case, self.database.last_statement(case.function)?));
        }
        let (mut samples, mut log_ins) = (<[Samples; 3]>::default(), <[Samples; 2]>::default());
        for round in 0..ROUNDS {
            let numbers = round * COLD_STARTS_PER_ROUND..(round + 1) * COLD_STARTS_PER_ROUND;
            for number in numbers {
                for (case, samples) in cases.iter().zip(&mut samples) {
                    let event = case.event(number);
                    let before = Instant::now();
                    let mut process = self.start(case.function, "cold", transport)?;
                    let answer = self.invoke(case.function, &mut process, event)?;
                    samples.push(answer.received - before);
                    case.check(number, &answer.body)?;
                }
            }
            for ((case, sql), log_ins) in statements.iter().zip(&mut log_ins) {
                let parameters = &transport.url_parameters;
                for time in
                    self.database.pgbench_logging_in(parameters, sql, &case.values, COLD_STARTS_PER_ROUND)?
                {
                    log_ins.push(Duration::from_micros(time));
                }
            }
        }
        report::cold_starts(transport, &cases, &samples, &log_ins, transport.cold_start_budget());
        Ok(())
    }

    /// What a process holds after so many invocations.
    fn measure_memory(&self, transport: &Transport, stops: &[usize]) -> Result<()> {
        let cases = [Case::null(), Case::by_id()];
        let mut memories = [Vec::new(), Vec::new()];
        for (case, memories) in cases.iter().zip(&mut memories) {
            let mut process = self.start(case.function, "memory", transport)?;
            let mut invocations = 0;
            for &stop in stops {
                self.times(case, &mut process, invocations..stop, &mut Samples::default())?;
                invocations = stop;
                memories.push(Memory::of(process.process_id())?);
            }
        }
        report::memory(transport, stops, &cases, &memories, transport.memory_budget());
        Ok(())
    }
}
