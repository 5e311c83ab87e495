//! Instants, zones, text dates, and the clock.

mod clock;
mod local_zone;
mod posix_zone;
mod text;
mod zone;
mod zone_file;
mod zone_spans;

use std::time::Duration;

pub use clock::{Clock, SystemClock, Waker};
pub use local_zone::LocalZone;
pub use text::{parse_date, parse_datetime};
pub use zone::Zone;
pub use zone_spans::{Span, Spans};

/// An instant in UTC. Schedulers and stores use microsecond precision.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Returns the instant this many microseconds after the Unix epoch, or the first or last instant if
/// the number is out of range. [`to_micros`] is the reverse.
pub fn from_micros(micros: i64) -> Timestamp {
    let beyond = if micros < 0 { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC };
    Timestamp::from_timestamp_micros(micros).unwrap_or(beyond)
}

/// Returns a length of time in microseconds, at most `i64::MAX`. [`duration_from_micros`] is the reverse.
pub fn duration_to_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Returns the length of time of this many microseconds; zero if the number is negative.
pub fn duration_from_micros(micros: i64) -> Duration {
    Duration::from_micros(micros.max(0).cast_unsigned())
}

/// Returns the microseconds from the Unix epoch to an instant, as written by stores that keep
/// numbers.
///
/// The first and the last instant map to the ends of `i64`, so that a listing can continue after a
/// record whose number was manually set to such an end.
pub fn to_micros(instant: Timestamp) -> i64 {
    let micros = instant.timestamp_micros();
    if micros <= Timestamp::MIN_UTC.timestamp_micros() {
        i64::MIN
    } else if micros >= Timestamp::MAX_UTC.timestamp_micros() {
        i64::MAX
    } else {
        micros
    }
}
