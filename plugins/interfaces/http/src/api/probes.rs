//! What machines ask about the program: whether it lives, whether it is ready, and its metrics.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::App;
use crate::doc::{Doc, schemas};
use crate::metrics;
use crate::problem::Problem;
use crate::report::health::{is_alive, obstacles};

pub(crate) const LIVE: Doc =
    Doc::new("Tells whether the event loop makes its turns").json::<schemas::Probe>();

/// Whether the event loop makes its turns; if not, only a restart helps. It waits for nothing.
pub(crate) async fn live(State(app): State<App>) -> Response {
    if is_alive(app.scheduler()) {
        return Json(json!({"status": "alive"})).into_response();
    }
    let detail = "the event loop of the scheduler makes no turns";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The scheduler is stuck", detail).into_response()
}

pub(crate) const READY: Doc =
    Doc::new("Tells whether the scheduler and its stores work").json::<schemas::Probe>();

/// Whether the scheduler and its stores work at this moment. It waits for nothing.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let obstacles = obstacles(app.scheduler());
    if obstacles.is_empty() {
        return Json(json!({"status": "ready"})).into_response();
    }
    let detail = obstacles.join("; ");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The scheduler is not ready", detail)
        .into_response()
}

pub(crate) const METRICS: Doc =
    Doc::new("Returns the metrics").text("application/openmetrics-text");

/// The metrics, as text in the format `OpenMetrics`.
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let shared = app.clone();
    let text = app
        .call(move |scheduler| metrics::text(scheduler, shared.feed().meters(), shared.counted()));
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text.await?).into_response())
}

pub(crate) const DOCUMENT: Doc = Doc::new("Returns this document").json::<schemas::Document>();

/// The document `openapi.json`.
pub(crate) async fn document(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, "application/json")], app.document()).into_response()
}
