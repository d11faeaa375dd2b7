//! `GET /deals`: the best deals there are for the caller, by what they ask for and by their preferences.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::deals::{self, FeedRequest};
use shared::http::{self, Caller, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["deals", "listings"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let caller = Caller::of(app, &request)?;
    match (http::path(&request, "deals").as_slice(), request.method()) {
        (["deals"], &Method::GET) => {
            let feed = FeedRequest::read(Parameters::of(&request)?)?;
            http::page(deals::list(&app.db, &caller.user_id, &feed).await?)
        }
        (["deals"], _) => Err(Error::MethodNotAllowed("GET")),

        _ => Err(Error::NotFound("path")),
    }
}
