//! One line of the log for each request: what an operator asks of it, and nothing that a caller sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use lambda_http::http::Method;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

use crate::App;
use crate::http::Response;
use crate::metrics::{self, Handled};

/// Whether this environment has not served before.
static IS_COLD: AtomicBool = AtomicBool::new(true);

/// A request that is being served.
#[derive(Debug)]
pub struct RequestLog {
    begun: Instant,
    database_micros: u64,
    cold_start: bool,
    request_id: String,
    trace_id: Option<String>,
    method: Method,
    route: String,
}

impl RequestLog {
    pub fn begin(app: &App, request: &Request) -> RequestLog {
        let context = request.lambda_context_ref();
        RequestLog {
            begun: Instant::now(),
            database_micros: app.db.micros_spent(),
            cold_start: IS_COLD.swap(false, Ordering::Relaxed),
            request_id: context.map(|context| context.request_id.clone()).unwrap_or_default(),
            trace_id: context.and_then(|context| context.xray_trace_id.clone()),
            method: request.method().clone(),
            route: route(request),
        }
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Writes the line.
    pub fn end(self, app: &App, response: &Response) {
        if !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        metrics::handled(&Handled {
            request_id: &self.request_id,
            trace_id: self.trace_id.as_deref(),
            method: self.method.as_str(),
            route: &self.route,
            status: response.status().as_u16(),
            duration_micros: self.begun.elapsed().as_micros().try_into().unwrap_or(u64::MAX),
            database_micros: app.db.micros_spent().saturating_sub(self.database_micros),
            cold_start: self.cold_start,
        });
    }
}

/// The path as the template has it, `/my-items/{id}`: what was really asked for may hold anything. Nothing where there is
/// no gateway to say it.
fn route(request: &Request) -> String {
    let Some(RequestContext::ApiGatewayV2(context)) = request.extensions().get::<RequestContext>() else {
        return String::new();
    };
    let key = context.route_key.as_deref().unwrap_or_default();
    key.split_once(' ').map_or(String::new(), |(_, path)| path.to_owned())
}
