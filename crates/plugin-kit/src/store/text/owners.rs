//! Owners of runs as text.

use std::borrow::Cow;

use apscheduler_core::ledger::{OwnerRecord, OwnerState};
use apscheduler_core::run::Owner;
use apscheduler_core::time::{duration_from_micros, duration_to_micros, from_micros, to_micros};
use serde::{Deserialize, Serialize};

/// Who an owner is.
#[derive(Serialize, Deserialize)]
struct OwnerText<'a> {
    name: Cow<'a, str>,
    host: Cow<'a, str>,
    pid: u32,
}

/// Returns the name, the host and the process of an owner as JSON.
pub fn owner_text(owner: &Owner) -> String {
    let text =
        OwnerText { name: (&*owner.name).into(), host: (&*owner.host).into(), pid: owner.pid };
    // Text and numbers are always valid JSON.
    serde_json::to_string(&text).unwrap_or_default()
}

/// Returns the record of an owner as `STATE HEARTBEAT LEASE {...}`, without its identifier. Heartbeat and lease are in
/// microseconds.
pub fn owner_record_text(record: &OwnerRecord) -> String {
    let OwnerRecord { owner, state, heartbeat, lease, .. } = record;
    let (heartbeat, lease) = (to_micros(*heartbeat), duration_to_micros(*lease));
    format!("{} {heartbeat} {lease} {}", state.name(), owner_text(owner))
}

/// Reads an owner from its identifier and what [`owner_record_text`] returned. Returns `None` if a manual edit broke it.
pub fn read_owner(id: &str, value: &str) -> Option<OwnerRecord> {
    let mut words = value.splitn(4, ' ');
    let state = OwnerState::from_name(words.next()?)?;
    let heartbeat = from_micros(words.next()?.parse().ok()?);
    let lease = duration_from_micros(words.next()?.parse().ok()?);
    let OwnerText { name, host, pid } = serde_json::from_str(words.next()?).ok()?;
    let owner = Owner::with_id(id.parse().ok()?, name, host, pid);
    Some(OwnerRecord::new(owner, state, heartbeat, lease))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_owner_is_read_as_it_was_written() {
        let owner = Owner::new("shop \"1\"", "host1", 4711);
        let (heartbeat, lease) = (from_micros(-5), Duration::from_secs(60));
        let record = OwnerRecord::new(owner, OwnerState::Ended, heartbeat, lease);
        let text = owner_record_text(&record);
        assert!(text.starts_with("ended -5 60000000 {\"name\":"), "{text}");
        assert_eq!(read_owner(&record.owner.id.to_string(), &text), Some(record));
    }

    #[test]
    fn damaged_text_is_no_owner() {
        assert_eq!(read_owner("me", "alive 1 2 {}"), None);
        let id = Owner::new("shop", "host1", 1).id.to_string();
        for text in ["", "alive", "alive 1 2 {}", "asleep 1 2 {\"name\":\"\",\"host\":\"\",\"pid\":1}"] {
            assert_eq!(read_owner(&id, text), None, "{text}");
        }
    }
}
