//! Records and journal entries as Redis keeps them.

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{Batch, BatchId, Journal, OpenRun, RunRecord};
use apscheduler_core::store::{Claim, ClaimRequest};
use apscheduler_core::time::to_micros;
use apscheduler_plugin_kit::store::text;

use crate::names::STORE_NAME;

/// Returns the field of a record: `RUN ATTEMPT`.
pub(crate) fn run_text(record: &RunRecord) -> String {
    format!("{} {}", record.run_id, record.attempt)
}

/// Reads the record of a run, given as `RUN ATTEMPT`. Returns `None` if a manual edit broke it.
pub(crate) fn read_record(run: &str, job: Arc<str>, value: &[u8]) -> Option<RunRecord> {
    let (run, attempt) = run.split_once(' ')?;
    text::read_record(run.parse().ok()?, attempt.parse().ok()?, job, value)
}

/// Returns the identifier of a batch, its owner, and when it was claimed; empty texts for none.
pub(crate) fn batch_texts(batch: Option<Batch>) -> [String; 3] {
    let texts = |Batch { id, owner, claimed, .. }| {
        [id.to_string(), owner.to_string(), to_micros(claimed).to_string()]
    };
    batch.map(texts).unwrap_or_default()
}

/// Returns the entry of a claim in the journal of the batch, which is empty if it has none, and its open runs. The entries
/// between brackets, with commas, are the text of a journal.
pub(crate) fn entry_text(due: &ClaimRequest, claim: &Claim) -> (String, Vec<OpenRun>) {
    let Some(journal) = due.journal([(&claim.record, &claim.outcome)]) else {
        return Default::default();
    };
    let text = journal.encode();
    let entry = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    (entry.unwrap_or_default().to_owned(), journal.open)
}

/// Reads a journal entry: `OWNER CLAIMED ENTRIES`.
///
/// # Errors
/// [`ErrorKind::Store`](apscheduler_core::ErrorKind::Store) if it is damaged.
pub(crate) fn read_journal(id: BatchId, value: &[u8]) -> Result<Journal> {
    text::read_journal(id, value).map_err(|error| error.with_plugin(STORE_NAME))
}

#[cfg(test)]
mod tests {
    use apscheduler_core::ledger::RunState;
    use apscheduler_core::run::{OwnerId, RunId};
    use apscheduler_core::time::from_micros;

    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let time = from_micros(1_800_000_000_000_001);
        let record = RunRecord::new(RunId::new(time), "a", time, OwnerId::random(), RunState::Ok);
        let record = record.attempt(12);
        let text = text::record_text(&record);
        let read = |run: &str| read_record(run, Arc::clone(&record.job_id), text.as_bytes());
        assert_eq!(read(&run_text(&record)), Some(record.clone()));
        assert_eq!(read("run"), None);
    }
}
