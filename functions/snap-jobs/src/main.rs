//! `/snap-jobs` and `/snap-jobs/{id}`: photos on their way to a draft. Each caller has their own.

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use shared::db::list::ListRequest;
use shared::db::snap_jobs::{self, Filter, NewSnapJob, SnapJob};
use shared::http::{self, Caller, Parameters};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up().await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response<Body>> {
    let Caller { user_id, .. } = &Caller::of(app, &request)?;
    match (http::path(&request, "snap-jobs").as_slice(), request.method()) {
        (["snap-jobs"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, snap_jobs::SORTS, Filter::read)?;
            http::page(snap_jobs::list(&app.db, user_id, &list).await?)
        }
        (["snap-jobs"], &Method::POST) => {
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, |fields| NewSnapJob::read(fields, user_id))?;
            http::created(snap_jobs::insert(&app.db, user_id, key.as_ref(), &new).await?)
        }
        (["snap-jobs"], _) => Err(Error::MethodNotAllowed("GET, POST")),

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

        _ => Err(Error::NotFound("path")),
    }
}
