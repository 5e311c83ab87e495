//! Answers.

use apscheduler_engine::job::Job;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::job_path::job_path;

/// Returns a job as a table, with the path that names it, and without secrets.
pub(crate) fn table(app: &App, job: &Job) -> Value {
    let mut table =
        serde_json::to_value(job).unwrap_or_else(|error| json!({"reason": error.to_string()}));
    if let Value::Object(table) = &mut table {
        let path = job_path(job.jobstore(), job.id());
        table.insert("path".to_owned(), Value::String(path));
        table.insert(
            "revision".to_owned(),
            json!(job.revision().map(|revision| revision.to_string())),
        );
    }
    app.redaction().record(&mut table);
    table
}

/// Answers with a job. Its revision is the `ETag`.
pub(crate) fn one(app: &App, status: StatusCode, job: &Job) -> Response {
    let mut response = (status, Json(table(app, job))).into_response();
    let etag = job.revision().and_then(|revision| format!("\"{revision}\"").parse().ok());
    if let Some(etag) = etag {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// Answers with a part of a list. `next` is what to give as `after` for the rest.
pub(crate) fn page(items: Vec<Value>, next: Option<&str>) -> Json<Map<String, Value>> {
    let mut page = Map::new();
    page.insert("items".to_owned(), Value::Array(items));
    page.insert("next".to_owned(), json!(next));
    Json(page)
}

/// Returns a record, without secrets.
pub(crate) fn record(app: &App, record: &impl Serialize) -> Value {
    let mut value =
        serde_json::to_value(record).unwrap_or_else(|error| json!({"error": error.to_string()}));
    app.redaction().record(&mut value);
    value
}

/// Answers with a report, without secrets.
pub(crate) fn report(app: &App, report: &impl Serialize) -> Json<Value> {
    Json(record(app, report))
}
