//! The table `deliveries`: messages to users, each with its job. The matcher and the digest make them, a worker sends them.

use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Database;
use super::jobs::{FINISHED, Leased};
use crate::Result;
use crate::db::columns::Columns;
use crate::values::{TimeOfDay, Timestamp};

/// So many notifications are spelled out in one message; the others are counted.
pub const MOST_SPELLED_OUT: i64 = 50;

/// A message that is to be sent, and what its user wishes, by the database's clock.
#[derive(Debug)]
pub struct Delivery<'r> {
    pub id: i64,
    pub channel: &'r str,
    pub digest: bool,
    pub created_at: Timestamp,
    pub now: Timestamp,
    pub time_zone: Option<&'r str>,
    pub quiet_hours: Option<(TimeOfDay, TimeOfDay)>,
    pub daily_cap: Option<i32>,
    pub email: Option<&'r str>,
    /// Sealed for the user.
    pub targets: Option<&'r [u8]>,
    /// How many there are, without those that were deleted.
    pub notifications: i64,
    /// The newest of them, as `{id, listing_id, kind, payload, created_at}`.
    pub newest: Json<Vec<serde_json::Value>>,
}

/// The row of a [`Delivery`]: what the job is to send, if that is still to be sent.
pub async fn of_job(db: &Database, job: &Leased) -> Result<Option<Row>> {
    let sql = format!(
        "select delivery.id, delivery.channel, digest, delivery.created_at, now(), time_zone, quiet_hours_start,
             quiet_hours_end, daily_cap, email, targets, counted.notifications, newest.list
         from deliveries delivery
         left join user_prefs on user_prefs.user_id = delivery.user_id
         cross join lateral (
             select count(*) as notifications from notifications
             where id = any (notification_ids) and user_id = delivery.user_id and deleted_at is null) counted
         cross join lateral (
             select coalesce(jsonb_agg(to_jsonb(newest) order by id desc), '[]') as list from (
                 select id, listing_id, kind, payload, created_at from notifications
                 where id = any (notification_ids) and user_id = delivery.user_id and deleted_at is null
                 order by id desc limit {MOST_SPELLED_OUT}) newest) newest
         where delivery.job_id = $1 and delivery.user_id = $2 and delivery.status = 'pending'"
    );
    Ok(db.read(&sql, &[&job.id, &job.user_id]).await?.pop())
}

/// How many messages of the user's, on the same channel and no digests, were sent since a moment or are to be sent before
/// this one. Of two workers at once, each with one of them, the later counts the earlier.
pub async fn count_before(
    db: &Database,
    user_id: &str,
    delivery: &Delivery<'_>,
    since: Timestamp,
) -> Result<i64> {
    let sql = "
        select (select count(*) from deliveries
                where user_id = $1 and status = 'sent' and sent_at >= $4 and channel = $2 and not digest)
             + (select count(*) from deliveries
                where user_id = $1 and status = 'pending' and channel = $2 and not digest and id < $3)";
    let rows = db.read(sql, &[&user_id, &delivery.channel, &delivery.id, &since]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Ends the job of a message that was sent; whether its lease held.
pub async fn sent(db: &Database, job: &Leased) -> Result<bool> {
    let effect = "
        update deliveries set status = 'sent', reason = null, sent_at = now(), updated_at = now()
        from finished where deliveries.job_id = finished.id and status = 'pending'";
    finish(db, job, effect).await
}

/// Ends the job of a message that is one too many for today: what it tells of comes with the next digest.
pub async fn deferred(db: &Database, job: &Leased) -> Result<bool> {
    let effect = r#"
        delete from deliveries using finished where deliveries.job_id = finished.id and status = 'pending'
        returning deliveries.user_id, channel, notification_ids), waiting as (
        update notifications set
            awaits_digest = true,
            deferred_at = now(),
            deliveries = deliveries || jsonb_build_object(effect.channel, '{"status":"deferred"}'::jsonb),
            updated_at = now(),
            version = version + 1
        from effect
        where id = any (notification_ids) and notifications.user_id = effect.user_id and deleted_at is null"#;
    finish(db, job, effect).await
}

/// Ends the job of a message that tells of nothing any more.
pub async fn withdrawn(db: &Database, job: &Leased) -> Result<bool> {
    finish(
        db,
        job,
        "delete from deliveries using finished where deliveries.job_id = finished.id and status = 'pending'",
    )
    .await
}

async fn finish(db: &Database, job: &Leased, effect: &str) -> Result<bool> {
    let sql = format!("with {FINISHED}, effect as ({effect}) select from finished");
    Ok(!db.write(&sql, &[&job.id, &job.lease_token]).await?.is_empty())
}

/// Deletes messages of three months ago that are not to be sent any more, at most 5,000 of them; how many there were.
pub async fn purge(db: &Database) -> Result<usize> {
    let sql = "
        delete from deliveries where id in (
            select id from deliveries where created_at < now() - interval '90 days' and status <> 'pending'
            order by created_at limit 5000)
        returning id";
    Ok(db.write(sql, &[]).await?.len())
}

/// A user with notifications that wait for a digest.
#[derive(Debug)]
pub struct Waiting<'r> {
    pub user_id: &'r str,
    /// When the first of them began to wait.
    pub since: Timestamp,
    pub time_zone: Option<&'r str>,
    pub digest_at: Option<TimeOfDay>,
    pub now: Timestamp,
}

/// The rows of [`Waiting`], by the user's id, so many after one.
pub async fn waiting(db: &Database, after_user_id: &str, limit: i64) -> Result<Vec<Row>> {
    let sql = "
        select user_id, since, time_zone, digest_at, now() from (
            select user_id, min(coalesce(deferred_at, created_at)) as since from notifications
            where awaits_digest and deleted_at is null and user_id > $1
            group by user_id order by user_id limit $2) waiting
        left join user_prefs using (user_id)
        order by user_id";
    db.read(sql, &[&after_user_id, &limit]).await
}

/// What one statement collects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collected {
    pub notifications: usize,
    pub messages: usize,
}

/// The most notifications that one statement collects.
pub const MOST_COLLECTED: i64 = 2000;

/// Makes digests of what began to wait until a moment: for each channel that a notification's search names, else its user's
/// preferences; a deferred one goes where it was deferred. What has no channel is in the inbox, and has arrived.
///
/// Two that do this at once share the rows; of one that is killed, nothing or everything is left.
pub async fn collect(db: &Database, user_ids: &[&str], until: Timestamp) -> Result<Collected> {
    let sql = format!(
        "with waiting as materialized (
             select id, user_id, saved_search_id, deliveries from notifications
             where awaits_digest and deleted_at is null and user_id = any ($1) and coalesce(deferred_at, created_at) <= $2
             order by user_id, created_at, id limit {MOST_COLLECTED}
             for update skip locked),
         addressed as materialized (
             select waiting.id, waiting.user_id, channel
             from waiting
             left join user_prefs on user_prefs.user_id = waiting.user_id
             left join saved_searches on saved_searches.id = saved_search_id
             cross join lateral unnest(
                 case when jsonb_path_exists(deliveries, '$.*.status ? (@ == \"deferred\")')
                      then array(select key from jsonb_each(deliveries) where value ->> 'status' = 'deferred')
                      else coalesce(channels, array(select jsonb_array_elements_text(notify_channels)))
                 end) channel),
         numbered as (
             select *, (row_number() over (partition by user_id, channel order by id) - 1) / 1000 as part from addressed),
         made as (
             insert into deliveries (user_id, channel, digest, notification_ids)
             select user_id, channel, true, array_agg(id order by id) from numbered group by user_id, channel, part
             returning id),
         arrived as (
             update notifications set awaits_digest = false, status = 'sent', sent_at = now(), updated_at = now(),
                 version = version + 1
             where id in (select id from waiting except select id from addressed))
         select (select count(*) from waiting), (select count(*) from made)"
    );
    let rows = db.write(&sql, &[&user_ids, &until]).await?;
    let count =
        |column| rows.first().map_or(0, |row| usize::try_from(row.get::<_, i64>(column)).unwrap_or(0));
    Ok(Collected { notifications: count(0), messages: count(1) })
}

impl<'r> Delivery<'r> {
    /// In the order of [`of_job`].
    pub fn of(row: &'r Row) -> Delivery<'r> {
        let mut columns = Columns::of(row);
        Delivery {
            id: columns.take(),
            channel: columns.take(),
            digest: columns.take(),
            created_at: columns.take(),
            now: columns.take(),
            time_zone: columns.take(),
            quiet_hours: match (columns.take(), columns.take()) {
                (Some(start), Some(end)) => Some((start, end)),
                _ => None,
            },
            daily_cap: columns.take(),
            email: columns.take(),
            targets: columns.take(),
            notifications: columns.take(),
            newest: columns.take(),
        }
    }
}

impl<'r> Waiting<'r> {
    /// In the order of [`waiting`].
    pub fn of(row: &'r Row) -> Waiting<'r> {
        let mut columns = Columns::of(row);
        Waiting {
            user_id: columns.take(),
            since: columns.take(),
            time_zone: columns.take(),
            digest_at: columns.take(),
            now: columns.take(),
        }
    }
}
