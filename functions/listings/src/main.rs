//! `/listings`, `/listings/{id}` and what is under it: what marketplaces offer, and what was found out about it. Every
//! signed-in caller reads, ingesters write.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::list;
use shared::db::listing_scores::{self, NewListingScore};
use shared::db::listings::{self, ListRequest, Listing, ListingObservation, ListingPatch, NewListing};
use shared::db::price_history;
use shared::http::{self, Caller, DEALS_INGEST, Parameters, Response};
use shared::{App, Error, Result, Role, valuer};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["listings"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let caller = Caller::of(app, &request)?;
    match (http::path(&request, "listings").as_slice(), request.method()) {
        (["listings"], &Method::GET) => {
            let list = ListRequest::read(Parameters::of(&request)?)?;
            http::page(listings::list(&app.db, &list).await?)
        }
        (["listings"], &Method::POST) => {
            caller.require(DEALS_INGEST)?;
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, NewListing::read)?;
            let created = listings::insert(&app.db, &caller, key.as_ref(), &new).await?;
            app.valuer.value_waiting(&app.db, created.id.as_slice()).await;
            http::created(created)
        }
        (["listings"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["listings", "batch"], &Method::POST) => {
            caller.require(DEALS_INGEST)?;
            // A batch can be sent again in any case: a key is checked, and has no effect.
            http::idempotency_key(&request)?;
            let batch = http::batch(&request, ListingObservation::read)?;
            let upserted = listings::upsert(&app.db, &batch.accepted).await?;
            let ids: Vec<i64> = upserted.iter().map(|upserted| upserted.id).collect();
            app.valuer.value_waiting(&app.db, &ids).await;
            batch.answer(&upserted)
        }
        (["listings", "batch"], _) => Err(Error::MethodNotAllowed("POST")),

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
            app.valuer.value_waiting(&app.db, &[id]).await;
            let listing = Listing::of(&row);
            http::changed(listing.version, &listing)
        }
        (["listings", id], &Method::DELETE) => {
            caller.require(DEALS_INGEST)?;
            listings::delete(&app.db, http::id(id, "listing")?, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["listings", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        (["listings", id, "scores"], &Method::GET) => {
            let id = http::id(id, "listing")?;
            let read = listing_scores::Filter::read;
            let list = list::ListRequest::read(Parameters::of(&request)?, listing_scores::SORTS, read)?;
            http::page(listing_scores::list(&app.db, id, &list).await?)
        }
        (["listings", id, "scores"], &Method::POST) => {
            caller.require(DEALS_INGEST)?;
            let id = http::id(id, "listing")?;
            let key = http::idempotency_key(&request)?;
            let new = http::body(&request, NewListingScore::read)?;
            http::created(listing_scores::put(&app.db, &caller, key.as_ref(), id, &new).await?)
        }
        (["listings", _, "scores"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["listings", id, "price-history"], &Method::GET) => {
            let id = http::id(id, "listing")?;
            let list = price_history::ListRequest::read(Parameters::of(&request)?)?;
            http::page(price_history::list(&app.db, id, &list).await?)
        }
        (["listings", _, "price-history"], _) => Err(Error::MethodNotAllowed("GET")),

        (["listings", id, "valuation"], &Method::GET) => {
            http::ok(&valuer::explain(&app.db, http::id(id, "listing")?).await?)
        }
        (["listings", _, "valuation"], _) => Err(Error::MethodNotAllowed("GET")),

        _ => Err(Error::NotFound("path")),
    }
}
