//! Bodies of requests.

use apscheduler_core::Error;
use apscheduler_core::options::{self, oversized_integer};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// The body of a request: a JSON object that was read as `T`.
pub(crate) struct Body<T> {
    pub(crate) value: T,
    /// The object itself, into which errors point.
    pub(crate) raw: Value,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send JSON, with `Content-Type: application/json`";
            return Err(not_valid(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| not_read(&error))?;
        read(object(&bytes)?)
    }
}

/// The body of a request that may be empty.
pub(crate) struct OptionalBody<T>(pub(crate) Body<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.headers().get(CONTENT_TYPE).is_some() {
            return Body::from_request(request, state).await.map(Self);
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| not_read(&error))?;
        if bytes.is_empty() {
            return read(Map::new()).map(Self);
        }
        let detail = "send JSON, with `Content-Type: application/json`";
        Err(not_valid(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|given| given.to_str().ok());
    let kind = given.and_then(|given| given.split(';').next()).unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

fn not_read(error: &BytesRejection) -> Problem {
    not_valid(error.status(), error.body_text())
}

fn not_valid(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, "The body is not valid", detail)
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let bad = |detail: String| not_valid(StatusCode::BAD_REQUEST, detail);
    let text =
        std::str::from_utf8(bytes).map_err(|error| bad(format!("it is not UTF-8: {error}")))?;
    let value =
        serde_json::from_str(text).map_err(|error| bad(format!("it is not JSON: {error}")))?;
    if let Some(number) = oversized_integer(text) {
        let detail =
            format!("{number} has more than 64 bits, and would lose digits; send it as text");
        return Err(not_valid(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    match value {
        Value::Object(object) => Ok(object),
        other => {
            let detail = format!("expected an object, found {}", options::kind(&other));
            Err(not_valid(StatusCode::UNPROCESSABLE_ENTITY, detail))
        }
    }
}

fn read<T: DeserializeOwned>(object: Map<String, Value>) -> Result<Body<T>, Problem> {
    let value = options::parse("the body", &object);
    let raw = Value::Object(object);
    let value = value.map_err(|error: Error| {
        not_valid(StatusCode::UNPROCESSABLE_ENTITY, error.message()).pointing_into(&raw)
    })?;
    Ok(Body { value, raw })
}
