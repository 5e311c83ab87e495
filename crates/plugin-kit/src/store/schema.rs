//! Why a store refuses tables that are there already.

use apscheduler_core::{Error, ErrorKind};

/// The table was made by a later release, whose schema has the version `found`; `package`, in this release, knows
/// versions up to `known`. `table` is its name as people write it.
pub fn newer_schema(table: &str, found: i64, known: i64, package: &str) -> Error {
    refusal(format!(
        "the table {table} has the schema version {found}, and this release knows versions up to {known}; update \
         {package}, or choose another `tablename`"
    ))
}

/// The table was not made by a job store of ours.
pub fn foreign_table(table: &str) -> Error {
    refusal(format!(
        "the table {table} is there already, but was not made by this job store; if it is that of Python's APScheduler, \
         whose jobs are pickles, choose another `tablename`"
    ))
}

fn refusal(message: String) -> Error {
    Error::new(ErrorKind::Store, message)
}
