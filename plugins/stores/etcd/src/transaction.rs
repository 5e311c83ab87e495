//! Transactions of any number of operations.
//!
//! The server counts the operations of a transaction along each path of nesting, and allows 128 (`--max-txn-ops`). So many
//! operations fit into one transaction if they are nested: two levels of 60 hold 3,600. The limit of a request is 1.5 MiB
//! (`--max-request-bytes`).
//!
//! But large transactions make the server slow. etcd 3.4 copies the buffer of what it has not committed to its disk yet for
//! each read, and this buffer never shrinks after a large transaction. So they end at [a thousand](MOST_OPERATIONS).

use std::borrow::Cow;

use etcd_client::{
    Compare, CompareOp, DeleteOptions, GetOptions, GetResponse, Txn, TxnOp, TxnOpResponse,
};

use crate::keys::KeyRange;

/// The most bytes of operations in one transaction. The server takes half as much again, by default.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// The most operations in one transaction, unless they belong to one job or one run.
pub(crate) const MOST_OPERATIONS: usize = 1000;

/// What an operation takes beside its keys and values.
const OVERHEAD: usize = 24;

/// Operations, and how many bytes they take.
#[derive(Default)]
pub(crate) struct Operations {
    list: Vec<TxnOp>,
    bytes: usize,
    /// How many there are, with those that are nested.
    count: usize,
}

impl Operations {
    pub(crate) fn put(&mut self, key: String, value: impl Into<Vec<u8>>) {
        let value = value.into();
        self.weigh(key.len() + value.len());
        self.list.push(TxnOp::put(key, value, None));
    }

    pub(crate) fn delete(&mut self, key: String) {
        self.weigh(key.len());
        self.list.push(TxnOp::delete(key, None));
    }

    pub(crate) fn delete_range(&mut self, range: KeyRange) {
        self.weigh(range.from.len() + range.to.len());
        let options = DeleteOptions::new().with_range(range.to);
        self.list.push(TxnOp::delete(range.from, Some(options)));
    }

    pub(crate) fn get(&mut self, key: String) {
        self.weigh(key.len());
        self.list.push(Query::key(key).into_operation());
    }

    /// Adds a transaction of its own: these operations if all comparisons hold, and otherwise the others. Both may have up to
    /// `budget` operations along each path.
    pub(crate) fn nested(
        &mut self,
        when: Vec<Compare>,
        then: Self,
        otherwise: Self,
        budget: usize,
    ) {
        self.bytes += then.bytes + otherwise.bytes + when.len() * 2 * OVERHEAD;
        self.count += then.count.max(otherwise.count);
        let (then, otherwise) = (then.nest(budget), otherwise.nest(budget));
        let nested = Txn::new().when(when).and_then(then.list).or_else(otherwise.list);
        self.list.push(TxnOp::txn(nested));
    }

    fn weigh(&mut self, bytes: usize) {
        self.bytes += bytes + OVERHEAD;
        self.count += 1;
    }

    /// Whether a transaction has enough of them.
    pub(crate) fn are_many(&self) -> bool {
        self.bytes >= MOST_BYTES || self.count >= MOST_OPERATIONS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Nests the operations so that each path has at most `budget`.
    pub(crate) fn nest(self, budget: usize) -> Nested {
        let levels = (1..budget).find(|levels| capacity(budget, *levels) >= self.list.len());
        let levels = levels.unwrap_or(1);
        let width = (budget / levels).max(1);
        let mut list = self.list;
        for _ in 1..levels {
            let mut groups = Vec::with_capacity(list.len().div_ceil(width));
            let mut rest = list.into_iter();
            loop {
                let group: Vec<TxnOp> = rest.by_ref().take(width).collect();
                if group.is_empty() {
                    break;
                }
                groups.push(TxnOp::txn(Txn::new().and_then(group)));
            }
            list = groups;
        }
        Nested { list, levels }
    }
}

/// Returns how many operations fit into so many levels.
fn capacity(budget: usize, levels: usize) -> usize {
    let levels_after = u32::try_from(levels).unwrap_or(u32::MAX);
    (budget / levels).saturating_pow(levels_after)
}

/// Nested operations.
pub(crate) struct Nested {
    pub(crate) list: Vec<TxnOp>,
    levels: usize,
}

impl Nested {
    /// Returns the shape that the responses have.
    pub(crate) fn shape(&self) -> Shape {
        Shape(self.levels)
    }
}

/// How operations were nested.
#[derive(Clone, Copy)]
pub(crate) struct Shape(usize);

impl Shape {
    /// Returns the responses in the order in which the operations were added.
    pub(crate) fn flatten(self, mut responses: Vec<TxnOpResponse>) -> Vec<TxnOpResponse> {
        for _ in 1..self.0 {
            let nested = responses.into_iter().flat_map(|response| match response {
                TxnOpResponse::Txn(response) => response.op_responses(),
                other => vec![other],
            });
            responses = nested.collect();
        }
        responses
    }
}

/// What to read.
#[derive(Clone)]
pub(crate) struct Query {
    from: String,
    options: GetOptions,
    has_revision: bool,
}

impl Query {
    /// One key.
    pub(crate) fn key(key: String) -> Self {
        Self { from: key, options: GetOptions::new(), has_revision: false }
    }

    /// The first keys of a range, in the order of their bytes, and their values.
    pub(crate) fn range(range: &KeyRange, limit: usize) -> Self {
        let options = GetOptions::new().with_range(range.to.clone());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // The server takes 0 as no limit, and adds 1 to any other.
        let options = options.with_limit(limit.clamp(1, i64::MAX - 1));
        Self { from: range.from.clone(), options, has_revision: false }
    }

    /// How many keys a range has.
    pub(crate) fn count(range: &KeyRange) -> Self {
        let options = GetOptions::new().with_range(range.to.clone()).with_count_only();
        Self { from: range.from.clone(), options, has_revision: false }
    }

    /// Leaves out the values.
    pub(crate) fn keys_only(mut self) -> Self {
        self.options = self.options.with_keys_only();
        self
    }

    /// Reads what was there at this revision, unless it has one already.
    pub(crate) fn at(mut self, revision: i64) -> Self {
        if !self.has_revision {
            self.options = self.options.with_revision(revision);
            self.has_revision = true;
        }
        self
    }

    pub(crate) fn into_operation(self) -> TxnOp {
        TxnOp::get(self.from, Some(self.options))
    }
}

/// Compares the revision at which a key was changed last; 0 if there is none.
pub(crate) fn is_unchanged(key: String, revision: i64) -> Compare {
    Compare::mod_revision(key, CompareOp::Equal, revision)
}

/// Compares whether a key was not changed after this revision.
pub(crate) fn is_older(key: String, revision: i64) -> Compare {
    Compare::mod_revision(key, CompareOp::Less, revision.saturating_add(1))
}

/// Compares whether a key does not exist.
pub(crate) fn is_missing(key: String) -> Compare {
    Compare::create_revision(key, CompareOp::Equal, 0)
}

/// Compares whether a range has no keys.
pub(crate) fn is_empty(range: KeyRange) -> Compare {
    Compare::create_revision(range.from, CompareOp::Equal, 0).with_range(range.to)
}

/// Compares whether a key has this value.
pub(crate) fn has_value(key: String, value: &str) -> Compare {
    Compare::value(key, CompareOp::Equal, value)
}

/// What a query has found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    /// Whether the range has more keys.
    pub(crate) has_more: bool,
    /// How many keys the range has.
    pub(crate) count: usize,
}

/// A key and its value.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    /// The revision at which it was changed last.
    pub(crate) revision: i64,
}

impl Found {
    pub(crate) fn first(&self) -> Option<&Entry> {
        self.entries.first()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the revision of the only key; 0 if there is none.
    pub(crate) fn revision(&self) -> i64 {
        self.first().map_or(0, |entry| entry.revision)
    }
}

impl Entry {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }
}

impl From<GetResponse> for Found {
    fn from(mut response: GetResponse) -> Self {
        let (has_more, count) = (response.more(), usize::try_from(response.count()).unwrap_or(0));
        let entries = response.take_kvs().into_iter().map(|found| {
            let revision = found.mod_revision();
            let (key, value) = found.into_key_value();
            Entry { key: String::from_utf8_lossy(&key).into_owned(), value, revision }
        });
        Self { entries: entries.collect(), has_more, count }
    }
}

/// Returns what queries have found.
pub(crate) fn found(responses: Vec<TxnOpResponse>) -> Vec<Found> {
    let found = responses.into_iter().filter_map(|response| match response {
        TxnOpResponse::Get(response) => Some(response.into()),
        _ => None,
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_nested_as_the_server_allows() {
        for (count, levels, top) in
            [(0, 1, 0), (1, 1, 1), (64, 1, 64), (65, 2, 3), (1024, 2, 32), (1025, 3, 3)]
        {
            let mut operations = Operations::default();
            for number in 0..count {
                operations.delete(number.to_string());
            }
            let nested = operations.nest(64);
            assert_eq!((nested.levels, nested.list.len()), (levels, top), "{count}");
        }
    }

    #[test]
    fn a_budget_holds_many() {
        assert_eq!((capacity(64, 1), capacity(64, 2), capacity(64, 3)), (64, 1024, 9261));
    }
}
