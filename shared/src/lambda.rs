//! The shell around every HTTP function.

use lambda_http::{Body, Request, RequestExt, Response, service_fn};

use crate::config::ConfigError;
use crate::{App, Result, Role, http};

/// Turns logging on and reads the environment. What a function needs at once, its `main` then warms up: the init
/// phase has a full core and is not part of a request's time.
///
/// # Errors
/// A variable of the environment that cannot be used.
pub fn start(role: Role) -> Result<&'static App, ConfigError> {
    lambda_http::tracing::init_default_subscriber();
    Ok(Box::leak(Box::new(App::from_env(role)?))) // lives as long as the process
}

/// Serves `route` until the environment ends; errors are answered.
pub async fn serve<F, R>(app: &'static App, route: F) -> Result<(), lambda_http::Error>
where
    F: Fn(&'static App, Request) -> R,
    R: Future<Output = Result<Response<Body>>> + Send + 'static,
{
    lambda_http::run(service_fn(|request: Request| {
        let request_id = request.lambda_context().request_id;
        http::respond(request_id, route(app, request))
    }))
    .await
}
