//! What the suites have in common: a case becomes a test of a test program.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use apscheduler_core::function::JobError;
use libtest_mimic::{Completion, Trial};

/// A case that has not ended by then hangs; it must not take the whole program with it.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// A test of this name. The case fails by a panic, or by taking too long; it returns the reason where it can't be run.
pub(crate) fn trial(
    name: String,
    case: impl FnOnce() -> Option<&'static str> + Send + 'static,
) -> Trial {
    let thread = std::thread::Builder::new().name(name.clone());
    Trial::ignorable_test(name, move || {
        let (sender, receiver) = channel();
        let runner = thread.spawn(move || {
            let unmet = case();
            // Nobody listens any more when the time is over.
            let _ = sender.send(unmet);
        })?;
        match receiver.recv_timeout(TIME_LIMIT) {
            Ok(None) => Ok(Completion::Completed),
            Ok(Some(unmet)) => Ok(Completion::ignored_with(unmet)),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("it has not ended after {} s", TIME_LIMIT.as_secs()).into())
            }
            Err(RecvTimeoutError::Disconnected) => {
                let payload = runner.join().err();
                let error = payload.map(|payload| JobError::from_panic(&*payload));
                Err(error.map_or_else(|| "it ended without an answer".into(), Into::into))
            }
        }
    })
}
