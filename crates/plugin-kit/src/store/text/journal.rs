//! Entries of the journal of claims as text.

use apscheduler_core::ledger::{Batch, BatchId, Journal};
use apscheduler_core::time::{from_micros, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};

/// Returns what precedes the entries of a batch: `OWNER CLAIMED`.
pub fn batch_text(batch: Batch) -> String {
    format!("{} {}", batch.owner, to_micros(batch.claimed))
}

/// Reads the entries of a batch: `OWNER CLAIMED ENTRIES`, where the entries are those of [`Journal::encode`].
///
/// # Errors
/// [`ErrorKind::Store`] if the text is damaged.
pub fn read_journal(id: BatchId, value: &[u8]) -> Result<Journal> {
    let value = String::from_utf8_lossy(value);
    let mut words = value.splitn(3, ' ');
    let mut batch = || {
        let (owner, claimed) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Batch::with_id(id, owner, from_micros(claimed)))
    };
    let batch = batch().ok_or_else(|| {
        Error::new(ErrorKind::Store, format!("the journal entry {id} is damaged"))
    })?;
    Journal::decode(batch, words.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use apscheduler_core::ledger::JournalEntry;
    use apscheduler_core::run::{OwnerId, RunId};

    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let time = from_micros(1_800_000_000_000_001);
        let batch = Batch::new(OwnerId::random(), time);
        let journal = Journal::new(batch, vec![JournalEntry::new("a b", RunId::new(time), vec![time])]);
        let text = format!("{} {}", batch_text(batch), journal.encode());
        assert_eq!(read_journal(batch.id, text.as_bytes()).unwrap(), journal);
    }

    #[test]
    fn damaged_text_is_an_error() {
        let batch = RunId::new(from_micros(0));
        for text in ["", "me 1 []", "00000000-0000-0000-0000-000000000000 1 [[1]]"] {
            let error = read_journal(batch, text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("is damaged"), "{error}");
        }
    }
}
