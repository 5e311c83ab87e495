//! Errors as `application/problem+json` (RFC 9457).

use apscheduler_core::{Error, ErrorKind};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What is wrong with a request.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    status_code: StatusCode,
    status: u16,
    /// In a few words, the same for each problem of the kind.
    title: &'static str,
    /// What is wrong, and what would be right.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status_code: status, status: status.as_u16(), title, detail, job_id: None }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, title) = match error.kind() {
            ErrorKind::JobLookup => (StatusCode::NOT_FOUND, "No such job"),
            ErrorKind::RunLookup => (StatusCode::NOT_FOUND, "No such run"),
            ErrorKind::UnknownAlias => (StatusCode::NOT_FOUND, "No such job store or executor"),
            ErrorKind::ConflictingId => (StatusCode::CONFLICT, "The job exists already"),
            ErrorKind::RunState => (StatusCode::CONFLICT, "The run is in another state"),
            ErrorKind::NotRunning => (StatusCode::CONFLICT, "The scheduler is not running"),
            ErrorKind::Outdated => {
                (StatusCode::PRECONDITION_FAILED, "The job has changed since it was read")
            }
            ErrorKind::Config
            | ErrorKind::UnknownPlugin
            | ErrorKind::InvalidTrigger
            | ErrorKind::UnknownFunction
            | ErrorKind::InvalidArguments
            | ErrorKind::InvalidJob
            | ErrorKind::Unsupported
            | ErrorKind::BrokenRecord => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The request is not valid")
            }
            ErrorKind::Unavailable | ErrorKind::StoreReplaced => {
                (StatusCode::SERVICE_UNAVAILABLE, "The job store is not available")
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "The call failed"),
        };
        let mut problem = Self::new(status, title, error.message());
        problem.job_id = error.job_id().map(str::to_owned);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status_code;
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
