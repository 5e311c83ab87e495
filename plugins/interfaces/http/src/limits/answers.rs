//! The answers to requests with an `Idempotency-Key`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};

use crate::problem::Problem;

/// How long answers are kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most answers that are kept, and the most bytes of all of them.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 32 * 1024 * 1024;

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
pub(crate) type Key = (Arc<str>, String);

#[derive(Debug)]
struct Known {
    /// The hash of the request.
    request: [u8; 32],
    /// `None` while it is in progress.
    answer: Option<Answer>,
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answers {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request, or returns the answer that it has had.
    pub(crate) fn begin(
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
    pub(crate) fn end(&self, key: &Key, answer: Option<Answer>, now: Duration) {
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

fn refused(status: StatusCode, detail: &str) -> Problem {
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
