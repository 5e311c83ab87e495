//! The text form of jobs, run times and the records of a ledger, for stores that keep them under keys.
//!
//! Texts begin with what a store compares or sorts by. A reader takes what a manual edit has broken as far as it can.

mod jobs;
mod ledger;
mod open_runs;

pub use jobs::{PAUSED, job_text, read_job, read_run_time, read_time, run_time_text, time_text};
pub use ledger::{
    batch_text, journal_text, owner_record_text, owner_text, read_journal, read_owner, read_record,
    record_text, run_text,
};
pub use open_runs::{mark_text, read_row, row_text};
