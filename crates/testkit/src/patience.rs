//! Waiting for what has to happen.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a case waits for what has to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// What `work` returns, which must not take for ever: it is done in a thread of its own.
///
/// # Panics
/// Where it does not return, or panics.
pub fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(work()));
    match receiver.recv_timeout(DEADLINE) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs: {what}"),
        Err(RecvTimeoutError::Disconnected) => panic!("it panicked: {what}"),
    }
}

/// Returns when this holds.
///
/// # Panics
/// Where it does not come to hold.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
