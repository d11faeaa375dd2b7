//! What a worker does with jobs. A lease is a random token for a while by the database's clock: whoever commits shows it.

use std::time::Duration;

use tokio_postgres::Row;

use super::JobKind;
use crate::Result;
use crate::db::Database;
use crate::values::Timestamp;

/// A job that this worker has the lease of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub id: i64,
    pub kind: JobKind,
    pub user_id: String,
    /// 1 for the first time.
    pub attempts: i32,
    /// A UUID as text; whoever commits an effect shows it.
    pub lease_token: String,
}

/// What came of an attempt that has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is tried again, up to five times, after a random while that grows from 1 s to 30 s (full jitter).
    Again,
    /// The same, but not before so long.
    AgainAfter(Duration),
    /// It is dead.
    Last,
}

/// Ends a job within the statement that commits its effect: a common table expression `finished`, which has one row when
/// `$1` (the id) is still leased by `$2` (the token, as text), and none when the lease is lost; then the statement must
/// change nothing.
pub const FINISHED: &str = "finished as (
    update jobs set status = 'done', finished_at = now(), updated_at = now(), version = version + 1,
        lease_token = null, lease_expires_at = null, reason = null
    where id = $1 and lease_token = $2::text::uuid and lease_expires_at > now()
    returning id, user_id
)";

/// A lease is renewed after a third of it.
const LEASE: &str = "interval '15 seconds'";
pub const RENEWED_AFTER: Duration = Duration::from_secs(5);

/// When a job comes again after its `attempts`: a random moment within 1, 2, 4, 8, 16, at most 30 s.
const AFTER_BACK_OFF: &str = "now() + random() * least(30, power(2, attempts - 1)) * interval '1 second'";

const MOST_AT_ONCE: i64 = 1000;

/// Takes a job whose time has come and that nobody else has; `None` when there is none such, or of an unknown kind.
pub async fn take(db: &Database, id: i64) -> Result<Option<Leased>> {
    let sql = format!(
        "update jobs set status = 'running', attempts = attempts + 1, lease_token = gen_random_uuid(),
             lease_expires_at = now() + {LEASE}, started_at = now(), updated_at = now(), version = version + 1
         where id = $1 and status = 'queued' and run_at <= now() and attempts < 5
         returning id, kind::text, user_id, attempts, lease_token::text"
    );
    let leased = |row: &Row| {
        let kind = row.get::<_, &str>("kind").parse().ok()?;
        Some(Leased {
            id: row.get("id"),
            kind,
            user_id: row.get("user_id"),
            attempts: row.get("attempts"),
            lease_token: row.get("lease_token"),
        })
    };
    Ok(db.write(&sql, &[&id]).await?.first().and_then(leased))
}

/// Whether the lease still holds, which lasts longer now.
pub async fn renew(db: &Database, job: &Leased) -> Result<bool> {
    let sql = format!(
        "update jobs set lease_expires_at = now() + {LEASE}
         where id = $1 and lease_token = $2::text::uuid and lease_expires_at > now() returning id"
    );
    Ok(!db.write(&sql, &[&job.id, &job.lease_token]).await?.is_empty())
}

/// Ends a job that has no effect any more, such as for a row that was deleted. `false` when the lease is lost.
pub async fn finish_without_effect(db: &Database, job: &Leased) -> Result<bool> {
    let sql = format!("with {FINISHED} select id from finished");
    Ok(!db.write(&sql, &[&job.id, &job.lease_token]).await?.is_empty())
}

/// Says why an attempt came to nothing. Without the lease nothing changes.
pub async fn fail(db: &Database, job: &Leased, attempt: Attempt, reason: &str) -> Result<()> {
    let sql = format!(
        "update jobs set
             status = case when $3 or attempts >= 5 then 'dead' else 'queued' end::job_status,
             finished_at = case when $3 or attempts >= 5 then now() end,
             run_at = greatest({AFTER_BACK_OFF}, now() + $5 * interval '1 second'),
             reason = left($4, 1000),
             lease_token = null, lease_expires_at = null, updated_at = now(), version = version + 1
         where id = $1 and lease_token = $2::text::uuid"
    );
    let reason = reason.replace('\0', "");
    let wait = match attempt {
        Attempt::AgainAfter(wait) => wait.as_secs_f64(),
        Attempt::Again | Attempt::Last => 0.0,
    };
    db.write(&sql, &[&job.id, &job.lease_token, &(attempt == Attempt::Last), &reason, &wait]).await?;
    Ok(())
}

/// Gives a job back until its time comes; that is no attempt.
pub async fn postpone(db: &Database, job: &Leased, until: Timestamp) -> Result<()> {
    let sql = "
        update jobs set status = 'queued', attempts = attempts - 1, run_at = $3,
            lease_token = null, lease_expires_at = null, updated_at = now(), version = version + 1
        where id = $1 and lease_token = $2::text::uuid";
    db.write(sql, &[&job.id, &job.lease_token, &until]).await?;
    Ok(())
}

/// Gives jobs back that this worker has no time for any more; that is no attempt either.
pub async fn release(db: &Database, lease_tokens: &[String]) -> Result<()> {
    let sql = "
        update jobs set status = 'queued', attempts = attempts - 1, run_at = now(),
            lease_token = null, lease_expires_at = null, updated_at = now(), version = version + 1
        where status = 'running' and lease_token = any ($1::text[]::uuid[])";
    db.write(sql, &[&lease_tokens]).await?;
    Ok(())
}

/// Takes jobs from workers that gave no sign of life for as long as a lease lasts; each was an attempt.
pub async fn reschedule_lost(db: &Database) -> Result<usize> {
    let sql = format!(
        "update jobs set
             status = case when attempts >= 5 then 'dead' else 'queued' end::job_status,
             finished_at = case when attempts >= 5 then now() end,
             run_at = {AFTER_BACK_OFF},
             reason = 'its worker was lost before it was done',
             lease_token = null, lease_expires_at = null, updated_at = now(), version = version + 1
         where id in (select id from jobs where status = 'running' and lease_expires_at < now()
                      order by lease_expires_at limit {MOST_AT_ONCE} for update skip locked)
         returning id"
    );
    Ok(db.write(&sql, &[]).await?.len())
}

/// Jobs whose time has come, the oldest first, of which Redis was not told since, or 5 s ago: it may have lost them.
pub async fn to_announce(db: &Database) -> Result<Vec<(i64, JobKind)>> {
    let sql = format!(
        "select id, kind::text from jobs
         where status = 'queued' and run_at <= now()
             and (announced_at < run_at or announced_at < now() - interval '5 seconds')
         order by run_at limit {MOST_AT_ONCE}"
    );
    Ok(jobs(&db.read(&sql, &[]).await?))
}

/// All jobs whose time has come: for a Redis that is known to have lost everything.
pub async fn lost(db: &Database) -> Result<Vec<(i64, JobKind)>> {
    let sql = format!(
        "select id, kind::text from jobs where status = 'queued' and run_at <= now()
         order by run_at limit {MOST_AT_ONCE}"
    );
    Ok(jobs(&db.read(&sql, &[]).await?))
}

fn jobs(rows: &[Row]) -> Vec<(i64, JobKind)> {
    let job = |row: &Row| Some((row.get(0), row.get::<_, &str>(1).parse().ok()?));
    rows.iter().filter_map(job).collect()
}

/// Notes that Redis was told of these.
pub async fn announced(db: &Database, ids: &[i64]) -> Result<()> {
    let sql = "update jobs set announced_at = now() where id = any ($1) and status = 'queued'";
    db.write(sql, &[&ids]).await?;
    Ok(())
}

/// Whether a job is being done, or will have to be within that many seconds.
pub async fn is_anything_due(db: &Database, seconds: i32) -> Result<bool> {
    let sql = "select exists (select from jobs where status = 'running')
                   or exists (select from jobs where status = 'queued' and run_at <= now() + $1::int4 * interval '1 second')";
    Ok(db.read(sql, &[&seconds]).await?[0].get(0))
}

/// How many jobs are dead; 10,000 stands for more.
pub async fn count_dead(db: &Database) -> Result<u64> {
    let sql = "select count(*) from (select from jobs where status = 'dead' limit 10000) dead";
    Ok(db.read(sql, &[]).await?[0].get::<_, i64>(0).unsigned_abs())
}

/// Deletes jobs that were done or died a while ago, 30 and 90 days, at most 5,000 of them; how many there were.
pub async fn purge(db: &Database) -> Result<usize> {
    let sql = "
        delete from jobs where id in (
            select id from jobs
            where finished_at < now() - case status when 'dead' then interval '90 days' else interval '30 days' end
                and finished_at < now() - interval '30 days'
            order by finished_at limit 5000)
        returning id";
    Ok(db.write(sql, &[]).await?.len())
}
