//! Instants, zones, text dates, and the clock that all time comes through.

mod clock;
mod local_zone;
mod posix_zone;
mod text;
mod zone;
mod zone_file;
mod zone_spans;

pub use clock::{Clock, SystemClock, Waker};
pub use local_zone::LocalZone;
pub use text::{parse_date, parse_datetime};
pub use zone::Zone;
pub use zone_spans::{Span, Spans};

/// An instant in UTC. Schedulers and stores work to the microsecond.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Returns the instant this many microseconds after the start of the Unix epoch; the first or the last instant where the
/// number is beyond them. [`to_micros`] is its reverse.
pub fn from_micros(micros: i64) -> Timestamp {
    let beyond = if micros < 0 { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC };
    Timestamp::from_timestamp_micros(micros).unwrap_or(beyond)
}

/// Returns the microseconds from the start of the Unix epoch to an instant: what stores that keep numbers write.
///
/// The first and the last instant are the ends of `i64`, so that a page of a listing goes on after a record whose number
/// somebody has set to such an end.
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
