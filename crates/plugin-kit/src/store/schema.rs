//! Errors about existing tables that a store refuses.

use apscheduler_core::{Error, ErrorKind};

/// Returns the error for a table that a later release created, with the schema version `found`. This release of `package`
/// knows versions up to `known`. `table` is the name as users write it.
pub fn newer_schema(table: &str, found: i64, known: i64, package: &str) -> Error {
    refusal(format!(
        "the table {table} has the schema version {found}, and this release knows versions up to {known}; update \
         {package}, or choose another `tablename`"
    ))
}

/// Returns the error for a table that this job store did not create.
pub fn foreign_table(table: &str) -> Error {
    refusal(format!(
        "the table {table} exists, but was not created by this job store; if it is that of Python's APScheduler, \
         whose jobs are pickles, choose another `tablename`"
    ))
}

fn refusal(message: String) -> Error {
    Error::new(ErrorKind::Store, message)
}
