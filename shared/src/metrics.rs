//! Metrics as log lines in `CloudWatch`'s embedded metric format, from which it makes metrics: no request is sent.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

const NAMESPACE: &str = "DealScout";

/// Counts of this moment, without a dimension.
pub fn counts(counts: &[(&'static str, u64)]) {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let line = line(counts, since_1970.as_millis().try_into().unwrap_or(u64::MAX));
    // Nobody can be told of a log that cannot be written.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
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
