//! Writes of many documents in one query, and what became of them.

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::RequestLimits;
use serde_json::{Map, Value};

use crate::client::{Term, datum};
use crate::connection::{Connection, Repeat, Table};

/// The limits of a query. A server takes 64 MiB, and arrays of 100,000 elements.
pub(crate) const LIMITS: RequestLimits =
    RequestLimits { items: 5000, bytes: 8 << 20, overhead: 500 };

/// What became of the documents of a write.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) unchanged: u64,
    pub(crate) replaced: u64,
    pub(crate) deleted: u64,
    /// How many documents were not written because of an error.
    pub(crate) errors: u64,
    pub(crate) first_error: String,
}

impl Outcome {
    fn read(answer: &Value) -> Self {
        let count = |name| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        Self {
            unchanged: count("unchanged"),
            replaced: count("replaced"),
            deleted: count("deleted"),
            errors: count("errors"),
            first_error: text(answer, "first_error"),
        }
    }

    /// Returns an error if documents were not written because of one.
    fn check(self, connection: &Connection) -> Result<Self> {
        match self.errors {
            0 => Ok(self),
            count => Err(connection.address().unwritten(count, &self.first_error)),
        }
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Sends a write. Returns an error if any document was not written because of one.
pub(crate) fn write(connection: &Connection, query: Term) -> Result<Outcome> {
    run(connection, &query.with("durability", "hard"))
}

/// Sends a query that results in that of a write.
pub(crate) fn run(connection: &Connection, query: &Term) -> Result<Outcome> {
    let answer = connection.run(query, Repeat::Forbidden)?;
    Outcome::read(&answer).check(connection)
}

/// Inserts documents. `resolve` returns what becomes of one whose key is taken, from the old and the new one.
pub(crate) fn insert(
    connection: &Connection,
    table: Table,
    documents: Vec<Value>,
    resolve: impl FnOnce(Term, Term) -> Term,
) -> Result<Outcome> {
    let insert = connection.table(table).insert(datum(Value::Array(documents)));
    write(connection, insert.with("conflict", Term::resolution(resolve)))
}

/// Returns a function for `replace` that leaves out documents which do not exist any more.
pub(crate) fn existing(change: impl FnOnce(Term) -> Term) -> Term {
    Term::function(|row| row.clone().eq(()).branch((), change(row)))
}

/// Returns the documents of a table with these keys.
pub(crate) fn with_keys<'a>(table: Term, keys: impl IntoIterator<Item = &'a String>) -> Term {
    table.get_all(keys.into_iter().map(|key| key.as_str().into()))
}

/// Compare-and-sets of documents: by key, what each document is compared with and becomes.
pub(crate) type Changes = Map<String, Value>;

/// What compare-and-sets have done.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// The keys of the documents that were changed.
    pub(crate) keys: Vec<String>,
    pub(crate) errors: u64,
    pub(crate) first_error: String,
}

impl Changed {
    /// Returns an error if documents were not changed because of one.
    pub(crate) fn check(self, connection: &Connection) -> Result<Self> {
        match self.errors {
            0 => Ok(self),
            count => Err(connection.address().unwritten(count, &self.first_error)),
        }
    }
}

/// Carries out compare-and-sets, each of them atomic. `change` returns what becomes of a document, from it and its change.
pub(crate) fn compare_and_set(
    connection: &Connection,
    table: Table,
    changes: Changes,
    change: impl FnOnce(&Term, &Term) -> Term,
) -> Result<Changed> {
    if changes.is_empty() {
        return Ok(Changed::default());
    }
    let keys: Vec<String> = changes.keys().cloned().collect();
    // The changes are a value before the function is called, not a part of it that is evaluated for each document.
    let query = datum(Value::Object(changes)).call(Term::function(|changes| {
        let function = existing(|row| {
            let own = changes.field(row.clone().field("id"));
            own.call(Term::function(|own| change(&row, &own)))
        });
        let written = with_keys(connection.table(table), &keys).replace(function);
        let written = written.with("durability", "hard").with("return_changes", true);
        written.call(Term::function(|result| {
            let key = |change: Term| change.field("old_val").field("id");
            Term::object([
                (
                    "keys",
                    result
                        .clone()
                        .field("changes")
                        .default(Term::array([]))
                        .map(Term::function(key)),
                ),
                ("errors", result.clone().field("errors")),
                ("first_error", result.field("first_error").default("")),
            ])
        }))
    }));
    let answer = connection.run(&query, Repeat::Forbidden)?;
    let Some(Value::Array(keys)) = answer.get("keys") else {
        return Err(connection.address().unexpected("no keys of changed documents"));
    };
    Ok(Changed {
        keys: keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect(),
        errors: answer.get("errors").and_then(Value::as_u64).unwrap_or(0),
        first_error: text(&answer, "first_error"),
    })
}
