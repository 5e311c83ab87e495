//! Errors as `application/problem+json` (RFC 9457).

mod pointer;

use apscheduler_core::{Error, ErrorKind};
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::redaction::without_passwords;

/// What is wrong with a request.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Problem(Box<Content>);

#[derive(Debug, Serialize)]
struct Content {
    #[serde(skip)]
    status_code: StatusCode,
    status: u16,
    /// In a few words, the same for each problem of the kind.
    title: &'static str,
    /// What is wrong, and what would be right.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    /// Where in the body it is, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// The nearest value that would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<String>,
    /// After how many seconds to try again.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        let detail = without_passwords(&detail.into()).into_owned();
        Self(Box::new(Content {
            status_code: status,
            status: status.as_u16(),
            title,
            suggestion: pointer::suggestion(&detail),
            detail,
            job_id: None,
            pointer: None,
            retry_after: None,
        }))
    }

    /// The problem that a call has with the body of a request.
    pub(crate) fn in_body(error: Error, body: &Value) -> Self {
        Self::from(error).pointing_into(body)
    }

    /// Says where in the body of the request it is, as far as its text tells.
    pub(crate) fn pointing_into(mut self, body: &Value) -> Self {
        self.0.pointer = pointer::pointer(body, &self.0.detail);
        self
    }

    /// Says at which value of the body it is.
    pub(crate) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.0.pointer = Some(pointer.into());
        self
    }

    /// Says after how many seconds to try again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status_code
    }
}

/// Makes a problem of an error that is not one: of the router, and of layers that know nothing of problems.
pub(crate) async fn of_plain_error(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_plain = kind.is_none_or(|kind| kind.starts_with("text/plain"));
    if !is_plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let detail = match status {
        StatusCode::NOT_FOUND => "there is nothing at this path; `openapi.json` lists the paths",
        StatusCode::METHOD_NOT_ALLOWED => {
            "the path has other methods; the header `Allow` lists them"
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            "the answer took too long; what was asked for may still be done"
        }
        StatusCode::PAYLOAD_TOO_LARGE => "the body is too large",
        _ => status.canonical_reason().unwrap_or("the request failed"),
    };
    let allow = response.headers().get(ALLOW).cloned();
    let mut problem = Problem::new(status, "The request failed", detail).into_response();
    if let Some(allow) = allow {
        problem.headers_mut().insert(ALLOW, allow);
    }
    problem
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
        problem.0.job_id = error.job_id().map(str::to_owned);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.0.status_code;
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
