//! `/jobs` and `/jobs/{id}`: how far work in the background is. Each caller sees their own; an administrator also what is
//! dead, whosever it is, and has it tried again.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::jobs::{self, Filter, Job, JobKind, JobPatch, View};
use shared::db::list::ListRequest;
use shared::http::{self, Caller, DEALS_ADMIN, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["jobs"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let caller = Caller::of(app, &request)?;
    let view = if caller.may(DEALS_ADMIN) { View::AndAllDead } else { View::Own };
    match (http::path(&request, "jobs").as_slice(), request.method()) {
        (["jobs"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, jobs::SORTS, Filter::read)?;
            http::page(jobs::list(&app.db, &caller.user_id, view, &list).await?)
        }
        (["jobs"], _) => Err(Error::MethodNotAllowed("GET")),

        (["jobs", id], &Method::GET) => {
            let row = jobs::get(&app.db, &caller.user_id, view, http::id(id, "job")?).await?;
            let job = Job::of(&row);
            http::tagged(&request, job.version, &job)
        }
        (["jobs", id], &Method::PATCH) => {
            caller.require(DEALS_ADMIN)?;
            let id = http::id(id, "job")?;
            let patch = http::patch(&request, JobPatch::read)?;
            let row = jobs::retry(&app.db, &caller.user_id, id, &http::if_match(&request), &patch).await?;
            let job = Job::of(&row);
            if let (Ok(kind), "queued") = (job.kind.parse::<JobKind>(), job.status) {
                app.cache.announce(&[(id, kind)]).await;
            }
            http::changed(job.version, &job)
        }
        (["jobs", _], _) => Err(Error::MethodNotAllowed("GET, PATCH")),

        _ => Err(Error::NotFound("path")),
    }
}
