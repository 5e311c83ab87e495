//! The names of this plugin, and of its tables and indexes.

/// What errors call this plugin.
pub(crate) const STORE_NAME: &str = "job store `rethinkdb`";

/// What follows the name of the table of jobs in that of the records of runs.
pub(crate) const RUNS_SUFFIX: &str = "_runs";

/// What follows the name of the table of jobs in that of the owners of runs.
pub(crate) const OWNERS_SUFFIX: &str = "_owners";

/// What follows the name of the table of jobs in that of the open runs.
pub(crate) const OPEN_RUNS_SUFFIX: &str = "_open";

/// The index of jobs by run time and id, and of open runs by the time at which they are due.
pub(crate) const DUE: &str = "due";

/// The index of jobs without a run time by id.
pub(crate) const PAUSED: &str = "paused";

/// The index of hidden jobs by the time of their end.
pub(crate) const FINISHED: &str = "finished";

/// The indexes of jobs by the batches, owners and runs of their journal entries.
pub(crate) const OPEN_BATCH: &str = "open_batch";
pub(crate) const OPEN_OWNER: &str = "open_owner";
pub(crate) const OPEN_RUNS: &str = "open_runs";

/// The indexes of records and open runs by job, by state and by owner.
pub(crate) const JOB: &str = "job";
pub(crate) const STATE: &str = "state";
pub(crate) const OWNER: &str = "owner";

/// The index of open runs whose claims are not known to be won.
pub(crate) const CLAIMING: &str = "claiming";

/// The index of open runs with outcomes that are not recorded yet.
pub(crate) const UNRECORDED: &str = "unrecorded";

/// The state of the row of an open run that is about to be removed.
pub(crate) const ENDED: &str = "ended";
