//! Identifiers of runs.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::uuid_type::uuid_type;
use crate::time::Timestamp;

/// The identifier of a run: a UUID of version 7 (RFC 9562), unique across processes. Later runs have greater identifiers,
/// to the millisecond.
///
/// # Examples
/// ```
/// use apscheduler_core::executor::RunId;
/// use apscheduler_core::time::{Clock, SystemClock};
///
/// let id = RunId::new(SystemClock.now());
/// assert_eq!(id.to_string().len(), 36);
/// assert_eq!(id.to_string().parse::<RunId>()?, id);
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId([u8; 16]);

/// The fields of a UUID of version 7: 48 bits of time, the version, 12 random bits, the variant, 62 random bits.
const TIME: u32 = 80;
const VERSION: u128 = 7 << 76;
const VARIANT: u128 = 0b10 << 62;

/// The random bits in front of the counter, which tell processes apart together with its start.
static PROCESS: LazyLock<u128> =
    LazyLock::new(|| (Uuid::new_v4().as_u128() & 0xfff) << 64 | VERSION | VARIANT);

/// The last 62 bits. It starts at a random number of 61 bits, and is never reset, so identifiers are unique in the process
/// even if the clock is put back.
static NEXT: LazyLock<AtomicU64> =
    LazyLock::new(|| AtomicU64::new((Uuid::new_v4().as_u128() >> 67) as u64));

impl RunId {
    /// Returns a new identifier for a run that was planned at this instant.
    pub fn new(now: Timestamp) -> Self {
        Self::reserve(now, 1)
    }

    /// Returns the first of `count` new identifiers. The others are [`nth`](Self::nth) of it.
    pub fn reserve(now: Timestamp, count: usize) -> Self {
        let number = NEXT.fetch_add(count as u64, Ordering::Relaxed) & ((1 << 62) - 1);
        Self::from_u128(millis(now) << TIME | *PROCESS | u128::from(number))
    }

    /// Returns the identifier that follows this one at this distance, of those reserved together.
    #[must_use]
    pub fn nth(self, distance: usize) -> Self {
        Self::from_u128(self.as_u128() + distance as u128)
    }

    /// Returns the identifier of a run that exists because of this one: the same for the same `name`, and of the same time.
    ///
    /// Its other bits are a hash of both: [FNV-1a](https://datatracker.ietf.org/doc/html/draft-eastlake-fnv) of 128 bits.
    #[must_use]
    pub fn derived(self, name: &str) -> Self {
        const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        let bytes = self.0.iter().chain(name.as_bytes());
        let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
        let random = (hash & 0xfff) << 64 | (hash >> 64) & ((1 << 62) - 1);
        Self::from_u128(self.as_u128() >> TIME << TIME | random | VERSION | VARIANT)
    }

    /// Returns the smallest identifier that a run may have that was planned at this instant.
    pub fn first_of(instant: Timestamp) -> Self {
        Self::from_u128(millis(instant) << TIME)
    }
}

uuid_type!(RunId, "the id of a run");

fn millis(instant: Timestamp) -> u128 {
    u128::try_from(instant.timestamp_millis()).unwrap_or(0) & 0xffff_ffff_ffff
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7() {
        for id in [RunId::new(at(1_764_470_000_123)), RunId::reserve(at(0), 5).nth(4)] {
            let uuid: Uuid = id.to_string().parse().unwrap();
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
        }
        let id = RunId::new(at(1_764_470_000_123)).as_u128();
        assert_eq!(id >> TIME, 1_764_470_000_123);
    }

    #[test]
    fn ids_are_unique_and_in_order() {
        let first = RunId::reserve(at(10), 3);
        let ids = [first, first.nth(1), first.nth(2), RunId::new(at(10)), RunId::new(at(11))];
        assert!(ids.is_sorted_by(|left, right| left < right));
        // The clock may be put back.
        assert!(!ids.contains(&RunId::new(at(9))));
    }

    #[test]
    fn a_derived_id_is_always_the_same_and_of_the_same_time() {
        let id = RunId::new(at(1_764_470_000_123));
        let derived = id.derived("report");
        assert_eq!(derived, id.derived("report"));
        assert_eq!(derived.as_u128() >> TIME, 1_764_470_000_123);
        let others = [id, id.derived("reports"), id.nth(1).derived("report")];
        assert!(!others.contains(&derived));
        let uuid: Uuid = derived.to_string().parse().unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
    }

    #[test]
    fn other_text_is_refused() {
        let error = "backup".parse::<RunId>().unwrap_err();
        assert_eq!(error.to_string(), "`backup` is not the id of a run");
    }
}
