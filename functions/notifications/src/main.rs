//! `/notifications` and `/notifications/{id}`: what the caller was told. Rows come from the system alone.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::list::ListRequest;
use shared::db::notifications::{self, Filter, Notification, NotificationPatch};
use shared::http::{self, Caller, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["notifications"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let Caller { user_id, .. } = &Caller::of(app, &request)?;
    match (http::path(&request, "notifications").as_slice(), request.method()) {
        (["notifications"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, notifications::SORTS, Filter::read)?;
            http::page(notifications::list(&app.db, user_id, &list).await?)
        }
        (["notifications"], _) => Err(Error::MethodNotAllowed("GET")),

        (["notifications", id], &Method::GET) => {
            let row = notifications::get(&app.db, user_id, http::id(id, "notification")?).await?;
            let notification = Notification::of(&row);
            http::tagged(&request, notification.version, &notification)
        }
        (["notifications", id], &Method::PATCH) => {
            let id = http::id(id, "notification")?;
            let patch = http::patch(&request, NotificationPatch::read)?;
            let row = notifications::update(&app.db, user_id, id, &http::if_match(&request), &patch).await?;
            let notification = Notification::of(&row);
            http::changed(notification.version, &notification)
        }
        (["notifications", id], &Method::DELETE) => {
            let id = http::id(id, "notification")?;
            notifications::delete(&app.db, user_id, id, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["notifications", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        _ => Err(Error::NotFound("path")),
    }
}
