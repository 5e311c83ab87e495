//! The names of this plugin and of its tables.

/// What errors call this plugin.
pub(crate) const STORE_NAME: &str = "job store `sqlite`";

/// The table with the schema versions.
pub(crate) const META_TABLE: &str = "apscheduler_meta";
