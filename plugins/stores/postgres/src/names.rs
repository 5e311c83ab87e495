//! The names of this plugin and of its tables, and what the server allows for options.

use apscheduler_core::Error;
use apscheduler_plugin_kit::store::{LongestName, SqlServerRules};

/// What errors call this plugin.
pub(crate) const STORE_NAME: &str = "job store `postgres`";

/// The table with the schema versions of all tables of jobs in its schema.
pub(crate) const META_TABLE: &str = "apscheduler_meta";

/// The rules for the options that stores on SQL servers share.
pub(crate) const RULES: SqlServerRules = SqlServerRules::new(
    STORE_NAME,
    // Names derived from the table's have up to 14 bytes more, of the 63 that PostgreSQL allows.
    LongestName::Bytes(63 - "_next_run_time".len()),
    META_TABLE,
);

/// Returns an error about the options.
pub(crate) fn invalid(message: &str) -> Error {
    RULES.invalid(message)
}
