//! `Idempotency-Key`: a request that is sent again is answered again, and not done again.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use crate::access::Identity;
use crate::app::App;
use crate::limits::{Answer, Key, MAX_BODY};
use crate::problem::Problem;

/// The longest key.
const LONGEST_KEY: usize = 255;

/// Does a request with an `Idempotency-Key` once, and answers it as often as it is sent.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let given = request.headers().get("idempotency-key").cloned();
    // The others are safe to send again, or name the revision that they change.
    let Some(given) = given.filter(|_| *request.method() == Method::POST) else {
        return next.run(request).await;
    };
    answered(app, &given, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answered(
    app: App,
    given: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let given = given.to_str().ok().filter(|given| (1..=LONGEST_KEY).contains(&given.len()));
    let given = given.ok_or_else(|| {
        let detail =
            format!("`Idempotency-Key`: expected 1 to {LONGEST_KEY} visible ASCII characters");
        refused(StatusCode::BAD_REQUEST, detail)
    })?;
    let (parts, body) = request.into_parts();
    let who = parts.extensions.get::<Identity>().map(|who| Arc::clone(who.name()));
    let key = (who.unwrap_or_default(), given.to_owned());
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| {
        refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or was not sent to its end")
    })?;
    let mut hash = Sha256::new();
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    for part in [parts.method.as_str().as_bytes(), target.as_bytes(), &body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let now = app.scheduler().clock().elapsed();
    if let Some(answer) = app.answers().begin(&key, hash.finalize().into(), now)? {
        return Ok(again(answer));
    }
    // It is done to its end, even if the client goes away: the client can't know what was done.
    let request = Request::from_parts(parts, Body::from(body));
    let done = tokio::spawn(async move {
        let mut pending = Pending { app: &app, key: &key, answer: None };
        let (response, answer) = kept(next.run(request).await).await;
        pending.answer = answer;
        drop(pending);
        response
    });
    done.await.map_err(|error| {
        tracing::error!("a request with an `Idempotency-Key` has ended early: {error}");
        refused(StatusCode::INTERNAL_SERVER_ERROR, "the request has ended early")
    })
}

/// A request in progress. It ends when this is dropped: without an answer, if the handler panics.
struct Pending<'a> {
    app: &'a App,
    key: &'a Key,
    answer: Option<Answer>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let now = self.app.scheduler().clock().elapsed();
        self.app.answers().end(self.key, self.answer.take(), now);
    }
}

/// Returns a response, and what to keep of it.
async fn kept(response: Response) -> (Response, Option<Answer>) {
    let is_final = !response.status().is_server_error();
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return (StatusCode::INTERNAL_SERVER_ERROR.into_response(), None);
    };
    let mut headers = HeaderMap::new();
    for name in [CONTENT_TYPE, ETAG] {
        if let Some(value) = parts.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    let answer = Answer { status: parts.status, headers, body: body.clone() };
    let response = Response::from_parts(parts, Body::from(body));
    (response, is_final.then_some(answer))
}

fn again(answer: Answer) -> Response {
    let mut response = (answer.status, answer.headers, answer.body).into_response();
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

fn refused(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem::new(status, "The key of the request can't be used", detail)
}
