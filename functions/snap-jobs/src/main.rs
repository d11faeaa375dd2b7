//! `/snap-jobs`, `/snap-jobs/{id}` and `/snap-jobs/{id}/retry`: photos on their way to a draft. Each caller has their own.
//! `/snap-jobs/uploads`: where to send the photos.

mod uploads;

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::jobs::JobKind;
use shared::db::list::ListRequest;
use shared::db::snap_jobs::{self, Filter, NewSnapJob, SnapJob};
use shared::http::{self, Caller, Created, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    tokio::join!(app.db.warm_up_for(&["snap_jobs"]), app.cache.warm_up());
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let Caller { user_id, .. } = &Caller::of(app, &request)?;
    match (http::path(&request, "snap-jobs").as_slice(), request.method()) {
        (["snap-jobs"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, snap_jobs::SORTS, Filter::read)?;
            http::page(snap_jobs::list(&app.db, user_id, &list).await?)
        }
        (["snap-jobs"], &Method::POST) => {
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, |fields| NewSnapJob::read(fields, user_id))?;
            let created = snap_jobs::insert(&app.db, user_id, key.as_ref(), &new).await?;
            announced(app, created).await
        }
        (["snap-jobs"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["snap-jobs", "uploads"], _) => uploads::route(app, user_id, &request).await,

        (["snap-jobs", id], &Method::GET) => {
            let row = snap_jobs::get(&app.db, user_id, http::id(id, "snap job")?).await?;
            let job = SnapJob::of(&row);
            http::tagged(&request, job.version, &job)
        }
        (["snap-jobs", id], &Method::DELETE) => {
            snap_jobs::delete(&app.db, user_id, http::id(id, "snap job")?, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["snap-jobs", _], _) => Err(Error::MethodNotAllowed("GET, DELETE")),

        (["snap-jobs", id, "retry"], &Method::POST) => {
            let (key, id) = (http::idempotency_key(&request)?, http::id(id, "snap job")?);
            announced(app, snap_jobs::retry(&app.db, user_id, key.as_ref(), id).await?).await
        }
        (["snap-jobs", _, "retry"], _) => Err(Error::MethodNotAllowed("POST")),

        _ => Err(Error::NotFound("path")),
    }
}

/// Workers hear of a job once it is committed.
async fn announced(app: &App, created: Created) -> Result<Response> {
    if let Some(job_id) = created.job_id {
        app.cache.announce(&[(job_id, JobKind::Snap)]).await;
    }
    http::created(created)
}
