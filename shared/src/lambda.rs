//! The shell around every HTTP function.

use std::convert::Infallible;

use lambda_http::http::HeaderMap;
use lambda_http::lambda_runtime::LambdaEvent;
use lambda_http::request::LambdaRequest;
use lambda_http::{Request, RequestExt, service_fn};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, Serializer};

use crate::config::ConfigError;
use crate::http::{Response, ResponseBody};
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
    R: Future<Output = Result<Response>> + Send + 'static,
{
    let service = service_fn(move |LambdaEvent { payload, context }: LambdaEvent<LambdaRequest>| {
        let request = Request::from(readable(payload)).with_lambda_context(context);
        let log = RequestLog::begin(app, &request);
        let response = http::respond(log.request_id().to_owned(), route(app, request));
        async move {
            let response = response.await?;
            log.end(app, &response);
            Ok::<_, Infallible>(GatewayResponse::of(response))
        }
    });
    // In a task of its own, which other tasks wake without a look at the sockets in between.
    tokio::spawn(lambda_http::lambda_runtime::run(service)).await?
}

/// What the gateway takes: payload format 2.0 of
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GatewayResponse {
    status_code: u16,
    #[serde(serialize_with = "as_map")]
    headers: HeaderMap,
    body: ResponseBody,
    is_base64_encoded: bool,
    /// None, but `cargo lambda watch` takes no response that does not say so.
    cookies: [&'static str; 0],
}

impl GatewayResponse {
    fn of(response: Response) -> GatewayResponse {
        let (parts, body) = response.into_parts();
        GatewayResponse {
            status_code: parts.status.as_u16(),
            headers: parts.headers,
            body,
            is_base64_encoded: false,
            cookies: [],
        }
    }
}

/// No header of ours is there twice.
fn as_map<S: Serializer>(headers: &HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))),
    )
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

#[cfg(test)]
mod tests {
    use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gateway_is_handed_a_status_headers_and_the_body_as_a_string() {
        let row = json!({ "title": "a \"7\\8\" 🛋" });
        let created = http::Created::of("/items", 7, 1, &row);
        let handed = serde_json::to_string(&GatewayResponse::of(http::created(created).expect("answers")));
        let read: ApiGatewayV2httpResponse = serde_json::from_str(&handed.expect("is JSON")).expect("is one");
        assert_eq!((read.status_code, read.body), (201, Some(row.to_string().into())));
        let header = |name: &str| read.headers[name].to_str().expect("is text");
        assert_eq!(
            ["location", "etag", "content-type"].map(header),
            ["/items/7", "\"1\"", "application/json"]
        );

        let nothing = GatewayResponse::of(http::no_content().expect("answers"));
        let expected = r#"{"statusCode":204,"headers":{},"body":"","isBase64Encoded":false,"cookies":[]}"#;
        assert_eq!(serde_json::to_string(&nothing).expect("is JSON"), expected);
    }
}
