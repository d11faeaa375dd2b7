//! `/my-items` and `/my-items/{id}`: what a seller has. Each caller has their own.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::list::ListRequest;
use shared::db::my_items::{self, Filter, MyItem, MyItemPatch, NewMyItem};
use shared::http::{self, Caller, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["my_items"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let Caller { user_id, .. } = &Caller::of(app, &request)?;
    match (http::path(&request, "my-items").as_slice(), request.method()) {
        (["my-items"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, my_items::SORTS, Filter::read)?;
            http::page(my_items::list(&app.db, user_id, &list).await?)
        }
        (["my-items"], &Method::POST) => {
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, NewMyItem::read)?;
            http::created(my_items::insert(&app.db, user_id, key.as_ref(), &new).await?)
        }
        (["my-items"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["my-items", id], &Method::GET) => {
            let row = my_items::get(&app.db, user_id, http::id(id, "item")?).await?;
            let item = MyItem::of(&row);
            http::tagged(&request, item.version, &item)
        }
        (["my-items", id], &Method::PATCH) => {
            let id = http::id(id, "item")?;
            let patch = http::patch(&request, MyItemPatch::read)?;
            let row = my_items::update(&app.db, user_id, id, &http::if_match(&request), &patch).await?;
            let item = MyItem::of(&row);
            http::changed(item.version, &item)
        }
        (["my-items", id], &Method::DELETE) => {
            my_items::delete(&app.db, user_id, http::id(id, "item")?, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["my-items", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        _ => Err(Error::NotFound("path")),
    }
}
