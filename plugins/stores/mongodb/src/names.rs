//! The names of this plugin and of its collections.

/// What errors call this plugin.
pub(crate) const STORE_NAME: &str = "job store `mongodb`";

/// The collection with the schema version of each collection of jobs.
pub(crate) const META_COLLECTION: &str = "apscheduler_meta";
