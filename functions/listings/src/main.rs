//! `/listings` and `/listings/{id}`: what marketplaces offer. Every signed-in caller reads, ingesters write.

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use shared::db::listings::{self, ListRequest, Listing, ListingPatch, NewListing};
use shared::http::{self, Caller, DEALS_INGEST, Parameters};
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
    let caller = Caller::of(app, &request)?;
    match (http::path(&request, "listings").as_slice(), request.method()) {
        (["listings"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?)?;
            http::page(listings::list(&app.db, &list).await?)
        }
        (["listings"], &Method::POST) => {
            caller.require(DEALS_INGEST)?;
            let row = listings::insert(&app.db, &http::body(&request, NewListing::read)?).await?;
            let listing = Listing::of(&row);
            http::created(&format!("/listings/{}", listing.id), listing.version, &listing)
        }
        (["listings"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["listings", id], &Method::GET) => {
            let row = listings::get(&app.db, http::id(id, "listing")?).await?;
            let listing = Listing::of(&row);
            http::tagged(&request, listing.version, &listing)
        }
        (["listings", id], &Method::PATCH) => {
            caller.require(DEALS_INGEST)?;
            let id = http::id(id, "listing")?;
            let patch = http::patch(&request, ListingPatch::read)?;
            let row = listings::update(&app.db, id, &http::if_match(&request), &patch).await?;
            let listing = Listing::of(&row);
            http::changed(listing.version, &listing)
        }
        (["listings", id], &Method::DELETE) => {
            caller.require(DEALS_INGEST)?;
            listings::delete(&app.db, http::id(id, "listing")?, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["listings", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        _ => Err(Error::NotFound("path")),
    }
}
