//! The names of this plugin and of its collections.

/// What errors call this plugin.
pub(crate) const STORE_NAME: &str = "job store `mongodb`";

/// The collection with the schema version of each collection of jobs.
pub(crate) const META_COLLECTION: &str = "apscheduler_meta";

/// What follows the name of the collection of jobs in that of the records of runs.
pub(crate) const RUNS_SUFFIX: &str = "_runs";

/// What follows the name of the collection of jobs in that of the owners of runs.
pub(crate) const OWNERS_SUFFIX: &str = "_owners";

/// What follows the name of the collection of jobs in that of the open runs.
pub(crate) const OPEN_RUNS_SUFFIX: &str = "_open";
