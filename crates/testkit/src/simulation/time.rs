//! Simulated time.

use std::fmt;

use apscheduler_core::time::{Timestamp, from_micros, to_micros};

/// Simulated time, in microseconds since the start of the simulation.
pub(super) type Micros = u64;

pub(super) const SECOND: Micros = 1_000_000;

/// What a clock that is right shows at the start: 2027-01-01, 00:00 UTC.
const START: i64 = 1_798_761_600_000_000;

/// Returns what a clock that is right shows.
pub(super) fn timestamp(time: Micros) -> Timestamp {
    from_micros(START + time.cast_signed())
}

/// Returns the simulated time of what a clock that is right showed, which may be before the start.
pub(super) fn since_start(timestamp: Timestamp) -> i64 {
    to_micros(timestamp) - START
}

/// Shows a time as seconds since the start.
pub(super) struct Seconds(pub(super) i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let (whole, part) = (micros / SECOND, micros % SECOND);
        if part.is_multiple_of(SECOND) {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{part:06}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}
