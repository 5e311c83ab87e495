//! The query of a request, with an error that says what is wrong.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The query of a request.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(not_valid(rejection.body_text())),
        }
    }
}

/// A value of a query that is not valid.
pub(crate) fn not_valid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "The query is not valid", detail)
}

/// Returns a number of a query, if it is from 1 to `most`.
pub(crate) fn within(
    name: &str,
    given: Option<usize>,
    default: usize,
    most: usize,
) -> Result<usize, Problem> {
    let number = given.unwrap_or(default);
    if (1..=most).contains(&number) {
        return Ok(number);
    }
    Err(not_valid(format!("{name}: expected 1 to {most}, found {number}")))
}
