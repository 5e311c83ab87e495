//! The keys of a store, and what they contain about themselves.

use apscheduler_core::{Error, ErrorKind, Result};

use crate::names::STORE_NAME;
use crate::script::FORMAT;

/// The names of the keys.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) jobs: String,
    pub(crate) run_times: String,
    pub(crate) meta: String,
    pub(crate) run_times_meta: String,
}

/// What the keys contain about themselves.
pub(crate) struct KeyMetadata {
    /// The version of the format; `None` if another program uses the keys.
    pub(crate) format: Option<String>,
    /// The key of the jobs that the run times belong to.
    pub(crate) owner: String,
    /// The key of the run times that belong to the jobs.
    pub(crate) run_times: String,
    /// Whether any of the keys exists.
    pub(crate) exist: bool,
}

impl Keys {
    /// Refuses keys that do not belong to this store.
    pub(crate) fn check(&self, metadata: &KeyMetadata, address: &str) -> Result<()> {
        let Self { jobs, run_times, .. } = self;
        let KeyMetadata { format, owner, run_times: found, .. } = metadata;
        let message = match format.as_deref() {
            None | Some(FORMAT) if owner != jobs => format!(
                "the run times in `{run_times}` at {address} belong to the jobs in `{owner}`, not to those in `{jobs}`; \
                 choose another `run_times_key`",
            ),
            None | Some(FORMAT) if found != run_times => format!(
                "the jobs in `{jobs}` at {address} have their run times in `{found}`, not in `{run_times}`; choose that \
                 `run_times_key`, or another `jobs_key`",
            ),
            Some(FORMAT) => return Ok(()),
            None => format!(
                "`{jobs}` and `{run_times}` at {address} are used by another program (APScheduler's own jobs can't be \
                 read); choose other keys",
            ),
            Some(newer) => format!(
                "the jobs in `{jobs}` at {address} have the format {newer}; this version knows {FORMAT}: update \
                 `apscheduler-store-redis`, or choose another `jobs_key`",
            ),
        };
        Err(Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME))
    }
}
