//! What the worker reads of a snap job, and what it makes of it.

use tokio_postgres::types::Json;

use super::RecognizedBy;
use crate::Result;
use crate::db::jobs::{FINISHED, Leased};
use crate::db::{Database, Parameter};
use crate::values::{Attributes, Condition, Photo, Text};

/// What is to be looked at.
#[derive(Debug)]
pub struct Photos {
    pub photos: Vec<Photo>,
    pub notes: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub struct Draft {
    pub title: Text<1, 255>,
    pub description: Option<Text<0, 100_000>>,
    pub category: Option<Text<1, 120>>,
    pub condition: Option<Condition>,
    pub attributes: Attributes,
    /// US cents, from comparable sales.
    pub price_cents: Option<i64>,
    pub recognized_by: RecognizedBy,
    pub confidence: f64,
    /// Keys of the photos as they were kept, without what cameras write into them.
    pub processed_images: Vec<String>,
}

/// `None` when the snap job was deleted meanwhile.
pub async fn photos(db: &Database, job: &Leased) -> Result<Option<Photos>> {
    let sql = "select input_photos, notes from snap_jobs where job_id = $1 and user_id = $2";
    let rows = db.read(sql, &[&job.id, &job.user_id]).await?;
    Ok(rows.first().map(|row| {
        let Json(photos) = row.get(0);
        Photos { photos, notes: row.get(1) }
    }))
}

/// Ends the job, and makes the draft if the snap job is still there: both or neither. Whether the lease still held.
pub async fn finish(db: &Database, job: &Leased, draft: Option<&Draft>) -> Result<bool> {
    let Some(draft) = draft else {
        let sql = format!("with {FINISHED} select count(*) from finished");
        return finished(db, &sql, &[&job.id, &job.lease_token]).await;
    };
    let sql = format!(
        "with {FINISHED},
         item as (
             insert into my_items (user_id, title, description, category, attributes, condition, price_cents, currency)
             select snap_jobs.user_id, $3, $4, $5, $6::jsonb, $7::text::item_condition, $8::int8, 'USD'
             from finished join snap_jobs on job_id = finished.id and snap_jobs.user_id = finished.user_id
             returning id, user_id
         ),
         ready as (
             update snap_jobs set
                 status = 'ready', suggested_title = $3, suggested_description = $4, detected_category = $5,
                 detected_attributes = $6::jsonb, condition_guess = $7::text::item_condition,
                 suggested_price_cents = $8::int8, suggested_currency = 'USD', recognized_by = $9, confidence = $10,
                 processed_images = $11, item_id = item.id, failure_reason = null, updated_at = now(),
                 version = version + 1
             from item
             where job_id = $1 and snap_jobs.user_id = item.user_id
         )
         select count(*) from finished"
    );
    finished(
        db,
        &sql,
        &[
            &job.id,
            &job.lease_token,
            &draft.title,
            &draft.description,
            &draft.category,
            &draft.attributes,
            &draft.condition.map(Condition::as_str),
            &draft.price_cents,
            &draft.recognized_by.as_str(),
            &draft.confidence,
            &Json(&draft.processed_images),
        ],
    )
    .await
}

async fn finished(db: &Database, sql: &str, parameters: &[Parameter<'_>]) -> Result<bool> {
    Ok(db.write(sql, parameters).await?[0].get::<_, i64>(0) == 1)
}
