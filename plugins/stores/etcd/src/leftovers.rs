//! What calls have left that never ended, because their process was killed.

use apscheduler_core::Result;
use apscheduler_core::time::{Clock as _, SystemClock, to_micros};

use crate::access::Access;
use crate::transaction::{Operations, Query};

/// How long it is kept, in microseconds: a week.
const LEFT_FOR: i64 = 7 * 24 * 60 * 60 * 1_000_000;

/// Removes what calls have left that never ended.
pub(crate) fn remove_old(access: &Access) -> Result<()> {
    let keys = access.keys();
    let before = to_micros(SystemClock.now()).saturating_sub(LEFT_FOR);
    let all = keys.tokens();
    let mut old = Operations::default();
    for found in access.read_one(Query::range(&all, usize::MAX))?.entries {
        let Some(token) = found.key.strip_prefix(&all.from).and_then(|key| key.strip_suffix("/at"))
        else {
            continue;
        };
        let time = found.text().parse::<i64>();
        if time.is_ok_and(|time| time < before) {
            old.delete_range(keys.token(token));
        }
    }
    let staged = keys.staged();
    let mut last = None;
    for found in access.read_one(Query::range(&staged, usize::MAX).keys_only())?.entries {
        // The name of a call begins with its time.
        let Some((call, _)) =
            found.key.strip_prefix(&staged.from).and_then(|key| key.split_once('/'))
        else {
            continue;
        };
        let time = call.split_once('.').and_then(|(time, _)| time.parse::<i64>().ok());
        if time.is_some_and(|time| time < before) && last.as_deref() != Some(call) {
            old.delete_range(keys.staged_by(call));
            last = Some(call.to_owned());
        }
    }
    if old.is_empty() {
        return Ok(());
    }
    access.note(Vec::new(), old).map(drop)
}
