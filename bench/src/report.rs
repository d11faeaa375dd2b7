//! What `make bench` prints.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::fs;
use std::time::Duration;

use crate::cases::{Case, NULL_HANDLER};
use crate::server_log::Executed;
use crate::{Result, Transport};

/// A difference that is noise on a machine that does other work too.
const NOISE: Duration = Duration::from_micros(50);

#[derive(Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub fn extend(&mut self, more: Samples) {
        self.0.extend(more.0);
    }

    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        // There are always samples.
        sorted[(sorted.len() - 1) * percent / 100]
    }
}

/// In KiB, as the kernel counts.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    peak: u64,
    now: u64,
}

impl Memory {
    pub fn of(process: u32) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let field = |name: &str| -> Result<u64> {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"));
            Ok(value.ok_or("the kernel does not tell a process's memory")?.trim().parse()?)
        };
        Ok(Memory { peak: field("VmHWM:")?, now: field("VmRSS:")? })
    }
}

pub fn sizes_head() {
    println!("\nBinary, stripped, with OpenSSL within, in MiB");
}

pub fn progress(message: &str) {
    eprintln!("{message}");
}

pub fn latency_head(transport: &Transport) {
    println!("\nWarm, {}, in ms; the floor is null handler + pgbench", transport.name);
    println!(
        "{:<22}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}  within",
        "case", "p50", "p99", "null", "pgbench", "floor", "ratio", "budget"
    );
}

pub fn null_handler(nulls: &Samples) {
    println!("{NULL_HANDLER:<22}{:>9}{:>9}", ms(nulls.percentile(50)), ms(nulls.percentile(99)));
}

pub fn latency(case: &Case, times: &Samples, nulls: &Samples, statements: &Samples) {
    let [time, null, statement] = [times, nulls, statements].map(|samples| samples.percentile(50));
    let floor = null + statement;
    let (budget, within) = match case.budget {
        Some(budget) => (format!("{budget:.2}"), yes_or_no(time <= floor.mul_f64(budget).max(floor + NOISE))),
        None => ("none".to_owned(), ""),
    };
    println!(
        "{:<22}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9.2}{budget:>9}  {within}",
        case.name,
        ms(time),
        ms(times.percentile(99)),
        ms(null),
        ms(statement),
        ms(floor),
        time.div_duration_f64(floor),
    );
}

pub fn fence(cases: &[Case; 3], samples: &[Samples; 3], round_trips: &Samples) {
    println!("\nBehind row-level security, in ms");
    let [market, ..] = samples.each_ref().map(|samples| samples.percentile(50));
    let round_trip = round_trips.percentile(50);
    for (case, samples) in cases.iter().zip(samples) {
        let (time, slow) = (samples.percentile(50), samples.percentile(99));
        println!("{:<22}{:>9}{:>9}", case.name, ms(time), ms(slow));
    }
    let fence = samples[1].percentile(50).saturating_sub(market);
    println!(
        "the fence costs {}, budget one round trip, {}, within: {}",
        ms(fence),
        ms(round_trip),
        yes_or_no(fence <= round_trip.max(NOISE))
    );
}

pub fn pages(pages: usize, limit: usize, first: &Samples, last: &Samples) {
    let [first, last] = [first, last].map(|samples| samples.percentile(50));
    let within = yes_or_no(last <= first.mul_f64(1.1).max(first + NOISE));
    println!(
        "\nPage {pages} of {limit}: p50 {} ms, the first {} ms, ratio {:.2}, budget 1.10, within: {within}",
        ms(last),
        ms(first),
        last.div_duration_f64(first),
    );
}

/// `log_ins` are of pgbench, for the cases after the null handler, whose own is the first of `samples`.
pub fn cold_starts(
    transport: &Transport,
    cases: &[Case],
    samples: &[Samples],
    log_ins: &[Samples],
    beyond_null: Duration,
) {
    println!(
        "\nFrom start to first answer, {}, median in ms; the floor is null handler + pgbench that logs in",
        transport.name
    );
    println!(
        "{:<22}{:>9}{:>9}{:>9}{:>9}{:>9}  within",
        "case", "time", "pgbench", "floor", "ratio", "budget"
    );
    let null = samples[0].percentile(50);
    println!("{:<22}{:>9}", cases[0].name, ms(null));
    for ((case, samples), log_ins) in cases[1..].iter().zip(&samples[1..]).zip(log_ins) {
        let [time, log_in] = [samples, log_ins].map(|samples| samples.percentile(50));
        let [floor, budget] = [null + log_in, null + beyond_null];
        println!(
            "{:<22}{:>9}{:>9}{:>9}{:>9.2}{:>9}  {}",
            case.name,
            ms(time),
            ms(log_in),
            ms(floor),
            time.as_secs_f64() / floor.as_secs_f64(),
            ms(budget),
            yes_or_no(time <= budget)
        );
    }
}

pub fn memory(transport: &Transport, stops: &[usize], cases: &[Case], memories: &[Vec<Memory>], budget: u64) {
    println!("\nMemory, {}, in MiB", transport.name);
    for (case, memories) in cases.iter().zip(memories) {
        for (stop, memory) in stops.iter().zip(memories) {
            let within = match stop {
                2_000 => format!("  budget {}, within: {}", mib(budget), yes_or_no(memory.peak <= budget)),
                _ => String::new(),
            };
            println!(
                "{:<22} after {stop:>7} invocations: peak {:>6}, now {:>6}{within}",
                case.name,
                mib(memory.peak),
                mib(memory.now),
            );
        }
    }
    for (earlier, later) in (0..).zip(1..stops.len()) {
        let [null, function] =
            [0, 1].map(|case: usize| memories[case][later].now.saturating_sub(memories[case][earlier].now));
        let within = match stops[later] {
            // What the runtime itself leaks is not ours.
            100_000 => {
                format!("; budget 1 MiB beyond the former, within: {}", yes_or_no(function <= null + 1024))
            }
            _ => String::new(),
        };
        println!(
            "growth from {} to {}: {} {}, {} {}{within}",
            stops[earlier],
            stops[later],
            cases[0].name,
            mib(null),
            cases[1].name,
            mib(function),
        );
    }
}

/// The ratio of a page of deals, or of a valuation, to its floor, and of its slowest to its median.
const DEALS_BUDGET: f64 = 1.5;
const SLOWEST_BUDGET: f64 = 5.0;
/// From one market to one ten times as large.
const GROWTH_BUDGET: f64 = 1.5;
/// How much longer matching may take with 100 times the searches.
const MATCHING_BUDGET: f64 = 3.0;
const INGEST_BUDGET: f64 = 5.0;

pub fn refit(listings: usize, time: Duration, memory: Memory) {
    println!(
        "\nrefit of {listings} listings and as many comps: {:.1} s, peak memory {} MiB",
        time.as_secs_f64(),
        mib(memory.peak)
    );
}

pub fn deals_head(listings: usize) {
    println!("\n{listings} listings and as many comps, warm, in ms; the floor is null handler + pgbench");
    println!(
        "{:<24}{:>8}{:>8}{:>8}{:>8}{:>8}{:>7}{:>8} {:<6}{:>8}{:>7} {:<6}{:>8}",
        "case",
        "p50",
        "p99",
        "null",
        "pgbench",
        "floor",
        "ratio",
        "budget",
        "within",
        "p99/p50",
        "budget",
        "within",
        "MiB"
    );
}

pub fn deals(
    name: &str,
    times: &Samples,
    nulls: &Samples,
    statements: &Samples,
    faults: &[String],
    memory: Memory,
) {
    let [time, null, statement] = [times, nulls, statements].map(|samples| samples.percentile(50));
    let slow = times.percentile(99);
    let floor = null + statement;
    println!(
        "{name:<24}{:>8}{:>8}{:>8}{:>8}{:>8}{:>7.2}{DEALS_BUDGET:>8.2} {:<6}{:>8.2}{SLOWEST_BUDGET:>7.0} {:<6}{:>8}",
        ms(time),
        ms(slow),
        ms(null),
        ms(statement),
        ms(floor),
        time.div_duration_f64(floor),
        yes_or_no(time <= floor.mul_f64(DEALS_BUDGET)),
        slow.div_duration_f64(time),
        yes_or_no(slow <= time.mul_f64(SLOWEST_BUDGET)),
        mib(memory.peak),
    );
    if !faults.is_empty() {
        println!("    NO: {}", faults.join(", "));
    }
}

pub fn faults(faults: &[String]) {
    let found = if faults.is_empty() { "yes".to_owned() } else { format!("NO: {}", faults.join(", ")) };
    println!("    neither a sequential scan of a large table nor a sort of more than 10,000 rows: {found}");
}

/// From the request that makes a job to the worker's beginning, by the database's clock.
pub fn pick_up(pick_up: &Samples, round_trips: &Samples) {
    const BUDGET: Duration = Duration::from_millis(50);
    println!("\nA job from its request to a worker that waits, in ms; beside it XADD to XREADGROUP alone");
    let [time, slow] = [50, 99].map(|percent| pick_up.percentile(percent));
    println!(
        "p50 {}, p99 {}; stream p50 {}, p99 {}; budget {}, within: {}",
        ms(time),
        ms(slow),
        ms(round_trips.percentile(50)),
        ms(round_trips.percentile(99)),
        ms(BUDGET),
        yes_or_no(time <= BUDGET),
    );
}

pub fn matching_head() {
    println!("\nMatching one listing against saved searches, with all that its users are told, in ms");
    println!("{:<24}{:>8}{:>8}{:>16}", "searches", "p50", "p99", "notifications");
}

/// `told` is of how many notifications a listing is the cause.
pub fn matching(searches: usize, times: &Samples, told: f64) {
    let [time, slow] = [50, 99].map(|percent| times.percentile(percent));
    println!("{searches:<24}{:>8}{:>8}{told:>16.2}", ms(time), ms(slow));
}

pub fn matching_growth(sizes: &[usize; 2], medians: &[Duration; 2]) {
    let [small, large] = *medians;
    println!(
        "from {} to {} searches: ratio {:.2}, budget {MATCHING_BUDGET:.2}, within: {}",
        sizes[0],
        sizes[1],
        large.div_duration_f64(small),
        yes_or_no(large <= small.mul_f64(MATCHING_BUDGET).max(small + NOISE)),
    );
}

pub fn plan(name: &str, sql: &str, plan: &str) {
    println!("\n--- {name}: {}\n{plan}\n", sql.split_whitespace().collect::<Vec<_>>().join(" "));
}

pub fn ingest_head(batch: usize, runs: usize) {
    println!(
        "\nA batch of {batch} with history and scores, median of {runs} in ms; the floor is a bare upsert into a copy of the \
         table with all its indexes and without its triggers"
    );
    println!(
        "{:<24}{:>8}{:>8}{:>8}{:>7}{:>8} {:<6}{:>8}",
        "case", "p50", "slowest", "bare", "ratio", "budget", "within", "MiB"
    );
}

pub fn ingest(name: &str, times: &Samples, bare: &Samples, memory: Memory) {
    let [time, floor] = [times, bare].map(|samples| samples.percentile(50));
    println!(
        "{name:<24}{:>8}{:>8}{:>8}{:>7.2}{INGEST_BUDGET:>8.2} {:<6}{:>8}",
        tenths(time),
        tenths(times.percentile(100)),
        tenths(floor),
        time.div_duration_f64(floor),
        yes_or_no(time <= floor.mul_f64(INGEST_BUDGET)),
        mib(memory.peak),
    );
}

pub fn break_down(name: &str, latency: Duration, statements: &[Executed]) {
    println!("{name}, one of them: {} ms, of which in the database", tenths(latency));
    for statement in statements {
        println!("    {:>8}  {}", tenths(statement.time), statement.name());
    }
}

pub fn growth(sizes: &[usize; 2], medians: &[Vec<(&'static str, Duration)>]) {
    println!("\nGrowth of p50 from {} to {} listings and comps, in ms", sizes[0], sizes[1]);
    let [small, large] = [&medians[0], &medians[1]];
    for ((name, small), (_, large)) in small.iter().zip(large) {
        println!(
            "{name:<24}{:>8}{:>8}  ratio {:>5.2}, budget {GROWTH_BUDGET:.2}, within: {}",
            ms(*small),
            ms(*large),
            large.div_duration_f64(*small),
            yes_or_no(*large <= small.mul_f64(GROWTH_BUDGET).max(*small + NOISE)),
        );
    }
}

fn tenths(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

/// `budget` is in bytes, and none for a function that serves no API.
pub fn size(function: &str, bytes: u64, budget: Option<u64>) {
    let within = match budget {
        Some(budget) => format!("  budget {}, within: {}", mib(budget / 1024), yes_or_no(bytes <= budget)),
        None => String::new(),
    };
    println!("{function:<22}{:>9}{within}", mib(bytes / 1024));
}

fn ms(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1000.0)
}

fn mib(kib: u64) -> String {
    format!("{:.2}", kib as f64 / 1024.0)
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "NO" }
}
