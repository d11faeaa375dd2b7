//! The history of a database, and what a release may do with it.

use refinery::Migration;
use tokio_postgres::Client;

use super::{MigrationError, Report, State};

/// A row of refinery's `refinery_schema_history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub version: i32,
    pub name: String,
    pub checksum: String,
}

impl Applied {
    pub fn full_name(&self) -> String {
        format!("V{}__{}", self.version, self.name)
    }
}

/// Reads what was applied, by version, and tolerates rows over which refinery would panic.
pub async fn read(client: &Client) -> Result<Vec<Applied>, MigrationError> {
    let table = "select to_regclass('public.refinery_schema_history') is not null as exists";
    if !client.query_one(table, &[]).await?.get::<_, bool>("exists") {
        return Ok(Vec::new());
    }
    let sql =
        "select version::int4 as version, coalesce(name, '') as name, coalesce(checksum, '') as checksum
               from public.refinery_schema_history order by version";
    let rows = client.query(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Applied {
            version: row.get("version"),
            name: row.get("name"),
            checksum: row.get("checksum"),
        })
        .collect())
}

/// What is to be done to a database with a given history.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    pub pending: Vec<String>,
    unknown: Vec<String>,
    current_version: Option<i32>,
    target_version: Option<i32>,
}

impl Plan {
    /// `migrations` and `history` are sorted by version.
    ///
    /// # Errors
    /// Whatever would make this database differ from one that was migrated from nothing.
    pub fn new(migrations: &[Migration], history: &[Applied]) -> Result<Plan, MigrationError> {
        let known = |applied: &&Applied| migrations.iter().any(|own| own.version() == applied.version);
        for own in migrations {
            let applied = history.iter().find(|applied| applied.version == own.version());
            if applied.is_some_and(|applied| applied.checksum != own.checksum().to_string()) {
                return Err(MigrationError::Changed(own.to_string()));
            }
        }
        let is_applied = |own: &&Migration| history.iter().any(|applied| applied.version == own.version());
        let pending: Vec<&Migration> = migrations.iter().filter(|own| !is_applied(own)).collect();
        let unknown: Vec<&Applied> = history.iter().filter(|applied| !known(applied)).collect();

        let newest_known = history.iter().rfind(known);
        if let (Some(first), Some(newest)) = (pending.first(), newest_known)
            && first.version() < newest.version
        {
            return Err(MigrationError::Gap { missing: first.to_string(), newest: newest.full_name() });
        }
        // What is unknown must be a newer release's, all of it, and this release must have nothing to add.
        let target_version = migrations.last().map(Migration::version);
        if let Some(foreign) = unknown.first()
            && (!pending.is_empty() || Some(foreign.version) < target_version)
        {
            return Err(match pending.first() {
                Some(first) if first.version() < foreign.version => {
                    MigrationError::Gap { missing: first.to_string(), newest: foreign.full_name() }
                }
                _ => MigrationError::Foreign(foreign.full_name()),
            });
        }
        Ok(Plan {
            pending: pending.iter().map(ToString::to_string).collect(),
            unknown: unknown.iter().map(|applied| applied.full_name()).collect(),
            current_version: history.last().map(|applied| applied.version),
            target_version,
        })
    }

    pub fn report(self, applied: Vec<String>) -> Report {
        let state = match (self.pending.is_empty(), self.unknown.is_empty()) {
            (false, _) => State::Behind,
            (true, true) => State::UpToDate,
            (true, false) => State::Ahead,
        };
        Report {
            state,
            current_version: self.current_version,
            target_version: self.target_version,
            applied,
            pending: self.pending,
            unknown: self.unknown,
        }
    }
}
