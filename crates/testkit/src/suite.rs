//! Turns the cases of the suites into tests of a test program.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use apscheduler_core::function::JobError;
use libtest_mimic::{Completion, Trial};

/// A case that takes longer hangs; it must not block the whole program.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// Returns a test of this name. The case fails if it panics or takes too long; it returns the
/// reason if it can't be run.
pub(crate) fn trial(
    name: String,
    case: impl FnOnce() -> Option<&'static str> + Send + 'static,
) -> Trial {
    let thread = std::thread::Builder::new().name(name.clone());
    Trial::ignorable_test(name, move || {
        let (sender, receiver) = channel();
        let runner = thread.spawn(move || {
            let unmet = case();
            // The receiver is gone if the time limit has passed.
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
                Err(error.map_or_else(|| "it ended without a result".into(), Into::into))
            }
        }
    })
}
