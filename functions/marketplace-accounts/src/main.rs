//! `/marketplace-accounts` and `/marketplace-accounts/{id}`: where a seller sells. Credentials go in and never come out.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::list::ListRequest;
use shared::db::marketplace_accounts::{
    self, Filter, MarketplaceAccount, MarketplaceAccountPatch, NewMarketplaceAccount,
};
use shared::http::{self, Caller, Parameters, Response};
use shared::seal::Keys;
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    let keys = app.credentials_keys()?;
    app.db.warm_up_for(&["marketplace_accounts"]).await;
    shared::lambda::serve(app, move |app, request| route(app, keys, request)).await
}

async fn route(app: &App, keys: &Keys, request: Request) -> Result<Response> {
    let Caller { user_id, .. } = &Caller::of(app, &request)?;
    match (http::path(&request, "marketplace-accounts").as_slice(), request.method()) {
        (["marketplace-accounts"], &Method::GET) => {
            let sorts = marketplace_accounts::SORTS;
            let list = ListRequest::read(Parameters::of(&request)?, sorts, Filter::read)?;
            http::page(marketplace_accounts::list(&app.db, user_id, &list).await?)
        }
        (["marketplace-accounts"], &Method::POST) => {
            let key = http::idempotency_key_by(keys, &request)?;
            let new = http::body(&request, NewMarketplaceAccount::read)?;
            http::created(marketplace_accounts::insert(&app.db, keys, user_id, key.as_ref(), &new).await?)
        }
        (["marketplace-accounts"], _) => Err(Error::MethodNotAllowed("GET, POST")),

        (["marketplace-accounts", id], &Method::GET) => {
            let row = marketplace_accounts::get(&app.db, user_id, http::id(id, "account")?).await?;
            let account = MarketplaceAccount::of(&row);
            http::tagged(&request, account.version, &account)
        }
        (["marketplace-accounts", id], &Method::PATCH) => {
            let id = http::id(id, "account")?;
            let patch = http::patch(&request, MarketplaceAccountPatch::read)?;
            let if_match = http::if_match(&request);
            let row = marketplace_accounts::update(&app.db, keys, user_id, id, &if_match, &patch).await?;
            let account = MarketplaceAccount::of(&row);
            http::changed(account.version, &account)
        }
        (["marketplace-accounts", id], &Method::DELETE) => {
            let id = http::id(id, "account")?;
            marketplace_accounts::delete(&app.db, user_id, id, &http::if_match(&request)).await?;
            http::no_content()
        }
        (["marketplace-accounts", _], _) => Err(Error::MethodNotAllowed("GET, PATCH, DELETE")),

        _ => Err(Error::NotFound("path")),
    }
}
