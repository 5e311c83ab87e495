//! Run times, records, owners, journal entries and rows of open runs as text, for stores that keep text under keys.
//!
//! All texts are readable. Times are in microseconds since 1970, except where the text has to sort as the times do.

mod journal;
mod owners;
mod records;
mod rows;
mod times;

pub use journal::{batch_text, read_journal};
pub use owners::{owner_record_text, owner_text, read_owner};
pub use records::{read_record, record_text};
pub use rows::{mark_text, read_row, row_text};
pub use times::{PAUSED, read_run_time, read_time, run_time_text, time_text};
