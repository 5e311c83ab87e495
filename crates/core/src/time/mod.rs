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
