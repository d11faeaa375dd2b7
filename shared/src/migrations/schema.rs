//! The schema as it stands in a database, line by line, and as the migrations make it: what differs has drifted.

use std::collections::BTreeSet;

use serde::Serialize;
use tokio_postgres::Client;

use super::MigrationError;

/// What [`describe`] says of a database that has all migrations and nothing else; a test keeps it so.
const EXPECTED: &str = include_str!("../../../migrations/schema.txt");
/// More is not told: an answer stays small.
const MOST_TOLD: usize = 100;

/// How a live schema differs from what the migrations make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Whether there is none.
    pub equal: bool,
    /// Of the migrations, and not there: at most a hundred.
    pub missing: Vec<String>,
    /// There, and of no migration: at most a hundred.
    pub unexpected: Vec<String>,
}

/// Compares the live schema with what all migrations of this release make.
///
/// # Errors
/// What the database says.
pub async fn check(client: &Client) -> Result<Drift, MigrationError> {
    let live: BTreeSet<String> = describe(client).await?.into_iter().collect();
    let expected: BTreeSet<String> = EXPECTED.lines().map(str::to_owned).collect();
    let told = |lines: &mut dyn Iterator<Item = &String>| lines.take(MOST_TOLD).cloned().collect::<Vec<_>>();
    let missing = told(&mut expected.difference(&live));
    let unexpected = told(&mut live.difference(&expected));
    Ok(Drift { equal: missing.is_empty() && unexpected.is_empty(), missing, unexpected })
}

/// Every object of the schema `public` in a line of its own, sorted. Extensions' own objects are theirs.
async fn describe(client: &Client) -> Result<Vec<String>, MigrationError> {
    // A definition of several lines is told by its digest.
    let sql = "
        with own as (
            select oid, relname, relkind, relrowsecurity, relforcerowsecurity, relacl from pg_class
            where relnamespace = 'public'::regnamespace and relname <> 'refinery_schema_history'
                and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')
        )
        select regexp_replace(line, '[[:space:]]+', ' ', 'g') as line from (
            select format('table %s%s%s', relname, case when relrowsecurity then ' row security' end,
                          case when relforcerowsecurity then ' forced' end) as line
            from own where relkind in ('r', 'p')
            union all
            select format('column %s.%s %s%s%s%s', relname, attname, format_type(atttypid, atttypmod),
                          case when attnotnull then ' not null' end,
                          case attgenerated when '' then case attidentity when '' then '' else ' identity ' || attidentity::text end
                                            else ' generated' end,
                          ' default ' || pg_get_expr(adbin, adrelid))
            from own join pg_attribute on attrelid = own.oid and attnum > 0 and not attisdropped
            left join pg_attrdef on adrelid = attrelid and adnum = attnum
            where relkind in ('r', 'p')
            union all
            select format('constraint %s %s%s', conname, pg_get_constraintdef(pg_constraint.oid),
                          case when not convalidated then ' not valid' end)
            from pg_constraint join own on own.oid = conrelid
            union all
            select format('%s%s', replace(pg_get_indexdef(indexrelid), ' public.', ' '),
                          case when not indisvalid then ' invalid' end)
            from pg_index join own on own.oid = indrelid
            union all
            select format('trigger %s %s', tgname, md5(pg_get_triggerdef(pg_trigger.oid)))
            from pg_trigger join own on own.oid = tgrelid where not tgisinternal
            union all
            select format('function %s(%s) %s', proname, pg_get_function_identity_arguments(pg_proc.oid),
                          md5(pg_get_functiondef(pg_proc.oid)))
            from pg_proc where pronamespace = 'public'::regnamespace and prokind = 'f'
                and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
            union all
            select format('type %s %s', typname, string_agg(enumlabel, ', ' order by enumsortorder))
            from pg_type join pg_enum on enumtypid = pg_type.oid
            where typnamespace = 'public'::regnamespace group by typname
            union all
            select format('policy %s on %s for %s to %s using (%s) check (%s)', policyname, tablename, cmd,
                          array_to_string(roles, ', '), qual, with_check)
            from pg_policies where schemaname = 'public'
            union all
            select format('grant %s on %s to %s', string_agg(privilege_type, ', ' order by privilege_type), relname,
                          grantee::regrole)
            from own cross join aclexplode(relacl)
            where relkind in ('r', 'p') and grantee in (select oid from pg_roles where rolname in ('deals_app', 'deals_worker'))
            group by relname, grantee
        ) lines order by line collate \"C\"";
    let rows = client.query(sql, &[]).await.map_err(MigrationError::from)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    /// After a new migration: `WRITE_SCHEMA=1 scripts/test -p shared -E 'test(schema_of_the_migrations)'`.
    #[tokio::test]
    async fn the_schema_of_the_migrations_is_the_one_that_is_written_down() {
        let database = TestDatabase::migrated().await;
        let lines = describe(&database.owner().await).await.unwrap();
        let text = lines.join("\n") + "\n";
        if std::env::var_os("WRITE_SCHEMA").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/schema.txt");
            std::fs::write(file, &text).unwrap();
            return;
        }
        assert!(lines.len() > 300, "{} lines", lines.len());
        assert!(text == EXPECTED, "migrations/schema.txt is not what the migrations make: see this test");
    }

    #[tokio::test]
    async fn what_somebody_changed_by_hand_is_told() {
        let database = TestDatabase::migrated().await;
        let owner = database.owner().await;
        let none = Drift { equal: true, missing: Vec::new(), unexpected: Vec::new() };
        assert_eq!(check(&owner).await.unwrap(), none);
        let by_hand = "
            drop index jobs_dead_idx;
            create index by_hand_idx on jobs (reason);
            alter table jobs alter column reason set default 'none', disable row level security;
            alter table orders drop constraint orders_total_cents_check;
            grant truncate on listings to deals_app;
            create or replace function enqueue_job() returns trigger language plpgsql as 'begin return new; end';
            alter type job_kind add value 'other'";
        owner.batch_execute(by_hand).await.unwrap();
        let drift = check(&owner).await.unwrap();
        assert!(!drift.equal);
        for (lines, beginnings) in [
            (
                &drift.missing,
                [
                    "CREATE INDEX jobs_dead_idx",
                    "column jobs.reason",
                    "table jobs row security forced",
                    "constraint orders_total_cents_check",
                    "grant ",
                    "function enqueue_job()",
                    "type job_kind",
                ],
            ),
            (
                &drift.unexpected,
                [
                    "CREATE INDEX by_hand_idx",
                    "column jobs.reason",
                    "table jobs forced",
                    "column jobs.reason",
                    "grant ",
                    "function enqueue_job()",
                    "type job_kind",
                ],
            ),
        ] {
            for beginning in beginnings {
                assert!(lines.iter().any(|line| line.starts_with(beginning)), "{beginning}: {lines:#?}");
            }
        }
        assert_eq!((drift.missing.len(), drift.unexpected.len()), (7, 6), "{drift:#?}");
    }
}
