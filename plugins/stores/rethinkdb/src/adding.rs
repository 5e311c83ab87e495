//! Adds jobs: all of them or none.
//!
//! Each document is written by itself, so new jobs are written first. If one of their ids is taken, the others are removed
//! again. Others may see some of them before that.

use apscheduler_core::store::NewRecord;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::refuse_duplicate_ids;
use serde_json::{Map, Value, json};

use crate::client::Term;
use crate::connection::{Connection, Table};
use crate::document::{JOB_FIELDS, first_revision, next_revision_in_server, optional_time};
use crate::keys::{key, set_job};
use crate::removing;
use crate::writes::{self, LIMITS, with_keys};

/// How often the jobs are added again if those that had their ids are removed meanwhile.
const ATTEMPTS: usize = 10;

/// Adds records; `mark` is the mark of this write.
pub(crate) fn add(connection: &Connection, mark: &str, records: &[NewRecord]) -> Result<()> {
    refuse_duplicate_ids(records)?;
    let (old, new): (Vec<&NewRecord>, Vec<&NewRecord>) =
        records.iter().partition(|record| record.replace);
    let mut attempts = 0;
    while let Err(refused) = add_new(connection, mark, &new) {
        let Some(error) = refused else {
            attempts += 1;
            if attempts < ATTEMPTS {
                continue;
            }
            let id = new.first().map_or("", |record| &*record.id);
            return Err(Error::conflicting_id(id));
        };
        return Err(error);
    }
    for chunk in LIMITS.split(&old, |record| size(record)) {
        writes::insert(connection, Table::Jobs, documents(mark, chunk)?, |old, new| {
            revive(&old, new).merge(Term::object([("revision", next_revision_in_server(&old))]))
        })?;
    }
    Ok(())
}

fn size(record: &NewRecord) -> usize {
    record.id.len() + record.payload.as_text().map_or(0, str::len)
}

fn documents(mark: &str, records: &[&NewRecord]) -> Result<Vec<Value>> {
    let document = |record: &&NewRecord| {
        let mut document = Map::new();
        set_job(&mut document, JOB_FIELDS, &record.id);
        document.insert("next_run_time".to_owned(), optional_time(record.next_run_time));
        document.insert("revision".to_owned(), first_revision().into());
        document.insert("writer".to_owned(), mark.into());
        document.insert("job_state".to_owned(), record.text()?.into());
        Ok(Value::Object(document))
    };
    records.iter().map(document).collect()
}

/// What a new document keeps of the old one: its journal entries, and the marks of its claims, one of which may be in doubt.
fn revive(old: &Term, new: Term) -> Term {
    new.merge(old.clone().pluck(["open", "claims"]))
}

/// Adds jobs that replace none. Returns an error if an id is taken; `None` if it is free again.
fn add_new(
    connection: &Connection,
    mark: &str,
    records: &[&NewRecord],
) -> Result<(), Option<Error>> {
    for (number, chunk) in LIMITS.split(records, |record| size(record)).enumerate() {
        let written = documents(mark, chunk).and_then(|documents| {
            writes::insert(connection, Table::Jobs, documents, |old, new| {
                // A hidden job does not have its id any more.
                old.clone().has_field("finished").branch(revive(&old, new), old)
            })
        });
        let is_taken = match &written {
            Ok(outcome) => outcome.unchanged > 0,
            Err(_) => true,
        };
        if !is_taken {
            continue;
        }
        let taken = match written {
            Ok(_) => find_taken(connection, mark, chunk),
            Err(error) => Err(error),
        };
        if number > 0 || chunk.len() > 1 {
            undo(connection, mark, records)?;
        }
        return Err(taken?.map(Error::conflicting_id));
    }
    Ok(())
}

/// Returns the first id that another job has.
fn find_taken(
    connection: &Connection,
    mark: &str,
    records: &[&NewRecord],
) -> Result<Option<String>> {
    let keys: Vec<String> = records.iter().map(|record| key(&record.id)).collect();
    let others =
        with_keys(connection.committed(Table::Jobs), &keys).filter(Term::function(|row| {
            let is_hidden = row.clone().has_field("finished");
            is_hidden.or(row.field("writer").default("").eq(mark)).not()
        }));
    let found = connection.rows(&others.pluck(["id"]))?;
    let is_taken = |key: &String| found.iter().any(|row| row.get("id") == Some(&json!(key)));
    let taken = keys.iter().position(is_taken);
    Ok(taken.map(|place| records[place].id.to_string()))
}

/// Removes those that were added, unless others have changed them.
fn undo(connection: &Connection, mark: &str, records: &[&NewRecord]) -> Result<()> {
    let keys: Vec<String> = records.iter().map(|record| key(&record.id)).collect();
    for chunk in keys.chunks(LIMITS.items) {
        let rows = with_keys(connection.table(Table::Jobs), chunk);
        let is_own = |row: &Term| row.clone().field("writer").default("").eq(mark);
        removing::remove(connection, mark, rows, is_own)?;
    }
    Ok(())
}
