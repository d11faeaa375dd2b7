//! Metrics as log lines in `CloudWatch`'s embedded metric format, from which it makes metrics: no request is sent.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Map, Value, json};

const NAMESPACE: &str = "DealScout";

/// Counts of this moment, without a dimension.
pub fn counts(counts: &[(&'static str, u64)]) {
    write(&line(counts, now()));
}

/// What is told of a request that was served.
#[derive(Debug)]
pub struct Handled<'a> {
    pub request_id: &'a str,
    pub trace_id: Option<&'a str>,
    pub method: &'a str,
    pub route: &'a str,
    pub status: u16,
    pub duration_micros: u64,
    pub database_micros: u64,
    pub cold_start: bool,
}

/// The line of a request, which makes the metrics `DatabaseTime` and `ColdStarts` too. How many requests there are, how long
/// they take and how they end, API Gateway and Lambda count themselves.
pub fn handled(request: &Handled<'_>) {
    #[derive(Serialize)]
    struct Line<'a> {
        _aws: Embedded,
        level: &'static str,
        message: &'static str,
        request_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        trace_id: Option<&'a str>,
        method: &'a str,
        route: &'a str,
        status: u16,
        duration_ms: f64,
        cold_start: bool,
        #[serde(rename = "DatabaseTime")]
        database_ms: f64,
        #[serde(rename = "ColdStarts")]
        cold_starts: u8,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Embedded {
        timestamp: u64,
        cloud_watch_metrics: [Metrics; 1],
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Metrics {
        namespace: &'static str,
        dimensions: [[&'static str; 0]; 1],
        metrics: [Metric; 2],
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Metric {
        name: &'static str,
        unit: &'static str,
    }
    let milliseconds = |micros: u64| micros as f64 / 1000.0;
    write(&Line {
        _aws: Embedded {
            timestamp: now(),
            cloud_watch_metrics: [Metrics {
                namespace: NAMESPACE,
                dimensions: [[]],
                metrics: [
                    Metric { name: "DatabaseTime", unit: "Milliseconds" },
                    Metric { name: "ColdStarts", unit: "Count" },
                ],
            }],
        },
        level: "INFO",
        message: "request",
        request_id: request.request_id,
        trace_id: request.trace_id,
        method: request.method,
        route: request.route,
        status: request.status,
        duration_ms: milliseconds(request.duration_micros),
        cold_start: request.cold_start,
        database_ms: milliseconds(request.database_micros),
        cold_starts: request.cold_start.into(),
    });
}

fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_1970.as_millis().try_into().unwrap_or(u64::MAX)
}

/// In one piece, so that lines never mix. Nobody can be told of a log that cannot be written.
fn write(line: &impl Serialize) {
    if let Ok(mut line) = serde_json::to_vec(line) {
        line.push(b'\n');
        let _ = std::io::stdout().lock().write_all(&line);
    }
}

fn line(counts: &[(&'static str, u64)], milliseconds: u64) -> Value {
    let metrics: Vec<Value> =
        counts.iter().map(|(name, _)| json!({ "Name": name, "Unit": "Count" })).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": milliseconds,
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": metrics }],
        }),
    );
    line.extend(counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))));
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_of_its_members_are_metrics() {
        let expected = json!({
            "_aws": {
                "Timestamp": 1_700_000_000_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "DealScout",
                    "Dimensions": [[]],
                    "Metrics": [{ "Name": "QueueDepth", "Unit": "Count" }, { "Name": "DeadJobs", "Unit": "Count" }],
                }],
            },
            "QueueDepth": 3,
            "DeadJobs": 0,
        });
        assert_eq!(line(&[("QueueDepth", 3), ("DeadJobs", 0)], 1_700_000_000_000), expected);
    }
}
