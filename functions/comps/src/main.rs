//! `/comps` and `/comps/{id}`: comparable sales. Every signed-in caller reads, ingesters write.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::comps::{self, Comp, CompObservation, CompPatch, Filter, NewComp};
use shared::db::list::ListRequest;
use shared::http::{self, Caller, DEALS_INGEST, Parameters, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["comps"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let caller = Caller::of(app, &request)?;
    match (http::path(&request, "comps").as_slice(), request.method()) {
        (["comps"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?, comps::SORTS, Filter::read)?;
            http::page(comps::list(&app.db, &list).await?)
        }
        (["comps"], &Method::POST) => {
            caller.require(DEALS_INGEST)?;
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, NewComp::read)?;
            let created = comps::insert(&app.db, &caller, key.as_ref(), &new).await?;
            app.valuer.value_listings_like(&app.db, &[new.title()]).await;
            http::created(created)
        }
        (["comps"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["comps", "batch"], &Method::POST) => {
            caller.require(DEALS_INGEST)?;
            // A batch can be sent again in any case: a key is checked, and has no effect.
            http::idempotency_key(&request)?;
            let batch = http::batch(&request, CompObservation::read)?;
            let upserted = comps::upsert(&app.db, &batch.accepted).await?;
            let titles: Vec<&str> = batch.accepted.iter().map(CompObservation::title).collect();
            app.valuer.value_listings_like(&app.db, &titles).await;
            batch.answer(&upserted)
        }
        (["comps", "batch"], _) => Err(Error::MethodNotAllowed("POST")),

        (["comps", id], &Method::GET) => {
            let row = comps::get(&app.db, http::id(id, "comp")?).await?;
            let comp = Comp::of(&row);
            http::tagged(&request, comp.version, &comp)
        }
        (["comps", id], &Method::PATCH) => {
            caller.require(DEALS_INGEST)?;
            let id = http::id(id, "comp")?;
            let patch = http::patch(&request, CompPatch::read)?;
            let row = comps::update(&app.db, id, &http::if_match(&request), &patch).await?;
            let comp = Comp::of(&row);
            app.valuer.value_listings_like(&app.db, &[comp.title]).await;
            http::changed(comp.version, &comp)
        }
        (["comps", id], &Method::DELETE) => {
            caller.require(DEALS_INGEST)?;
            let title = comps::delete(&app.db, http::id(id, "comp")?, &http::if_match(&request)).await?;
            app.valuer.value_listings_like(&app.db, &[&title]).await;
            http::no_content()
        }
        (["comps", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        _ => Err(Error::NotFound("path")),
    }
}
