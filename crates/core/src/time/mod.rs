//! Instants, zones, text dates, and the clock that all time comes through.

mod clock;
mod text;
mod zone;
mod zone_spans;

pub use clock::{Clock, SystemClock, Waker};
pub use text::{parse_date, parse_datetime};
pub use zone::Zone;
pub use zone_spans::{Span, Spans};

/// An instant in UTC. Schedulers and stores work to the microsecond.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// The instant that lies so many microseconds behind the start of the Unix epoch; the first or last that there is where
/// the number is beyond them.
pub fn from_micros(micros: i64) -> Timestamp {
    let beyond = if micros < 0 { Timestamp::MIN_UTC } else { Timestamp::MAX_UTC };
    Timestamp::from_timestamp_micros(micros).unwrap_or(beyond)
}
