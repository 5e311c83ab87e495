//! The revision of a job that a request is about.

use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};

use crate::problem::Problem;

/// Reads `If-Match`: the `ETag` of the job, or `*` for whichever revision it has.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(given) = headers.get(IF_MATCH) else {
        return Err(missing("send `If-Match` with the ETag of the job as you read it, or `*`"));
    };
    let given = given.to_str().unwrap_or_default().trim();
    if given == "*" {
        return Ok(None);
    }
    let number = given.strip_prefix('"').and_then(|given| given.strip_suffix('"'));
    let number = number.and_then(|number| number.parse().ok());
    number.map(Some).ok_or_else(|| {
        Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "The job has changed since it was read",
            "`If-Match` is not an ETag of a job",
        )
    })
}

/// The problem of a request that does not say which revision it is about.
pub(crate) fn missing(detail: &'static str) -> Problem {
    let title = "The revision of the job is missing";
    Problem::new(StatusCode::PRECONDITION_REQUIRED, title, detail)
}
