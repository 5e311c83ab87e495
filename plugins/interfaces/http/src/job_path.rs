//! The part of a path that names a job.

use apscheduler_core::job::JobKey;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::problem::Problem;

/// What need not be encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~').remove(b'.');

/// A job in a path: `JOBSTORE:ID`, each percent-encoded. The colon keeps ids such as `..` from being a part of the path that
/// clients leave out.
pub(crate) struct JobPath(pub(crate) JobKey);

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|error| malformed(&error.to_string()))?;
        // The parameter is decoded. What is encoded in it can't be told from what was encoded in the path any more.
        let decoded = params.iter().find(|(name, _)| *name == "job").map(|(_, decoded)| decoded);
        let is_it = |segment: &&str| {
            let segment = percent_decode_str(segment).decode_utf8();
            segment.ok().as_deref() == decoded
        };
        let raw = parts.uri.path().rsplit('/').find(is_it);
        raw.and_then(parse).map(Self).ok_or_else(|| {
            malformed("a job is named by JOBSTORE:ID, each percent-encoded, as in `default:backup`")
        })
    }
}

fn malformed(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "The path is not valid", detail)
}

fn parse(raw: &str) -> Option<JobKey> {
    let (store, id) = raw.split_once(':')?;
    let text = |raw| percent_decode_str(raw).decode_utf8().ok();
    Some(JobKey::in_store(&*text(store)?, &*text(id)?))
}

/// Returns the part of a path that names a job.
pub(crate) fn job_path(jobstore: &str, id: &str) -> String {
    format!("{}:{}", utf8_percent_encode(jobstore, ENCODED), utf8_percent_encode(id, ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_survives() {
        for id in ["backup", "..", ".", "a/b", "a:b", "a?b#c", "ünï%20", "\u{0}\n"] {
            for store in ["default", "a:b", "/"] {
                let path = job_path(store, id);
                assert!(!path.contains('/') && !path.contains('?'), "{path}");
                assert_eq!(parse(&path), Some(JobKey::in_store(store, id)), "{path}");
            }
        }
        assert_eq!(parse("backup"), None);
        assert_eq!(parse("default:%ff"), None);
    }
}
