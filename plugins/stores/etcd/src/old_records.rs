//! Finds the oldest records of a state, which come last in the order of their keys.

use apscheduler_core::Result;

use crate::access::Access;
use crate::keys::KeyRange;
use crate::transaction::Query;

/// How much the numbers of runs differ whose times differ by a second: they begin with milliseconds, before 80 other bits.
const SECOND: u128 = 1000 << 80;

/// Returns how many keys a range has.
pub(crate) fn count(access: &Access, range: &KeyRange) -> Result<usize> {
    if range.from >= range.to {
        return Ok(0);
    }
    Ok(access.read_one(Query::count(range))?.count)
}

/// Returns the last `limit` keys of a range of records, the last first.
///
/// The server reads a range from its beginning. So if the range has many more, its end is found by halving it.
pub(crate) fn oldest(access: &Access, range: &KeyRange, limit: usize) -> Result<Vec<String>> {
    if range.from >= range.to || limit == 0 {
        return Ok(Vec::new());
    }
    let mut end = range.clone();
    let most = limit.saturating_mul(2);
    let mut found = access.read_one(Query::range(&end, most).keys_only())?;
    if found.has_more {
        end = halve(access, range, limit, most)?;
        found = access.read_one(Query::range(&end, usize::MAX).keys_only())?;
    }
    Ok(found.entries.into_iter().rev().take(limit).map(|entry| entry.key).collect())
}

/// Returns the end of a range that has at least `least` keys and not many more than `most`.
fn halve(access: &Access, range: &KeyRange, least: usize, most: usize) -> Result<KeyRange> {
    // All records of a state have the same prefix, and then the digits of a number.
    let digits_at = range.from.rfind('/').map_or(0, |slash| slash + 1);
    let prefix = &range.from[..digits_at];
    let read = |key: &str| {
        let digits = key.strip_prefix(prefix)?.get(..32)?;
        u128::from_str_radix(digits, 16).ok()
    };
    let starting_at = |number: u128| range.starting_at(format!("{prefix}{number:032x}"));
    let (mut low, mut high) = (read(&range.from).unwrap_or(0), u128::MAX);
    let mut end = range.clone();
    if let Some(last) = read(&range.to) {
        // Usually the rest begins shortly before what was looked at last, and the server counts one key after the other.
        high = last;
        let steps = std::iter::successors(Some(SECOND), |step| step.checked_mul(4));
        for start in steps.map(|step| last.saturating_sub(step)).take_while(|start| *start > low) {
            let part = starting_at(start);
            let found = count(access, &part)?;
            if found >= least {
                (low, end) = (start, part);
                if found <= most {
                    return Ok(end);
                }
                break;
            }
            high = start;
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let part = starting_at(middle);
        let found = count(access, &part)?;
        if found < least {
            high = middle;
        } else {
            (low, end) = (middle, part);
            if found <= most {
                break;
            }
        }
    }
    Ok(end)
}
