//! Bodies of requests and answers.

use apscheduler_engine::job::Job;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::job_path::job_path;
use crate::problem::Problem;

/// The body of a request as JSON, with an error that says what is wrong.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(not_read(&rejection)),
        }
    }
}

/// The body of a request that may be empty.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.headers().get(CONTENT_TYPE).is_none() {
            return Ok(Self(T::default()));
        }
        Body::from_request(request, state).await.map(|Body(value)| Self(value))
    }
}

fn not_read(rejection: &JsonRejection) -> Problem {
    let status = match rejection.status() {
        StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
        status => status,
    };
    Problem::new(status, "The body is not valid", rejection.body_text())
}

/// Returns a job as a table, with the path that names it.
pub(crate) fn table(job: &Job) -> Value {
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
    table
}

/// Answers with a job. Its revision is the `ETag`.
pub(crate) fn one(status: StatusCode, job: &Job) -> Response {
    let mut response = (status, Json(table(job))).into_response();
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
