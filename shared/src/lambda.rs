//! The shell around every HTTP function.

use lambda_http::{Body, Request, RequestExt, Response, service_fn};

use crate::{App, Result, Role, http};

/// Runs `route` as a Lambda function: logging on, environment resolved, connections warmed, errors answered.
///
/// # Errors
/// A variable of the environment that cannot be used; or the runtime API is lost.
pub async fn serve<F, R>(role: Role, route: F) -> Result<(), lambda_http::Error>
where
    F: Fn(&'static App, Request) -> R,
    R: Future<Output = Result<Response<Body>>> + Send + 'static,
{
    lambda_http::tracing::init_default_subscriber();
    let app: &App = Box::leak(Box::new(App::from_env(role)?)); // lives as long as the process
    // In the init phase, which has a full core and is not counted as a request's time.
    tokio::join!(app.db.warm_up(), app.cache.warm_up());
    lambda_http::run(service_fn(|request: Request| {
        let request_id = request.lambda_context().request_id;
        http::respond(request_id, route(app, request))
    }))
    .await
}
