//! Waits for conditions.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a case waits for an expected condition.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Runs `work` on its own thread and returns its result.
///
/// # Panics
/// If it does not return in time, or panics.
pub fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(work()));
    match receiver.recv_timeout(DEADLINE) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs: {what}"),
        Err(RecvTimeoutError::Disconnected) => panic!("it panicked: {what}"),
    }
}

/// Waits until a condition holds.
///
/// # Panics
/// If it does not hold in time.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "did not happen in time: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
