//! `/cross-posts` and `/cross-posts/{id}`: items on marketplaces. Each caller has their own.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::cross_posts::{self, CrossPost, CrossPostPatch, Filter, NewCrossPost};
use shared::db::list::ListRequest;
use shared::http::{self, Caller, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["cross_posts"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let Caller { user_id, .. } = &Caller::of(app, &request)?;
    match (http::path(&request, "cross-posts").as_slice(), request.method()) {
        (["cross-posts"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, cross_posts::SORTS, Filter::read)?;
            http::page(cross_posts::list(&app.db, user_id, &list).await?)
        }
        (["cross-posts"], &Method::POST) => {
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, NewCrossPost::read)?;
            http::created(cross_posts::insert(&app.db, user_id, key.as_ref(), &new).await?)
        }
        (["cross-posts"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["cross-posts", id], &Method::GET) => {
            let row = cross_posts::get(&app.db, user_id, http::id(id, "cross-post")?).await?;
            let post = CrossPost::of(&row);
            http::tagged(&request, post.version, &post)
        }
        (["cross-posts", id], &Method::PATCH) => {
            let id = http::id(id, "cross-post")?;
            let patch = http::patch(&request, CrossPostPatch::read)?;
            let row = cross_posts::update(&app.db, user_id, id, &http::if_match(&request), &patch).await?;
            let post = CrossPost::of(&row);
            http::changed(post.version, &post)
        }
        (["cross-posts", id], &Method::DELETE) => {
            let id = http::id(id, "cross-post")?;
            cross_posts::delete(&app.db, user_id, id, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["cross-posts", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        _ => Err(Error::NotFound("path")),
    }
}
