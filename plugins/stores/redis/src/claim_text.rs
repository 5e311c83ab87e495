//! The text form of claims, for the script that writes them.

use apscheduler_core::ledger::{Batch, OpenRun};
use apscheduler_core::store::{Claim, ClaimRequest};
use apscheduler_core::time::to_micros;

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
