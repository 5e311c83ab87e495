//! The tables and their indexes: created at the start, with a version for later releases.
//!
//! The document with the key 0 in the table of jobs holds the version and the identity of the table. It is written last, and
//! keys of jobs are text. A table that was emptied, restored or replaced has another identity, or none.

use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::client::{ClientError, ServerError, Term, now};
use crate::connection::{Connection, Repeat, Table};
use crate::document::whole;
use crate::indexes;
use crate::names::{FINISHED, STORE_NAME};
use crate::writes::{self, existing};

/// The version that this release creates and understands.
const VERSION: i64 = 1;

/// The key of the document with the version.
const METADATA: i64 = 0;

/// After what time a finished job is removed that its last claim could not remove. Until then it is hidden.
const REMOVED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Creates what is missing, and checks the version.
pub(crate) fn prepare(connection: &Connection) -> Result<()> {
    create_database(connection)?;
    create_table(connection, Table::Jobs)?;
    let found = metadata(connection)?;
    if check(connection, &found)? == Contents::Foreign {
        return Err(foreign(connection));
    }
    for table in Table::ALL {
        create_table(connection, table)?;
        create_indexes(connection, table)?;
    }
    let identity = uuid::Uuid::new_v4().simple().to_string();
    let own = json!({"id": METADATA, "version": VERSION, "identity": identity});
    // Another process may have written its own first.
    writes::insert(connection, Table::Jobs, vec![own], |old, _| old)?;
    let found = metadata(connection)?;
    let identity = identity_of(&found).ok_or_else(|| foreign(connection))?;
    connection.set_identity(identity);
    remove_expired(connection)
}

/// Checks the version, and creates nothing.
pub(crate) fn prepare_read_only(connection: &Connection) -> Result<()> {
    let query = connection.committed(Table::Jobs).get(METADATA);
    let found = match connection.try_run(&query, Repeat::Allowed)? {
        Err(ClientError::Refused(ServerError::Failed, _)) if !exists(connection)? => {
            Contents::Nothing
        }
        found => {
            let found = found.map_err(|error| connection.address().explain(&error))?;
            check(connection, &found)?
        }
    };
    match found {
        Contents::Jobs => Ok(()),
        Contents::Foreign => Err(foreign(connection)),
        Contents::Nothing => {
            tracing::warn!("there are no jobs in {}", connection.place());
            connection.set_missing();
            Ok(())
        }
    }
}

/// Whether the table of jobs is still the one that was prepared.
pub(crate) fn is_current(connection: &Connection) -> Result<bool> {
    let query = connection.committed(Table::Jobs).get(METADATA);
    match connection.try_run(&query, Repeat::Allowed)? {
        Ok(found) => Ok(identity_of(&found) == connection.identity()),
        Err(ClientError::Refused(ServerError::Failed, _)) if !exists(connection)? => Ok(false),
        Err(error) => Err(connection.address().explain(&error)),
    }
}

/// Whether the table of jobs exists.
fn exists(connection: &Connection) -> Result<bool> {
    let has_database = Term::db_list().contains(connection.database_name());
    let has_table = connection.database().table_list().contains(connection.name(Table::Jobs));
    let exists = connection.run(&has_database.and(has_table), Repeat::Allowed)?;
    Ok(exists == json!(true))
}

/// What the table of jobs contains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    Nothing,
    Jobs,
    /// Documents that this store did not write.
    Foreign,
}

fn metadata(connection: &Connection) -> Result<Value> {
    connection.run(&connection.committed(Table::Jobs).get(METADATA), Repeat::Allowed)
}

fn identity_of(metadata: &Value) -> Option<String> {
    metadata.get("identity").and_then(Value::as_str).map(str::to_owned)
}

/// Returns what there is. Refuses what a later release wrote.
fn check(connection: &Connection, metadata: &Value) -> Result<Contents> {
    if metadata.is_null() {
        let is_empty = connection.committed(Table::Jobs).limit(1).is_empty();
        let is_empty = connection.run(&is_empty, Repeat::Allowed)? == json!(true);
        return Ok(if is_empty { Contents::Nothing } else { Contents::Foreign });
    }
    let version = metadata.get("version");
    match version.and_then(whole) {
        _ if identity_of(metadata).is_none() => Ok(Contents::Foreign),
        Some(version) if version <= VERSION => Ok(Contents::Jobs),
        _ => Err(too_new(connection, &version.unwrap_or(&Value::Null).to_string())),
    }
}

fn create_database(connection: &Connection) -> Result<()> {
    let name = connection.database_name();
    create(connection, &Term::db_list(), name, &Term::db_create(name)).map(drop)
}

fn create_table(connection: &Connection, table: Table) -> Result<()> {
    let (database, name) = (connection.database(), connection.name(table));
    let list = database.clone().table_list();
    if create(connection, &list, &name, &database.table_create(&name))? {
        let wait = connection.table(table).wait().with("wait_for", "ready_for_writes");
        connection.run(&wait, Repeat::Allowed)?;
    }
    Ok(())
}

fn create_indexes(connection: &Connection, table: Table) -> Result<()> {
    let indexes = indexes::of(table);
    if indexes.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = indexes.iter().map(|index| index.name).collect();
    let list = connection.table(table).index_list();
    let found = connection.rows(&list)?;
    for index in indexes {
        if !found.contains(&json!(index.name)) {
            let mut query = connection.table(table).index_create(index.name, index.function);
            if index.is_multi {
                query = query.with("multi", true);
            }
            create(connection, &list, index.name, &query)?;
        }
    }
    connection.run(&connection.table(table).index_wait(names), Repeat::Allowed).map(drop)
}

/// Creates what a list does not contain. Returns whether it was missing. Another process may create it at the same time.
fn create(connection: &Connection, list: &Term, name: &str, query: &Term) -> Result<bool> {
    let is_there = || connection.rows(list).map(|found| found.contains(&json!(name)));
    if is_there()? {
        return Ok(false);
    }
    match connection.try_run(query, Repeat::Forbidden)? {
        Ok(_) => Ok(true),
        Err(ClientError::Refused(ServerError::Failed, _)) if is_there()? => Ok(true),
        Err(error) => Err(connection.address().explain(&error)),
    }
}

/// Removes finished jobs that their last claims could not remove, unless they have journal entries.
pub(crate) fn remove_expired(connection: &Connection) -> Result<()> {
    let before = now().to_epoch_time().add(-REMOVED_AFTER.as_secs_f64());
    let old = connection.table(Table::Jobs).between(0_i64, before).with("index", FINISHED);
    let remove = existing(|row| row.clone().has_field("open").branch(row, ()));
    writes::write(connection, old.replace(remove)).map(drop)
}

fn too_new(connection: &Connection, version: &str) -> Error {
    refusal(format!(
        "the table {} has the schema version {version}, and this release knows versions up to {VERSION}; update {}, or \
         choose another `table`",
        connection.place(),
        env!("CARGO_PKG_NAME"),
    ))
}

fn foreign(connection: &Connection) -> Error {
    refusal(format!(
        "the table {} is in use, but was not created by this job store; if it is that of Python's APScheduler, whose jobs are \
         pickles, choose another `table`",
        connection.place(),
    ))
}

fn refusal(message: String) -> Error {
    Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
}
