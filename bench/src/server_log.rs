//! What PostgreSQL logs of the statements that a function sends: their text, their parameters, their times.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::runtime_api::Function;
use serde_json::Value;

use crate::database::{Database, Script};
use crate::{Bench, Result, Transport};

/// A statement as it was run.
#[derive(Debug, Clone, PartialEq)]
pub struct Executed {
    pub sql: String,
    /// `None` is null.
    pub values: Vec<Option<String>>,
    pub time: Duration,
}

/// A function whose statements are logged.
pub struct Logged {
    pub process: Function,
    log: PathBuf,
}

const APPLICATION: &str = "logged";

/// None of these is read from one end to the other for a request, nor is so much sorted.
const LARGE_TABLES: [&str; 6] =
    ["listings", "comps", "comp_terms", "deals", "listing_scores", "price_history"];
const MOST_SORTED: f64 = 10_000.0;

impl Bench {
    pub fn start_logged(&self, function: &str, transport: &Transport) -> Result<Logged> {
        // The prefix is the server's, all else that of sessions that begin from now on.
        self.database.run(
            "alter system set log_line_prefix = '%a|';
             alter role deals set log_min_duration_statement = 0;
             select pg_reload_conf()",
        )?;
        self.database.wait_for("show log_line_prefix", "%a|")?;
        let process = self.start(function, APPLICATION, transport)?;
        let log = Path::new(&self.database.run("show data_directory")?).with_file_name("postgres.log");
        Ok(Logged { process, log })
    }

    pub fn stop_logging(&self) -> Result<()> {
        self.database.run("alter role deals reset log_min_duration_statement")?;
        Ok(())
    }

    /// The statements of one request, for which those before have prepared everything.
    pub fn statements_of(
        &self,
        function: &str,
        logged: &mut Logged,
        event: Vec<u8>,
    ) -> Result<(Duration, Vec<Executed>)> {
        let before = fs::metadata(&logged.log)?.len();
        let answer = self.invoke(function, &mut logged.process, event)?;
        crate::cases::body(&answer.body)?;
        let log = fs::read(&logged.log)?;
        let statements = parse(&String::from_utf8_lossy(&log[usize::try_from(before)?..]))?;
        if statements.is_empty() {
            return Err("PostgreSQL logs no statement".into());
        }
        Ok((answer.latency, statements))
    }
}

impl Executed {
    pub fn is_control(&self) -> bool {
        ["begin", "commit"].contains(&self.sql.as_str()) || self.sql.starts_with("select set_config(")
    }

    /// In a few words.
    pub fn name(&self) -> String {
        let words: Vec<&str> = self.sql.split_whitespace().collect();
        words.join(" ").chars().take(70).collect()
    }

    /// The statement's plan with what running it took, undone afterwards. The sixth time at the earliest, when it is
    /// decided whether one plan serves all values; what writes is run once.
    fn explain(&self, database: &Database, format: &str) -> Result<String> {
        let values: Vec<String> = self.values.iter().map(|value| literal(value.as_deref())).collect();
        let execute = match values.as_slice() {
            [] => "execute explained".to_owned(),
            values => format!("execute explained ({})", values.join(", ")),
        };
        let writes = ["insert", "update", "delete"].iter().any(|verb| self.sql.contains(&format!("{verb} ")));
        let repeated = if writes { 0 } else { 6 };
        let sql = format!(
            "set role deals_app;\nbegin;\nprepare explained as {};\n{}explain (analyze, buffers, format {format}) {execute};\n\
             rollback;",
            self.sql,
            format!("{execute} \\g /dev/null\n").repeat(repeated),
        );
        database.run(&sql)
    }

    pub fn plan(&self, database: &Database) -> Result<String> {
        self.explain(database, "text")
    }

    /// Whole tables that were read, and long sorts.
    pub fn faults(&self, database: &Database) -> Result<Vec<String>> {
        let plan: Value = serde_json::from_str(&self.explain(database, "json")?)?;
        let mut faults = Vec::new();
        collect_faults(&plan[0]["Plan"], &mut faults);
        Ok(faults)
    }
}

fn collect_faults(node: &Value, faults: &mut Vec<String>) {
    let children = node["Plans"].as_array().map_or(&[][..], Vec::as_slice);
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let table = node["Relation Name"].as_str().unwrap_or_default();
    let ran = node["Actual Loops"].as_f64().unwrap_or_default() > 0.0;
    if kind == "Seq Scan" && ran && LARGE_TABLES.contains(&table) {
        faults.push(format!("sequential scan of {table}"));
    }
    if kind.ends_with("Sort") {
        let rows =
            children.iter().map(|child| child["Actual Rows"].as_f64().unwrap_or_default()).sum::<f64>();
        if rows > MOST_SORTED {
            faults.push(format!("sort of {rows} rows"));
        }
    }
    for child in children {
        collect_faults(child, faults);
    }
}

/// The transaction that runs the same statements, those behind the fence in one flight as the function sends them.
pub fn script(number: usize, statements: &[Executed]) -> Result<Script> {
    let mut script = Script::numbered(number);
    for statement in statements {
        let values: Option<Vec<String>> = statement.values.iter().cloned().collect();
        let values = values.ok_or_else(|| format!("pgbench knows no null: {}", statement.sql))?;
        if statement.sql == "begin" {
            script.push_command("startpipeline");
        }
        script.push(&statement.sql, &values)?;
        if statement.sql == "commit" {
            script.push_command("endpipeline");
        }
    }
    Ok(script)
}

fn literal(value: Option<&str>) -> String {
    value.map_or_else(|| "null".into(), |value| format!("'{}'", value.replace('\'', "''")))
}

/// The statements of the application, in their order, each with the time of all its steps.
fn parse(log: &str) -> Result<Vec<Executed>> {
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), entries.last_mut()) {
            (Some(rest), Some(entry)) => {
                entry.push('\n');
                entry.push_str(rest);
            }
            _ => entries.push(line.to_owned()),
        }
    }
    let mut statements: Vec<Executed> = Vec::new();
    let mut time = Duration::ZERO;
    let mut is_executed = false;
    for entry in &entries {
        let Some(message) = entry.strip_prefix(APPLICATION).and_then(|rest| rest.strip_prefix('|')) else {
            continue;
        };
        if let Some(parameters) = message.strip_prefix("DETAIL:  ") {
            if let (true, Some(statement)) = (is_executed, statements.last_mut()) {
                let (_, parameters) =
                    parameters.split_once(": ").ok_or("the log's parameters have no beginning")?;
                statement.values = values(parameters)?;
            }
            continue;
        }
        let Some((milliseconds, step)) =
            message.strip_prefix("LOG:  duration: ").and_then(|rest| rest.split_once(" ms  "))
        else {
            continue;
        };
        time += Duration::from_secs_f64(milliseconds.parse::<f64>()? / 1000.0);
        let (step, sql) = step.split_once(": ").ok_or("the log's statement has no text")?;
        is_executed = step == "statement" || step.starts_with("execute");
        if is_executed {
            let sql = sql.trim_end().to_owned();
            statements.push(Executed { sql, values: Vec::new(), time: std::mem::take(&mut time) });
        }
    }
    Ok(statements)
}

/// `$1 = 'it''s', $2 = NULL`
fn values(text: &str) -> Result<Vec<Option<String>>> {
    let mut values = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (_, after) = rest.split_once(" = ").ok_or("the log's parameter has no value")?;
        if let Some(after) = after.strip_prefix("NULL") {
            values.push(None);
            rest = after;
        } else {
            let mut value = String::new();
            let mut quoted = after.strip_prefix('\'').ok_or("the log's parameter is not quoted")?;
            rest = loop {
                let (part, after) = quoted.split_once('\'').ok_or("the log's parameter has no end")?;
                value.push_str(part);
                match after.strip_prefix('\'') {
                    Some(after) => {
                        value.push('\'');
                        quoted = after;
                    }
                    None => break after,
                }
            };
            values.push(Some(value));
        }
        rest = rest.strip_prefix(", ").unwrap_or(rest);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_statement_has_its_text_its_values_and_the_time_of_all_its_steps() {
        let log = "psql|LOG:  duration: 9 ms  statement: show x\n\
                   logged|LOG:  duration: 0.25 ms  bind s1: select $1,\n\t$2\n\
                   logged|DETAIL:  parameters: $1 = 'it''s, $2 = ''a''', $2 = NULL\n\
                   logged|LOG:  duration: 0.5 ms  execute s1: select $1,\n\t$2\n\
                   logged|DETAIL:  parameters: $1 = 'it''s, $2 = ''a''', $2 = NULL\n\
                   logged|LOG:  duration: 1 ms  statement: commit\n";
        let statement = |sql: &str, values: &[Option<&str>], microseconds| Executed {
            sql: sql.into(),
            values: values.iter().map(|value| value.map(str::to_owned)).collect(),
            time: Duration::from_micros(microseconds),
        };
        let expected = [
            statement("select $1,\n$2", &[Some("it's, $2 = 'a'"), None], 750),
            statement("commit", &[], 1000),
        ];
        assert_eq!(parse(log).unwrap(), expected);
    }

    #[test]
    fn whole_tables_and_long_sorts_are_found_wherever_they_are_in_a_plan() {
        let plan = serde_json::json!({"Node Type": "Limit", "Plans": [
            {"Node Type": "Sort", "Actual Rows": 20, "Plans": [
                {"Node Type": "Seq Scan", "Relation Name": "deals", "Actual Rows": 10_001, "Actual Loops": 1}]},
            {"Node Type": "Seq Scan", "Relation Name": "listings", "Actual Rows": 0, "Actual Loops": 0},
            {"Node Type": "Seq Scan", "Relation Name": "user_prefs", "Actual Rows": 1, "Actual Loops": 1}]});
        let mut faults = Vec::new();
        collect_faults(&plan, &mut faults);
        assert_eq!(faults, ["sort of 10001 rows", "sequential scan of deals"]);
    }
}
