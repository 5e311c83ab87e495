//! Runs the job: an exchange that can be cancelled.

use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Wake, Waker};
use std::time::Instant;

use apscheduler_core::executor::CancellationToken;
use apscheduler_core::function::{JobContext, JobError};
use serde_json::{Value, json};

use crate::exchange::{self, Answer, Outcome};
use crate::options::HttpOptions;

pub(crate) fn run(context: &JobContext, options: HttpOptions) -> Result<Value, JobError> {
    let begin = Instant::now();
    let (method, expect) = (options.method.clone(), options.expect.clone());
    let outcome = run_cancellable(options, context.cancellation())?;
    let place = outcome.place;
    let failed = |reason: &str| JobError::new(format!("{method} {place}: {reason}"));
    let Answer { status, text, held_back } = outcome.answer.map_err(|reason| failed(&reason))?;
    tracing::info!(
        target: "apscheduler::http",
        job_id = context.job_id(),
        "{method} {place}: {status} after {:.3} s",
        begin.elapsed().as_secs_f64()
    );
    let expected = match expect.as_slice() {
        [] => (200..300).contains(&status),
        list => list.contains(&status),
    };
    if expected {
        return Ok(json!({"status": status, "body": text}));
    }
    let note = if held_back {
        "; the headers and the password of the job are sent only to the host of `url`"
    } else {
        ""
    };
    let error = failed(&format!("unexpected status {status}{note}"));
    Err(if text.is_empty() { error } else { error.with_trace(text) })
}

/// A message to the waiting thread.
enum Message {
    /// The token may have been cancelled.
    Woken,
    Ended(std::thread::Result<Outcome>),
}

struct MessageWaker(Sender<Message>);

impl Wake for MessageWaker {
    fn wake(self: Arc<Self>) {
        // The receiver is gone if the exchange has ended.
        let _ = self.0.send(Message::Woken);
    }
}

/// Makes the exchange. Returns at once when the token is cancelled.
///
/// The exchange has a thread of its own, since name resolution and connecting can't be interrupted. After a cancellation,
/// that thread fails when it next sends or receives, at the latest at its timeout.
fn run_cancellable(
    options: HttpOptions,
    cancellation: &CancellationToken,
) -> Result<Outcome, JobError> {
    let place = format!("{} {}", options.method, options.address.shown());
    let cancelled = || {
        JobError::new(format!(
            "{place}: cancelled by the `timeout` of the job or the shutdown of the scheduler"
        ))
    };
    let agent = exchange::agent();
    let (sender, messages) = channel();
    let waker = Waker::from(Arc::new(MessageWaker(sender.clone())));
    let mut cancellation_future = pin!(cancellation.cancelled());
    if cancellation_future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
        return Err(cancelled());
    }
    let shared = agent.clone();
    let thread = std::thread::Builder::new().name("apscheduler-http".to_owned()).spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| exchange::exchange(&shared, &options)));
        // The receiver is gone if the run was cancelled.
        let _ = sender.send(Message::Ended(outcome));
    });
    thread.map_err(|error| JobError::new(format!("can't start a thread: {error}")))?;
    for message in messages {
        match message {
            Message::Ended(Ok(outcome)) => return Ok(outcome),
            Message::Ended(Err(panic)) => resume_unwind(panic),
            Message::Woken if cancellation.is_cancelled() => {
                agent.shutdown();
                return Err(cancelled());
            }
            Message::Woken => {}
        }
    }
    Err(JobError::new(format!("{place}: the exchange ended without a result")))
}
