//! Log lines: JSON in Lambda, with `timestamp`, `level` and `message` at the top as its log controls want them.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Turns logging on, by `AWS_LAMBDA_LOG_LEVEL` (INFO unless told) and `AWS_LAMBDA_LOG_FORMAT`.
///
/// The runtime's own subscriber does this too, with a filter language that brings a regex engine into each binary,
/// and formats a span for every invocation that nobody reads.
pub fn start() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let level = level(&variable("AWS_LAMBDA_LOG_LEVEL"));
    let lines = match variable("AWS_LAMBDA_LOG_FORMAT").as_str() {
        "JSON" => fmt::layer().json().flatten_event(true).with_target(false).boxed(),
        _ => fmt::layer().with_target(false).boxed(),
    };
    let filter =
        Targets::new().with_default(level).with_target("lambda_runtime", level.min(LevelFilter::WARN));
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

/// Of one of Lambda's names.
fn level(name: &str) -> LevelFilter {
    match name.to_ascii_uppercase().as_str() {
        // Which the parser takes for ERROR.
        "" => LevelFilter::INFO,
        "FATAL" => LevelFilter::ERROR,
        name => name.parse().unwrap_or(LevelFilter::INFO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_logged_unless_less_is_asked_for() {
        for name in ["", "INFO", "info", "verbose"] {
            assert_eq!(level(name), LevelFilter::INFO, "{name:?}");
        }
        for (name, expected) in [
            ("FATAL", LevelFilter::ERROR),
            ("ERROR", LevelFilter::ERROR),
            ("WARN", LevelFilter::WARN),
            ("DEBUG", LevelFilter::DEBUG),
            ("TRACE", LevelFilter::TRACE),
        ] {
            assert_eq!(level(name), expected);
        }
    }
}
