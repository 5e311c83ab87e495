//! Two releases that use one store at the same time.
//!
//! A process of an earlier release may still run when a process of this one has migrated the schema. The tests of a store
//! that had earlier schemas contain a store that executes the statements of an earlier release. These functions check that
//! both get along. Both stores are started, have no jobs, and keep text.

mod jobs;
mod runs;

pub use jobs::{
    changes_are_seen, each_run_time_is_claimed_once, jobs_of_a_later_form_are_left_alone,
};
pub use runs::{
    entries_with_skipped_run_times_are_refused, runs_of_the_earlier_release_are_settled,
    runs_of_the_present_release_are_settled,
};

use apscheduler_core::ledger::{Batch, Journal, JournalEntry};
use apscheduler_core::run::RunId;
use apscheduler_core::store::JobStore;
use apscheduler_core::time::from_micros;
use apscheduler_core::{Error, ErrorKind, Result};
use serde::Deserialize;

/// One of these checks: of a store of the earlier release, and one of this release.
pub type Check = fn(earlier: &dyn JobStore, present: &dyn JobStore);

/// Writes a test for each check. `$check` is called with the release, a variant of `$release`, and the [`Check`].
#[macro_export]
macro_rules! two_releases_tests {
    ($release:ident, $check:ident) => {
        $crate::two_releases_tests!($release, $check, [WithoutLedger, WithoutOpenRuns]:
            each_run_time_is_claimed_once, changes_are_seen, jobs_of_a_later_form_are_left_alone);
        $crate::two_releases_tests!($release, $check, [WithoutOpenRuns]:
            runs_of_the_earlier_release_are_settled, runs_of_the_present_release_are_settled,
            entries_with_skipped_run_times_are_refused);
    };
    ($release:ident, $check:ident, $variants:tt: $($name:ident),*) => {
        $($crate::two_releases_tests!(@test $release, $check, $variants, $name);)*
    };
    (@test $release:ident, $check:ident, [$($variant:ident),*], $name:ident) => {
        #[test]
        fn $name() {
            $($check($release::$variant, $crate::stores::two_releases::$name);)*
        }
    };
}

/// Returns whether the releases of commits 4cb45cc and 782c1ff restore a job with this text. Before anything else, they
/// check the version of its form, and set aside a job of a later one than theirs.
pub fn is_read_by_earlier_releases(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    serde_json::from_str(text).is_ok_and(|Versioned { version }| version <= 1)
}

/// Reads a journal entry as the release of commit 782c1ff does.
///
/// # Errors
/// If the entry is damaged, or has run times that a claim skips: they came later.
pub fn decode_journal_of_782c1ff(batch: Batch, text: &str) -> Result<Journal> {
    #[derive(Deserialize)]
    struct EntryText(String, RunId, Vec<i64>);
    let entries: Vec<EntryText> = serde_json::from_str(text).map_err(|error| {
        let message = format!("the journal entry {} is damaged", batch.id);
        Error::new(ErrorKind::Store, message).with_source(error)
    })?;
    let entries = entries.into_iter().map(|EntryText(job_id, first_run, run_times)| {
        JournalEntry::new(job_id, first_run, run_times.into_iter().map(from_micros).collect())
    });
    Ok(Journal::new(batch, entries.collect()))
}
