//! Databases, tables and indexes in memory.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};
use std::ops::Bound;
use std::sync::{Arc, Weak};

use super::datum::Datum;
use super::failure::{Failure, Outcome};
use super::queue::ChangeQueue;
use super::term::Term;

/// A database and a table in it.
pub(super) type TableName = (String, String);

/// All data of the server.
#[derive(Default)]
pub(super) struct Storage {
    pub(super) databases: BTreeMap<String, BTreeMap<String, Table>>,
}

/// A table.
#[derive(Default)]
pub(super) struct Table {
    rows: BTreeMap<Datum, Datum>,
    pub(super) indexes: BTreeMap<String, Index>,
    feeds: Vec<Weak<ChangeQueue>>,
}

/// A secondary index.
pub(super) struct Index {
    pub(super) function: Term,
    pub(super) is_multi: bool,
    entries: BTreeSet<(Datum, Datum)>,
    /// The values of each row.
    values: BTreeMap<Datum, Vec<Datum>>,
}

impl Index {
    pub(super) fn new(function: Term, is_multi: bool) -> Self {
        Self { function, is_multi, entries: BTreeSet::new(), values: BTreeMap::new() }
    }

    /// Sets the values of a row.
    fn set(&mut self, key: &Datum, values: Vec<Datum>) {
        for old in self.values.remove(key).unwrap_or_default() {
            self.entries.remove(&(old, key.clone()));
        }
        if !values.is_empty() {
            self.entries.extend(values.iter().map(|value| (value.clone(), key.clone())));
            self.values.insert(key.clone(), values);
        }
    }
}

/// A part of a table, whose rows are read when they are needed.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) table: TableName,
    /// The index of the bounds and the order; `None` is the primary key.
    pub(super) index: Option<String>,
    pub(super) from: Bound<Datum>,
    pub(super) to: Bound<Datum>,
    pub(super) order: Option<Direction>,
    pub(super) skip: usize,
    pub(super) limit: usize,
}

/// A direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

impl Slice {
    /// The whole table.
    pub(super) fn of(table: TableName) -> Self {
        let (from, to) = (Bound::Unbounded, Bound::Unbounded);
        Self { table, index: None, from, to, order: None, skip: 0, limit: usize::MAX }
    }

    /// Whether it has no bounds, order or limits.
    pub(super) fn is_whole(&self) -> bool {
        let is_bound = |bound: &Bound<Datum>| *bound != Bound::Unbounded;
        !(is_bound(&self.from) || is_bound(&self.to) || self.order.is_some() || self.is_limited())
    }

    pub(super) fn is_limited(&self) -> bool {
        self.skip > 0 || self.limit < usize::MAX
    }
}

impl Storage {
    pub(super) fn database(&mut self, name: &str) -> Outcome<&mut BTreeMap<String, Table>> {
        let missing = || Failure::failed(format!("Database `{name}` does not exist."));
        self.databases.get_mut(name).ok_or_else(missing)
    }

    pub(super) fn table(&mut self, (database, table): &TableName) -> Outcome<&mut Table> {
        let missing = || Failure::failed(format!("Table `{database}.{table}` does not exist."));
        self.database(database)?.get_mut(table).ok_or_else(missing)
    }
}

impl Table {
    pub(super) fn get(&self, key: &Datum) -> Datum {
        self.rows.get(key).cloned().unwrap_or(Datum::Null)
    }

    /// Returns the keys and the rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Datum, &Datum)> {
        self.rows.iter()
    }

    /// Replaces a row, or removes it with null. These are its values in the indexes.
    pub(super) fn write(&mut self, key: &Datum, row: &Datum, values: Vec<(String, Vec<Datum>)>) {
        let old = match row {
            Datum::Null => self.rows.remove(key),
            row => self.rows.insert(key.clone(), row.clone()),
        };
        self.set_values(key, values);
        let old = old.unwrap_or(Datum::Null);
        self.feeds.retain(|feed| match feed.upgrade() {
            Some(feed) => {
                feed.push(&old, row);
                true
            }
            None => false,
        });
    }

    /// Sets the values of a row in the indexes.
    pub(super) fn set_values(&mut self, key: &Datum, values: Vec<(String, Vec<Datum>)>) {
        for (name, values) in values {
            if let Some(index) = self.indexes.get_mut(&name) {
                index.set(key, values);
            }
        }
    }

    pub(super) fn watch(&mut self, feed: &Arc<ChangeQueue>) {
        self.feeds.push(Arc::downgrade(feed));
    }

    /// Ends all feeds: the table is about to be dropped.
    pub(super) fn close(&self) {
        self.feeds.iter().filter_map(Weak::upgrade).for_each(|feed| feed.close());
    }

    /// Returns an error if there is no such index.
    pub(super) fn check_index(&self, name: Option<&str>) -> Outcome<()> {
        match name {
            Some(name) if !self.indexes.contains_key(name) => Err(no_index(name)),
            _ => Ok(()),
        }
    }

    /// Returns the rows of a part of the table.
    pub(super) fn rows_of(&self, slice: &Slice) -> Outcome<Vec<Datum>> {
        let Slice { index, from, to, order, skip, limit, .. } = slice;
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        let take = |rows: &mut dyn Iterator<Item = Datum>| rows.skip(*skip).take(*limit).collect();
        let Some(name) = index else {
            let rows = self.rows.range((from.as_ref(), to.as_ref())).map(|(_, row)| row.clone());
            return Ok(match order {
                Some(Direction::Down) => take(&mut rows.rev()),
                _ => take(&mut { rows }),
            });
        };
        let index = self.indexes.get(name).ok_or_else(|| no_index(name))?;
        let range = (entry(from, &Datum::Min), entry(to, &Datum::Max));
        let rows = index.entries.range(range).map(|(_, key)| self.get(key));
        Ok(match order {
            Some(Direction::Down) => take(&mut rows.rev()),
            _ => take(&mut { rows }),
        })
    }
}

/// Returns the bound of entries for a bound of values. `inclusive` is the key beyond those of an included value.
fn entry(bound: &Bound<Datum>, inclusive: &Datum) -> Bound<(Datum, Datum)> {
    let exclusive = if *inclusive == Datum::Min { Datum::Max } else { Datum::Min };
    match bound {
        Bound::Included(value) => Bound::Included((value.clone(), inclusive.clone())),
        Bound::Excluded(value) => Bound::Excluded((value.clone(), exclusive)),
        Bound::Unbounded => Bound::Unbounded,
    }
}

fn no_index(name: &str) -> Failure {
    Failure::failed(format!("Index `{name}` was not found on this table."))
}

fn is_empty(from: &Bound<Datum>, to: &Bound<Datum>) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    match (from, to) {
        (Included(from), Included(to)) => from > to,
        (Included(from) | Excluded(from), Included(to) | Excluded(to)) => from >= to,
        (Unbounded, _) | (_, Unbounded) => false,
    }
}

/// Puts rows into an order of no meaning, as the server returns what is not ordered.
pub(super) fn scramble(rows: &mut [Datum]) {
    rows.sort_by_cached_key(|row| {
        let mut hasher = DefaultHasher::new();
        let key = row.fields().ok().and_then(|fields| fields.get("id"));
        key.map(|key| key.json().to_string()).hash(&mut hasher);
        hasher.finish()
    });
}
