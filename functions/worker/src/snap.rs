//! Photos become a draft: they are fetched, cleaned and kept, what they show is recognized, and priced by comparable sales.

mod client;
mod notes;
mod photos;
mod picture;
mod recognition;
mod text;
mod vision;

use std::time::Duration;

use shared::db::jobs::Leased;
use shared::db::snap_jobs::{self, Draft, Photos};
use shared::valuation::Subject;
use shared::{App, Error};
use tokio::time::timeout;

use self::recognition::{Recognition, Recognizer, Seen};
use crate::job::{Context, Failure, Outcome};

#[cfg(test)]
mod tests;

/// For all photos of a job; what is left of an attempt is for the recognition and the database.
const PHOTOS_WITHIN: Duration = Duration::from_secs(18);

const CURRENCY: &str = "USD";

/// Does the job, or finds that its snap job was deleted meanwhile.
pub async fn perform(context: &Context, job: &Leased) -> Result<Outcome, Failure> {
    let db = &context.app.db;
    let draft = match snap_jobs::photos(db, job).await? {
        Some(subject) => Some(draft(context, job, &subject).await?),
        None => None,
    };
    if snap_jobs::finish(db, job, draft.as_ref()).await? {
        Ok(Outcome::Done)
    } else {
        Err(Failure::LostLease)
    }
}

async fn draft(context: &Context, job: &Leased, subject: &Photos) -> Result<Draft, Failure> {
    let recognizer = Recognizer::new(context.app.vision.as_ref())?;
    let kept = timeout(PHOTOS_WITHIN, photos::keep(context, job, &subject.photos)).await;
    let kept = kept.unwrap_or_else(|_| Err(Failure::Retry("the photos took too long to load".into())))?;
    let seen = Seen {
        notes: subject.notes.as_deref(),
        photos: &subject.photos,
        pictures: kept.iter().map(|kept| kept.shown.as_slice()).collect(),
    };
    let found = recognizer.recognize(&seen).await?;
    let price_cents = price(context.app, &found).await?;
    Ok(Draft {
        title: found.title,
        description: found.description,
        category: found.category,
        condition: found.condition,
        attributes: found.attributes,
        price_cents,
        recognized_by: recognizer.name(),
        confidence: found.confidence,
        processed_images: kept.into_iter().filter_map(|kept| kept.key).collect(),
    })
}

/// What comparable things went for; without any, there is no price.
async fn price(app: &App, found: &Recognition) -> Result<Option<i64>, Error> {
    let subject = Subject {
        title: found.title.as_str().to_owned(),
        category: found.category.as_ref().map(|category| category.as_str().to_owned()),
        condition: found.condition,
        currency: CURRENCY.into(),
        place: None,
    };
    Ok(app.valuer.value(&app.db, &subject).await?.fair_price_cents)
}
