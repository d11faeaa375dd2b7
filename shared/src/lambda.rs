//! The shell around every HTTP function.

use std::pin::Pin;

use lambda_http::lambda_runtime::LambdaEvent;
use lambda_http::request::LambdaRequest;
use lambda_http::tower::util::MapRequest;
use lambda_http::{Adapter, Body, IntoResponse, Request, Response, service_fn};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::ConfigError;
use crate::request_log::RequestLog;
use crate::{App, Result, Role, http, logging};

/// Turns logging on and reads the environment. What a function needs at once, its `main` then warms up: the init
/// phase has a full core and is not part of a request's time.
///
/// # Errors
/// A variable of the environment that cannot be used.
pub fn start(role: Role) -> Result<&'static App, ConfigError> {
    logging::start();
    Ok(Box::leak(Box::new(App::from_env(role)?))) // lives as long as the process
}

/// Serves `route` until the environment ends; errors and panics are answered.
pub async fn serve<F, R>(app: &'static App, route: F) -> Result<(), lambda_http::Error>
where
    F: Fn(&'static App, Request) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response<Body>>> + Send + 'static,
{
    let service = service_fn(move |request: Request| {
        let log = RequestLog::begin(app, &request);
        let response = http::respond(log.request_id().to_owned(), route(app, request));
        async move {
            let response = response.await?;
            log.end(app, &response);
            Ok::<_, std::convert::Infallible>(Finished(response))
        }
    });
    let readable =
        |event: LambdaEvent<LambdaRequest>| LambdaEvent { payload: readable(event.payload), ..event };
    // In a task of its own, which other tasks wake without a look at the sockets in between.
    let run = lambda_http::lambda_runtime::run(MapRequest::new(Adapter::from(service), readable));
    tokio::spawn(run).await?
}

/// A response whose body is text already: `lambda_http` would find its character set and copy it.
struct Finished(Response<Body>);

impl IntoResponse for Finished {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(std::future::ready(self.0))
    }
}

/// What the http crate takes in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/')
    .remove(b'?')
    .remove(b'%');

/// `lambda_http` makes a URI of what a caller sent, and panics when that is none: so out with the host, which nothing
/// here asks for, and the query percent-encoded where it should have been.
pub fn readable(mut request: LambdaRequest) -> LambdaRequest {
    if let LambdaRequest::ApiGatewayV2(event) = &mut request {
        event.request_context.domain_name = None;
        event.headers.remove("host");
        if let Some(query) = &mut event.raw_query_string {
            *query = utf8_percent_encode(query, QUERY).to_string();
        }
    }
    request
}
