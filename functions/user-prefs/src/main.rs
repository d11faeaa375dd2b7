//! `/user-prefs`: what the caller looks for, and when and how they want to be told.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::db::user_prefs::{self, NewUserPrefs, UserPrefs, UserPrefsPatch};
use shared::http::{self, Caller, Response};
use shared::{App, Error, Result, Role};

#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let app = shared::lambda::start(Role::App)?;
    app.db.warm_up_for(&["user_prefs"]).await;
    shared::lambda::serve(app, route).await
}

async fn route(app: &App, request: Request) -> Result<Response> {
    let caller = Caller::of(app, &request)?;
    let user_id = &caller.user_id;
    // Only what is sealed needs them.
    let keys = app.credentials_keys().ok();
    match (http::path(&request, "user-prefs").as_slice(), request.method()) {
        (["user-prefs"], &Method::GET) => {
            let row = user_prefs::get(&app.db, user_id).await?;
            let prefs = UserPrefs::of(&row);
            http::tagged(&request, prefs.version, &prefs)
        }
        (["user-prefs"], &Method::PUT) => {
            let everything = UserPrefsPatch::from(http::body(&request, NewUserPrefs::read)?);
            everything.check_email(&caller)?;
            let row =
                user_prefs::replace(&app.db, keys, user_id, &http::if_match(&request), &everything).await?;
            let prefs = UserPrefs::of(&row);
            http::changed(prefs.version, &prefs)
        }
        (["user-prefs"], &Method::PATCH) => {
            let patch = http::patch(&request, UserPrefsPatch::read)?;
            patch.check_email(&caller)?;
            let row = user_prefs::update(&app.db, keys, user_id, &http::if_match(&request), &patch).await?;
            let prefs = UserPrefs::of(&row);
            http::changed(prefs.version, &prefs)
        }
        (["user-prefs"], _) => Err(Error::MethodNotAllowed("GET, PUT, PATCH")),

        _ => Err(Error::NotFound("path")),
    }
}
