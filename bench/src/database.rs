//! The PostgreSQL that is measured against: psql, pgbench, the generated listings, TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::Result;

pub const LISTINGS: usize = 100_000;
/// Of one user; as many belong to others.
pub const ITEMS: usize = 5_000;

pub struct Database {
    /// Without parameters.
    url: String,
    programs: PathBuf,
    folder: PathBuf,
}

impl Database {
    /// `programs` is where psql and pgbench are, `folder` takes what they read and write.
    pub fn new(url: String, programs: PathBuf, folder: &Path) -> Database {
        Database { url, programs, folder: folder.to_owned() }
    }

    pub fn url(&self, parameters: &str) -> String {
        format!("{}?{parameters}", self.url)
    }

    /// Runs statements, and returns the values that they print.
    pub fn run(&self, sql: &str) -> Result<String> {
        let script = self.folder.join("psql.sql");
        fs::write(&script, sql)?;
        let output = succeed(
            Command::new(self.programs.join("psql"))
                .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
                .arg(format!("--file={}", script.display()))
                .arg(&self.url),
        )?;
        Ok(output.trim_end().to_owned())
    }

    pub fn fill(&self) -> Result<()> {
        self.run(include_str!("listings.sql"))?;
        let count = self.run("select count(*) from listings")?;
        if count != LISTINGS.to_string() {
            return Err(format!("{count} listings were generated").into());
        }
        Ok(())
    }

    pub fn fill_items(&self, user: &str) -> Result<()> {
        self.run(&format!(
            "insert into my_items (user_id, title, description, category, condition, price_cents)
             select '{user}', 'Item ' || n, 'A thing to sell', 'home>lamps', 'good', n * 100
             from generate_series(1, {ITEMS}) n;
             insert into my_items (user_id, title) select 'another', 'Item' from generate_series(1, {ITEMS});
             analyze my_items"
        ))?;
        Ok(())
    }

    /// Has log-ins cost what they do in the cloud: an IAM token is sent as it is and compared, and nobody derives keys
    /// from a password, as SCRAM does.
    pub fn log_in_without_key_derivation(&self) -> Result<()> {
        let rules = self.run("show hba_file")?;
        fs::write(rules, "host all all 127.0.0.1/32 md5\n")?;
        self.run(
            "set password_encryption = 'md5'; alter role deals password 'deals'; select pg_reload_conf()",
        )?;
        Ok(())
    }

    /// The statement that a function ran last, as it sent it. What pgbench runs is made of it, so that the two never
    /// differ.
    pub fn last_statement(&self, application_name: &str) -> Result<String> {
        let sql = self.run(&format!(
            "select query from pg_stat_activity where application_name = '{application_name}'"
        ))?;
        let longest: usize =
            self.run("select setting from pg_settings where name = 'track_activity_query_size'")?.parse()?;
        if sql.is_empty() || sql.len() + 1 >= longest {
            return Err(
                format!("PostgreSQL does not show {application_name}'s whole statement: {sql}").into()
            );
        }
        Ok(sql)
    }

    /// Each transaction's time in microseconds, of a statement whose parameters are `values`: `random(…)` is drawn
    /// anew each time, anything else is text. The settings are those of a function's connection.
    pub fn pgbench(
        &self,
        url_parameters: &str,
        sql: &str,
        values: &[String],
        transactions: usize,
    ) -> Result<Vec<u64>> {
        self.pgbench_scripts(url_parameters, &[Script::of(sql, values)?], "prepared", transactions)
    }

    /// The same of what the worker runs, without its wait for the disk, which would hide how long the rest takes.
    pub fn pgbench_as_worker(
        &self,
        url_parameters: &str,
        sql: &str,
        values: &[String],
        transactions: usize,
    ) -> Result<Vec<u64>> {
        let settings = format!("{} -c synchronous_commit=off", SETTINGS.replace("deals_app", "deals_worker"));
        let (script, options) = (Script::of(sql, values)?, ["--protocol=prepared"]);
        Ok(took(&self.pgbench_log(&settings, url_parameters, &[script], &options, transactions)?))
    }

    /// The same of transactions that each log in first: from the end of one to the end of the next, in microseconds.
    pub fn pgbench_logging_in(
        &self,
        url_parameters: &str,
        sql: &str,
        values: &[String],
        transactions: usize,
    ) -> Result<Vec<u64>> {
        let (script, options) = (Script::of(sql, values)?, ["--protocol=prepared", "--connect"]);
        let log = self.pgbench_log(SETTINGS, url_parameters, &[script], &options, transactions + 1)?;
        Ok(log.windows(2).map(|pair| pair[1].ended - pair[0].ended).collect())
    }

    /// The same of transactions that are drawn from these scripts.
    pub fn pgbench_scripts(
        &self,
        url_parameters: &str,
        scripts: &[Script],
        protocol: &str,
        transactions: usize,
    ) -> Result<Vec<u64>> {
        let protocol = format!("--protocol={protocol}");
        Ok(took(&self.pgbench_log(SETTINGS, url_parameters, scripts, &[&protocol], transactions)?))
    }

    fn pgbench_log(
        &self,
        settings: &str,
        url_parameters: &str,
        scripts: &[Script],
        options: &[&str],
        transactions: usize,
    ) -> Result<Vec<Transaction>> {
        let mut pgbench = Command::new(self.programs.join("pgbench"));
        for (number, script) in scripts.iter().enumerate() {
            let name = format!("pgbench-{number}.sql");
            fs::write(self.folder.join(&name), &script.text)?;
            pgbench.arg(format!("--file={name}"));
            for (variable, value) in &script.variables {
                pgbench.arg(format!("--define={variable}={value}"));
            }
        }
        let log = self.folder.join("pgbench-log");
        pgbench
            .current_dir(&self.folder)
            .args(["--no-vacuum", "--client=1", "--log"])
            .args(options)
            .arg(format!("--log-prefix={}", log.display()))
            .arg(format!("--transactions={transactions}"))
            .arg(self.url(url_parameters))
            .env("PGOPTIONS", settings);
        succeed(&mut pgbench)?;
        let mut done = Vec::with_capacity(transactions);
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if file_name.starts_with("pgbench-log.") {
                for line in fs::read_to_string(&path)?.lines() {
                    done.push(Transaction::of(line).ok_or_else(|| format!("pgbench logged {line}"))?);
                }
                fs::remove_file(&path)?;
            }
        }
        if done.len() != transactions {
            return Err(format!("pgbench ran {} of {transactions} transactions", done.len()).into());
        }
        Ok(done)
    }

    /// Has the server take TLS connections as well. Returns the certificate of its authority.
    pub fn turn_tls_on(&self) -> Result<PathBuf> {
        let new = "req -x509 -newkey rsa:2048 -nodes -days 2";
        for arguments in [
            format!("{new} -subj /CN=authority -keyout ca.key -out ca.pem"),
            format!(
                "{new} -subj /CN=server -addext subjectAltName=IP:127.0.0.1 -CA ca.pem -CAkey ca.key \
                 -keyout server.key -out server.crt"
            ),
        ] {
            succeed(Command::new("openssl").args(arguments.split_whitespace()).current_dir(&self.folder))?;
        }
        // Where the server looks unless told.
        let data = self.run("show data_directory")?;
        for name in ["server.crt", "server.key"] {
            let file = Path::new(&data).join(name);
            fs::copy(self.folder.join(name), &file)?;
            // The server refuses a key that others may read or that is not its user's, who may not be ours.
            succeed(Command::new("chmod").arg("600").arg(&file))?;
            succeed(Command::new("chown").arg(format!("--reference={data}")).arg(&file))?;
        }
        self.run("alter system set ssl = on; select pg_reload_conf()")?;
        self.wait_for("show ssl", "on")?;
        Ok(self.folder.join("ca.pem"))
    }

    /// A reload takes a moment.
    pub fn wait_for(&self, show: &str, value: &str) -> Result<()> {
        for _ in 0..100 {
            if self.run(show)? == value {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{show} is not {value}").into())
    }
}

/// What pgbench runs as one transaction.
#[derive(Debug, Default)]
pub struct Script {
    /// Each of those that run together has its own: they share the names of variables.
    number: usize,
    text: String,
    statements: usize,
    /// Names and values.
    variables: Vec<(String, String)>,
}

impl Script {
    pub fn numbered(number: usize) -> Script {
        Script { number, ..Script::default() }
    }

    /// One statement, that runs alone.
    fn of(sql: &str, values: &[String]) -> Result<Script> {
        let mut script = Script::numbered(0);
        script.push(sql, values)?;
        Ok(script)
    }

    /// Adds a statement.
    pub fn push(&mut self, sql: &str, values: &[String]) -> Result<()> {
        self.statements += 1;
        let prefix = format!("n{}s{}p", self.number, self.statements);
        for (index, value) in values.iter().enumerate() {
            let variable = format!("{prefix}{}", index + 1);
            if value.starts_with("random(") {
                self.text.push_str(&format!("\\set {variable} {value}\n"));
            } else {
                self.variables.push((variable, value.clone()));
            }
        }
        self.text.push_str(&with_variables(sql, &prefix, values.len())?);
        self.text.push_str(";\n");
        Ok(())
    }

    /// Adds one of pgbench's own commands.
    pub fn push_command(&mut self, command: &str) {
        self.text.push_str(&format!("\\{command}\n"));
    }
}

/// As pgbench logs it, in microseconds.
struct Transaction {
    /// Without the log-in.
    took: u64,
    /// Since 1970.
    ended: u64,
}

impl Transaction {
    /// Of a line `client_id transaction_no time script_no time_epoch time_us`.
    fn of(line: &str) -> Option<Transaction> {
        let fields: Vec<u64> = line.split(' ').map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
        let [_, _, took, _, seconds, microseconds] = fields[..] else { return None };
        Some(Transaction { took, ended: seconds * 1_000_000 + microseconds })
    }
}

fn took(log: &[Transaction]) -> Vec<u64> {
    log.iter().map(|transaction| transaction.took).collect()
}

/// What a function sends when it logs in as another.
const SETTINGS: &str = "-c role=deals_app -c statement_timeout=5000 -c lock_timeout=2000 \
                        -c idle_in_transaction_session_timeout=5000";

/// Runs a command, and returns what it prints.
fn succeed(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// `$1` becomes `:` with the prefix and `1`.
fn with_variables(sql: &str, prefix: &str, parameters: usize) -> Result<String> {
    let mut text = String::with_capacity(sql.len());
    let mut highest = 0;
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        highest = highest.max(number.parse()?);
        text.push_str(&format!("{before}:{prefix}{number}"));
        rest = after;
    }
    text.push_str(rest);
    if highest != parameters {
        return Err(format!("{parameters} values for the {highest} parameters of: {sql}").into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_variables_of_pgbench() {
        let sql = "select $1::text, $12 from a where b = $2";
        assert_eq!(with_variables(sql, "p", 12).unwrap(), "select :p1::text, :p12 from a where b = :p2");
        assert!(with_variables(sql, "p", 11).is_err());
    }
}
