//! `POST /valuations`: what is this worth? Told from comparable sales, with the evidence, and not kept.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::http::{self, Caller, Response};
use shared::valuation::{NewValuation, Subject};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["comps", "comp_terms"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let _caller = Caller::of(app, &request)?;
    match (http::path(&request, "valuations").as_slice(), request.method()) {
        (["valuations"], &Method::POST) => {
            // Without effect: asking twice is harmless.
            http::idempotency_key(&request)?;
            let subject: Subject = http::body(&request, NewValuation::read)?.into();
            http::ok(&app.valuer.value(&app.db, &subject).await?)
        }
        (["valuations"], _) => Err(Error::MethodNotAllowed("POST")),
        _ => Err(Error::NotFound("path")),
    }
}
