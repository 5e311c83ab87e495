//! Waiting for what has to happen.

use std::time::{Duration, Instant};

/// How long a case waits for what has to happen.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

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
