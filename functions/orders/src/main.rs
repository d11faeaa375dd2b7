//! `/orders` and `/orders/{id}`: what was sold by cross-posts. Each caller has their own.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::list::ListRequest;
use shared::db::orders::{self, Filter, NewOrder, Order, OrderPatch};
use shared::http::{self, Caller, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["orders"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let Caller { user_id, .. } = &Caller::of(app, &request)?;
    match (http::path(&request, "orders").as_slice(), request.method()) {
        (["orders"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, orders::SORTS, Filter::read)?;
            http::page(orders::list(&app.db, user_id, &list).await?)
        }
        (["orders"], &Method::POST) => {
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, NewOrder::read)?;
            http::created(orders::insert(&app.db, user_id, key.as_ref(), &new).await?)
        }
        (["orders"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["orders", id], &Method::GET) => {
            let row = orders::get(&app.db, user_id, http::id(id, "order")?).await?;
            let order = Order::of(&row);
            http::tagged(&request, order.version, &order)
        }
        (["orders", id], &Method::PATCH) => {
            let id = http::id(id, "order")?;
            let patch = http::patch(&request, OrderPatch::read)?;
            let row = orders::update(&app.db, user_id, id, &http::if_match(&request), &patch).await?;
            let order = Order::of(&row);
            http::changed(order.version, &order)
        }
        (["orders", id], &Method::DELETE) => {
            orders::delete(&app.db, user_id, http::id(id, "order")?, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["orders", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        _ => Err(Error::NotFound("path")),
    }
}
