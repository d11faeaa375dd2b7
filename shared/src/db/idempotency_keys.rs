//! The table `idempotency_keys`: answers kept for a retry, written in the transaction of what they tell of.

use lambda_http::http::StatusCode;
use tokio_postgres::Row;

use super::{Database, Parameter, Transaction, is_stale_statement};
use crate::http::{Created, IdempotencyKey};
use crate::{Error, Result};

/// Inserts a row of a user's, or one of the market on their behalf: one flight when there is no key, else once per key.
/// `sql` returns the row, of which `created` makes the answer.
///
/// # Errors
/// 422 when the key stands for another request, 409 when that request is still running.
pub async fn insert_once(
    db: &Database,
    user_id: &str,
    key: Option<&IdempotencyKey>,
    sql: &str,
    parameters: &[Parameter<'_>],
    created: impl Fn(&Row) -> Created,
) -> Result<Created> {
    let created = write_once(db, user_id, key, sql, parameters, created).await?;
    Ok(created.expect("an insert returns its row"))
}

/// The same for a statement that may meet no row: then nothing is kept, and there is no answer.
pub async fn write_once(
    db: &Database,
    user_id: &str,
    key: Option<&IdempotencyKey>,
    sql: &str,
    parameters: &[Parameter<'_>],
    answer: impl Fn(&Row) -> Created,
) -> Result<Option<Created>> {
    let Some(key) = key else {
        let rows = db.write_as(user_id, sql, parameters).await?;
        return Ok(rows.first().map(answer));
    };
    let mut repeated = false;
    loop {
        let mut transaction = db.begin(user_id).await?;
        match write(&mut transaction, user_id, key, sql, parameters, &answer).await {
            Ok(answer) => {
                transaction.commit().await?;
                return Ok(answer);
            }
            // Nothing has happened yet, and a new connection prepares anew.
            Err(error) if is_stale_statement(&error) && !repeated => repeated = true,
            Err(error) => {
                // What went wrong is told, also when this goes wrong too: the connection ends then, and the transaction.
                let _ = transaction.rollback().await;
                return Err(error);
            }
        }
    }
}

async fn write(
    transaction: &mut Transaction<'_>,
    user_id: &str,
    key: &IdempotencyKey,
    sql: &str,
    parameters: &[Parameter<'_>],
    answer: impl Fn(&Row) -> Created,
) -> Result<Option<Created>> {
    // An insert of the key would wait for the other request. Locked first and read afterwards, in statements of
    // their own: each sees what was committed before it.
    let lock = "select pg_try_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))";
    if !transaction.query(lock, &[&user_id, &key.value]).await?[0].get::<_, bool>(0) {
        return Err(Error::StillRunning);
    }
    let kept = "select fingerprint, status, location, etag, body from idempotency_keys
                where user_id = $1 and key = $2 and expires_at > now()";
    if let Some(row) = transaction.query(kept, &[&user_id, &key.value]).await?.first() {
        let kept: &[u8] = row.get("fingerprint");
        if !key.fingerprints.iter().any(|fingerprint| kept == fingerprint) {
            return Err(Error::KeyReused);
        }
        return Ok(Some(Created {
            id: None,
            job_id: None,
            status: StatusCode::from_u16(row.get::<_, i16>("status").unsigned_abs()).expect("was sent"),
            location: row.get("location"),
            etag: row.get("etag"),
            body: row.get("body"),
            replayed: true,
        }));
    }
    let rows = transaction.query(sql, parameters).await?;
    let Some(answer) = rows.first().map(answer) else { return Ok(None) };
    let keep = "insert into idempotency_keys (user_id, key, fingerprint, status, location, etag, body)
                values ($1, $2, $3, $4, $5, $6, $7)
                on conflict (user_id, key) do update set fingerprint = excluded.fingerprint,
                    status = excluded.status, location = excluded.location, etag = excluded.etag,
                    body = excluded.body, created_at = default, expires_at = default";
    let fingerprint = key.fingerprints[0].as_slice();
    let status = answer.status.as_u16().cast_signed();
    let Created { location, etag, body, .. } = &answer;
    transaction.query(keep, &[&user_id, &key.value, &fingerprint, &status, location, etag, body]).await?;
    Ok(Some(answer))
}

/// Deletes keys whose day is over, at most 5,000 of them; how many there were. For a worker.
pub async fn purge(db: &Database) -> Result<usize> {
    let sql = "
        delete from idempotency_keys where (user_id, key) in (
            select user_id, key from idempotency_keys where expires_at < now() order by expires_at limit 5000)
        returning 1";
    Ok(db.write(sql, &[]).await?.len())
}
