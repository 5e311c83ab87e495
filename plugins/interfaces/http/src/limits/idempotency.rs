//! `Idempotency-Key`: a request that is sent again is answered again, and not done again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use super::MAX_BODY;
use crate::access::Identity;
use crate::dashboard::App;
use crate::problem::Problem;

/// How long answers are kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most answers that are kept, and the most bytes of all of them.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The longest key.
const LONGEST_KEY: usize = 255;

/// The answers to requests with a key.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_key: HashMap<Key, Known>,
    /// The keys with an answer, the oldest first.
    order: VecDeque<(Duration, Key)>,
    bytes: usize,
}

/// Who has sent a request, and with which key.
type Key = (Arc<str>, String);

#[derive(Debug)]
struct Known {
    /// The hash of the request.
    request: [u8; 32],
    /// `None` while it is in progress.
    answer: Option<Answer>,
}

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answers {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request, or returns the answer that it has had.
    fn begin(
        &self,
        key: &Key,
        request: [u8; 32],
        now: Duration,
    ) -> Result<Option<Answer>, Problem> {
        let mut kept = self.kept();
        kept.forget(now, 0);
        match kept.by_key.get(key) {
            None if kept.by_key.len() >= MOST => {
                let detail = "too many requests with an `Idempotency-Key` are in progress";
                Err(refused(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1))
            }
            None => {
                kept.by_key.insert(key.clone(), Known { request, answer: None });
                Ok(None)
            }
            Some(known) if known.request != request => {
                let detail = "the `Idempotency-Key` was sent with another request; use a new one for each request";
                Err(refused(StatusCode::UNPROCESSABLE_ENTITY, detail))
            }
            Some(Known { answer: Some(answer), .. }) => Ok(Some(answer.clone())),
            Some(Known { answer: None, .. }) => {
                let detail = "the request with this `Idempotency-Key` is in progress";
                Err(refused(StatusCode::CONFLICT, detail).retry_after(1))
            }
        }
    }

    /// Keeps an answer, or forgets the request: one that failed may be sent again.
    fn end(&self, key: &Key, answer: Option<Answer>, now: Duration) {
        let mut kept = self.kept();
        let Some(answer) = answer else {
            kept.by_key.remove(key);
            return;
        };
        kept.forget(now, answer.body.len());
        kept.bytes += answer.body.len();
        if let Some(known) = kept.by_key.get_mut(key) {
            known.answer = Some(answer);
            kept.order.push_back((now, key.clone()));
        }
    }
}

impl Kept {
    /// Forgets answers that are too old, and the oldest if there are too many.
    fn forget(&mut self, now: Duration, more: usize) {
        while let Some((at, _)) = self.order.front() {
            let is_old = now.saturating_sub(*at) >= KEPT;
            let is_full = self.by_key.len() >= MOST || self.bytes + more > MOST_BYTES;
            if !is_old && !is_full {
                return;
            }
            let Some((_, key)) = self.order.pop_front() else { return };
            let known = self.by_key.remove(&key);
            let answer = known.and_then(|known| known.answer);
            self.bytes -= answer.map_or(0, |answer| answer.body.len());
        }
    }
}

/// Does a request with an `Idempotency-Key` once, and answers it as often as it is sent.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(given) = request.headers().get("idempotency-key").cloned() else {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(length: usize) -> Answer {
        let body = Bytes::from(vec![b'x'; length]);
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), body }
    }

    #[test]
    fn answers_are_kept_for_a_day_in_bounded_memory() {
        let answers = Answers::default();
        let key = |number: usize| -> Key { ("ada".into(), number.to_string()) };
        let at = Duration::from_secs;
        for number in 0..40 {
            assert!(answers.begin(&key(number), [0; 32], at(1)).unwrap().is_none());
            answers.end(&key(number), Some(answer(1024 * 1024)), at(1));
        }
        assert!(answers.kept().bytes <= MOST_BYTES);
        assert!(answers.begin(&key(39), [0; 32], at(2)).unwrap().is_some());
        assert!(answers.begin(&key(0), [0; 32], at(2)).unwrap().is_none(), "the oldest is gone");
        assert!(answers.begin(&key(39), [0; 32], at(24 * 3600 + 1)).unwrap().is_none());
        assert_eq!(answers.kept().bytes, 0);
        let many = Answers::default();
        for number in 0..MOST + 5 {
            many.begin(&key(number), [0; 32], at(1)).map(drop).unwrap_or_default();
        }
        assert_eq!(many.kept().by_key.len(), MOST, "those in progress are kept, and no more taken");
    }
}
