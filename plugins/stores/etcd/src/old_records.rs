//! Finds the oldest records of a state, which come last in the order of their keys.

use apscheduler_core::Result;

use crate::access::Access;
use crate::keys::KeyRange;
use crate::transaction::Query;

/// How often a range is halved at most: a place has 32 hexadecimal digits.
const MOST_HALVES: usize = 128;

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

/// Returns the end of a range that has at least `least` keys, and not many more than `most`.
fn halve(access: &Access, range: &KeyRange, least: usize, most: usize) -> Result<KeyRange> {
    // All records of a state have the same prefix, and then the digits of a number.
    let digits_at = range.from.rfind('/').map_or(0, |slash| slash + 1);
    let prefix = &range.from[..digits_at];
    let read = |key: &str, or: u128| {
        let digits = key.get(digits_at..).unwrap_or_default();
        let digits: String = digits.chars().take_while(char::is_ascii_hexdigit).take(32).collect();
        if digits.len() == 32 { u128::from_str_radix(&digits, 16).unwrap_or(or) } else { or }
    };
    let (mut low, mut high) = (read(&range.from, 0), read(&range.to, u128::MAX));
    let mut end = range.clone();
    for _ in 0..MOST_HALVES {
        let middle = low + (high - low) / 2;
        let part = range.starting_at(format!("{prefix}{middle:032x}"));
        let found = count(access, &part)?;
        if found < least {
            high = middle;
        } else {
            low = middle;
            end = part;
            if found <= most {
                break;
            }
        }
        if high - low <= 1 {
            break;
        }
    }
    Ok(end)
}
