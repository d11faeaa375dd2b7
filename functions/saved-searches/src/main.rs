//! `/saved-searches`, `/saved-searches/{id}` and `/saved-searches/{id}/preview`: what a caller wants to be told of, and what
//! it finds now. Each caller has their own.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::list::ListRequest;
use shared::db::saved_searches::{
    self, Filter, NewSavedSearch, PreviewRequest, SavedSearch, SavedSearchPatch,
};
use shared::http::{self, Caller, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["saved_searches"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let Caller { user_id, .. } = &Caller::of(app, &request)?;
    match (http::path(&request, "saved-searches").as_slice(), request.method()) {
        (["saved-searches"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, saved_searches::SORTS, Filter::read)?;
            http::page(saved_searches::list(&app.db, user_id, &list).await?)
        }
        (["saved-searches"], &Method::POST) => {
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, NewSavedSearch::read)?;
            http::created(saved_searches::insert(&app.db, user_id, key.as_ref(), &new).await?)
        }
        (["saved-searches"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["saved-searches", id], &Method::GET) => {
            let row = saved_searches::get(&app.db, user_id, http::id(id, "saved search")?).await?;
            let search = SavedSearch::of(&row);
            http::tagged(&request, search.version, &search)
        }
        (["saved-searches", id], &Method::PATCH) => {
            let id = http::id(id, "saved search")?;
            let patch = http::patch(&request, SavedSearchPatch::read)?;
            let row = saved_searches::update(&app.db, user_id, id, &http::if_match(&request), &patch).await?;
            let search = SavedSearch::of(&row);
            http::changed(search.version, &search)
        }
        (["saved-searches", id], &Method::DELETE) => {
            let id = http::id(id, "saved search")?;
            saved_searches::delete(&app.db, user_id, id, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["saved-searches", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        (["saved-searches", id, "preview"], &Method::GET) => {
            let id = http::id(id, "saved search")?;
            let preview = PreviewRequest::read(Parameters::of(&request)?)?;
            http::page(saved_searches::preview(&app.db, user_id, id, &preview).await?)
        }
        (["saved-searches", _, "preview"], _) => Err(Error::MethodNotAllowed("GET")),

        _ => Err(Error::NotFound("path")),
    }
}
