//! The keys of a store, and what they contain about themselves.

use apscheduler_core::{Error, ErrorKind, Result};

use crate::names::STORE_NAME;
use crate::script::{FORMAT, LEDGER_FORMAT};

/// The names of the keys. All but those of the run times begin with the key of the jobs, so that a hash tag in it holds for
/// all of them.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) jobs: String,
    pub(crate) run_times: String,
    pub(crate) meta: String,
    pub(crate) run_times_meta: String,
    pub(crate) ledger: LedgerKeys,
}

/// The names of the keys of the ledger.
#[derive(Clone, Debug)]
pub(crate) struct LedgerKeys {
    /// The journal entries, by batch.
    pub(crate) journal: String,
    /// The batches in the journal, by owner.
    pub(crate) batches: String,
    /// The rows of open runs.
    pub(crate) open: String,
    /// The runs that have rows, in order, and for each job and owner.
    pub(crate) open_index: String,
    /// The runs that wait, by the time at which they are due.
    pub(crate) open_due: String,
    pub(crate) owners: String,
    /// The records, by run and attempt.
    pub(crate) runs: String,
    /// The runs in the order of their identifiers, for each state.
    pub(crate) by_state: String,
    /// The same, for each job and state.
    pub(crate) by_job: String,
    /// The jobs with records that are old, but are among the last of their jobs.
    pub(crate) kept: String,
}

/// What the keys contain about themselves.
pub(crate) struct KeyMetadata {
    /// The version of the format; `None` if another program uses the keys.
    pub(crate) format: Option<String>,
    /// The version of the format of the ledger.
    pub(crate) ledger: String,
    /// The key of the jobs that the run times belong to.
    pub(crate) owner: String,
    /// The key of the run times that belong to the jobs.
    pub(crate) run_times: String,
    /// Whether any of the keys exists.
    pub(crate) exist: bool,
}

impl Keys {
    pub(crate) fn new(jobs: String, run_times: String) -> Self {
        let with = |suffix| format!("{jobs}.{suffix}");
        Self {
            meta: with("meta"),
            run_times_meta: format!("{run_times}.meta"),
            ledger: LedgerKeys {
                journal: with("journal"),
                batches: with("journal.by_owner"),
                open: with("open"),
                open_index: with("open.index"),
                open_due: with("open.due"),
                owners: with("owners"),
                runs: with("runs"),
                by_state: with("runs.by_state"),
                by_job: with("runs.by_job"),
                kept: with("runs.kept"),
            },
            jobs,
            run_times,
        }
    }

    /// Returns the keys of the scripts on jobs.
    pub(crate) fn of_jobs(&self) -> [&str; 3] {
        [&self.jobs, &self.run_times, &self.meta]
    }

    /// Returns the keys of the script that prepares the store.
    pub(crate) fn of_start(&self) -> [&str; 4] {
        [&self.jobs, &self.run_times, &self.meta, &self.run_times_meta]
    }

    /// Returns the keys of the script that claims.
    pub(crate) fn of_claim(&self) -> [&str; 8] {
        let LedgerKeys { journal, batches, open, open_index, open_due, .. } = &self.ledger;
        let [jobs, run_times, meta] = self.of_jobs();
        [jobs, run_times, meta, journal, batches, open, open_index, open_due]
    }

    /// Returns the keys of the scripts on the ledger: those of claims, and its own.
    pub(crate) fn of_ledger(&self) -> Vec<&str> {
        let LedgerKeys { owners, runs, by_state, by_job, kept, .. } = &self.ledger;
        let own: [&str; 5] = [owners, runs, by_state, by_job, kept];
        [&self.of_claim()[..], &own[..]].concat()
    }

    /// Returns whether no two keys are the same.
    pub(crate) fn are_distinct(&self) -> bool {
        let mut keys = self.of_ledger();
        keys.push(&self.run_times_meta);
        keys.sort_unstable();
        keys.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Refuses keys that do not belong to this store.
    pub(crate) fn check(&self, metadata: &KeyMetadata, address: &str) -> Result<()> {
        let Self { jobs, run_times, .. } = self;
        let KeyMetadata { format, ledger, owner, run_times: found, .. } = metadata;
        let message = match format.as_deref() {
            None | Some(FORMAT) if owner != jobs => format!(
                "the run times in `{run_times}` at {address} belong to the jobs in `{owner}`, not to those in `{jobs}`; \
                 choose another `run_times_key`",
            ),
            None | Some(FORMAT) if found != run_times => format!(
                "the jobs in `{jobs}` at {address} have their run times in `{found}`, not in `{run_times}`; choose that \
                 `run_times_key`, or another `jobs_key`",
            ),
            Some(FORMAT) if ledger == LEDGER_FORMAT => return Ok(()),
            Some(FORMAT) => format!(
                "the records of runs in `{}` at {address} have the format {ledger}; this version knows {LEDGER_FORMAT}: \
                 update `apscheduler-store-redis`, or choose another `jobs_key`",
                self.ledger.runs
            ),
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
