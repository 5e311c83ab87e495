//! One exchange.

use std::time::Instant;

use apscheduler_core::function::JobError;
use serde_json::{Value, json};
use ureq::http::{Request, Uri};

use crate::options::{Body, HttpOptions};

/// How many characters of an answer are kept.
const KEPT: usize = 4096;
/// How many bytes of an answer are read.
const READ: u64 = 1024 * 1024;

pub(crate) fn run(job_id: &str, options: &HttpOptions) -> Result<Value, JobError> {
    let begin = Instant::now();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(options.timeout))
        .http_status_as_error(false)
        .user_agent(concat!("apscheduler/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = Request::builder().method(options.method.clone()).uri(options.uri.clone());
    if let Some(Body::Json(_)) = &options.body {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in &options.headers {
        request = request.header(name.clone(), value.clone());
    }
    let place = shown(&options.uri);
    let failed = |error: ureq::Error| JobError::new(format!("{} {place}: {error}", options.method));
    let response = match &options.body {
        Some(Body::Text(text) | Body::Json(text)) => request
            .body(text.as_str())
            .map_err(ureq::Error::from)
            .and_then(|request| agent.run(request)),
        None => request.body(()).map_err(ureq::Error::from).and_then(|request| agent.run(request)),
    };
    let mut response = response.map_err(failed)?;
    let status = response.status().as_u16();
    let bytes = response.body_mut().with_config().limit(READ).read_to_vec();
    // A longer answer is cut, and a broken one need not matter: the status has come.
    let text: String =
        String::from_utf8_lossy(&bytes.unwrap_or_default()).chars().take(KEPT).collect();
    tracing::info!(
        target: "apscheduler::http",
        job_id,
        "{} {place}: {status} after {:.3} s",
        options.method,
        begin.elapsed().as_secs_f64()
    );
    let expected = match options.expect.as_slice() {
        [] => (200..300).contains(&status),
        list => list.contains(&status),
    };
    if expected {
        return Ok(json!({"status": status, "body": text}));
    }
    let error = JobError::new(format!("{} {place}: unexpected status {status}", options.method));
    Err(if text.is_empty() { error } else { error.with_trace(text) })
}

/// The address without user, password and query.
fn shown(uri: &Uri) -> String {
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{}://{}{port}{}",
        uri.scheme_str().unwrap_or_default(),
        uri.host().unwrap_or_default(),
        uri.path()
    )
}
