//! Commands with many statements, and the result of each statement.
//!
//! The driver repeats some of its own calls after a broken connection, and returns only totals. These commands are sent
//! once, and return every statement that failed.

use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::RequestLimits;
use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};

use crate::connection::Connection;
use crate::failure::{Address, DUPLICATE_KEY, is_temporary};

/// The most statements in one command: far below the limit of the server, and more than a batch of the engine.
pub(crate) const MOST_STATEMENTS: usize = 10_000;

/// The limits of a command: half of the 16 MiB that the server allows.
const LIMITS: RequestLimits =
    RequestLimits { items: MOST_STATEMENTS, bytes: 8 << 20, overhead: 500 };

/// The code for an upsert that would change an `_id`: `ImmutableField`.
const IMMUTABLE_FIELD: i32 = 66;

/// Whether a failed statement ends the command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Statements run in order, until one fails.
    Kept,
    /// Statements run in any order, whether others fail or not.
    Any,
}

/// The result of the statements of a command.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// How many documents the statements found or created.
    pub(crate) found: usize,
    /// How many documents they created.
    pub(crate) created: usize,
    /// The statements that failed.
    pub(crate) failures: Vec<Failure>,
}

/// A statement that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The index of the statement.
    pub(crate) index: usize,
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Failure {
    /// Whether a compare-and-set found no document that matches, and was not refused for another reason.
    pub(crate) fn is_lost(&self) -> bool {
        [IMMUTABLE_FIELD, DUPLICATE_KEY].contains(&self.code)
    }

    pub(crate) fn explain(&self, address: &Address) -> Error {
        address.refusal(self.code, &self.text)
    }
}

/// Returns the command `update`.
pub(crate) fn update(
    collection: &Collection<Document>,
    statements: Vec<Document>,
    order: Order,
) -> Document {
    doc! {
        "update": collection.name(),
        "updates": statements,
        "ordered": order == Order::Kept,
    }
}

/// Returns the command `delete`.
pub(crate) fn delete(collection: &Collection<Document>, statements: Vec<Document>) -> Document {
    doc! {"delete": collection.name(), "deletes": statements, "ordered": false}
}

/// Returns the command `insert`.
pub(crate) fn insert(collection: &Collection<Document>, documents: Vec<Document>) -> Document {
    doc! {"insert": collection.name(), "documents": documents, "ordered": false}
}

/// Sends compare-and-sets: filters that name what was read, with the changes to make. Returns those that were not made.
///
/// The server counts the documents found, but does not return which. So each statement is an upsert that can't insert, because
/// it would set another `_id` than its filter has. It fails if, and only if, no document matches any more: the answer lists
/// each one that was lost.
pub(crate) fn compare_and_set(
    connection: &Connection,
    collection: &Collection<Document>,
    changes: Vec<(Document, Document)>,
) -> Result<Vec<Failure>> {
    let count = changes.len();
    let statements = changes.into_iter().map(|(filter, mut change)| {
        change.insert("$setOnInsert", doc! {"_id": false});
        doc! {"q": filter, "u": change, "upsert": true}
    });
    let command = update(collection, statements.collect(), Order::Any);
    let Outcome { found, created, failures } = run(connection, command)?;
    if created > 0 || found + failures.len() != count {
        // Not all statements were executed, or the server does not implement upserts.
        return Err(connection.address.unexpected(&format!(
            "of {count} statements {found} found a document, {} failed, {created} created one",
            failures.len(),
        )));
    }
    // A router that has lost a shard returns this for each statement, whether it was executed or not.
    match failures.iter().find(|failure| is_temporary(failure.code)) {
        Some(failure) => Err(failure.explain(&connection.address)),
        None => Ok(failures),
    }
}

/// Splits off as many items as fit into one command. `texts` returns the bytes of the texts of an item.
pub(crate) fn split<T>(items: &[T], texts: impl Fn(&T) -> usize) -> (&[T], &[T]) {
    let chunk = LIMITS.split(items, texts).next().unwrap_or(items);
    items.split_at(chunk.len())
}

/// Sends a command.
pub(crate) fn run(connection: &Connection, mut command: Document) -> Result<Outcome> {
    command.insert("writeConcern", write_concern(connection));
    let database = connection.database.clone();
    let answer = connection.run(async move { database.run_command(command).await })?;
    read(&answer, &connection.address)
}

fn write_concern(connection: &Connection) -> Bson {
    let concern = connection.jobs.write_concern();
    let document = concern.and_then(|concern| mongodb::bson::serialize_to_bson(concern).ok());
    document.unwrap_or_else(|| doc! {"w": "majority"}.into())
}

/// Reads the answer to a command.
pub(crate) fn read(answer: &Document, address: &Address) -> Result<Outcome> {
    if let Some(doubt) = answer.get("writeConcernError") {
        return Err(address.unconfirmed(&doubt.to_string()));
    }
    let array = |key| answer.get_array(key).map_or(&[][..], Vec::as_slice);
    let failures: Option<Vec<Failure>> = array("writeErrors").iter().map(failure).collect();
    match (answer.get("n").and_then(number), failures) {
        (Some(found), Some(failures)) => {
            Ok(Outcome { found, created: array("upserted").len(), failures })
        }
        _ => Err(address.unexpected("no `n`, or a `writeErrors` without `index` and `code`")),
    }
}

fn failure(error: &Bson) -> Option<Failure> {
    let error = error.as_document()?;
    Some(Failure {
        index: number(error.get("index")?)?,
        code: i32::try_from(number(error.get("code")?)?).ok()?,
        text: error.get_str("errmsg").unwrap_or_default().to_owned(),
    })
}

fn number(value: &Bson) -> Option<usize> {
    match value {
        Bson::Int32(number) => usize::try_from(*number).ok(),
        Bson::Int64(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address { shown: "mongodb://h".into(), password: None }
    }

    #[test]
    fn an_answer_contains_every_failed_statement() {
        let answer = doc! {
            "n": 2, "upserted": [{"index": 0, "_id": "a"}], "ok": 1.0,
            "writeErrors": [{"index": 1, "code": 66, "errmsg": "no"}],
        };
        let failures = vec![Failure { index: 1, code: 66, text: "no".into() }];
        let expected = Outcome { found: 2, created: 1, failures };
        assert_eq!(read(&answer, &address()).unwrap(), expected);
    }

    #[test]
    fn an_unconfirmed_write_is_an_error() {
        let answer = doc! {"n": 1, "writeConcernError": {"code": 64, "errmsg": "timed out"}};
        let error = read(&answer, &address()).unwrap_err();
        assert!(error.is_retryable() && error.chain().contains("timed out"), "{}", error.chain());
    }

    #[test]
    fn invalid_answers_are_refused() {
        for answer in [doc! {"ok": 1.0}, doc! {"n": 1, "writeErrors": [{"code": 1}]}] {
            assert!(read(&answer, &address()).is_err());
        }
    }
}
