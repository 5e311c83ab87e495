//! Opens the job stores of a jobs file without running jobs.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use apscheduler::file::JobsFile;
use apscheduler::job::{Job, JobKey};
use apscheduler::ledger::{RunQuery, RunRecord};
use apscheduler::{BackgroundScheduler, Scheduler, suggestion};

use crate::{stderr, user};

/// The most ids that an error message lists.
const MAX_LISTED: usize = 10;

/// Selects job stores.
#[derive(clap::Args)]
pub(crate) struct StoreArgs {
    /// The jobs file that configures the job stores
    #[arg(
        long,
        value_name = "FILE",
        env = "APSCHEDULER_CONFIG",
        global = true,
        help_heading = "Job stores"
    )]
    config: Option<PathBuf>,
    /// The alias of a job store [default: all stores; new jobs go into `default`]
    ///
    /// A store in memory can't be changed: the change would be lost when the command ends.
    #[arg(long, value_name = "ALIAS", global = true, help_heading = "Job stores")]
    jobstore: Option<String>,
}

/// The stores of a scheduler that stays paused, and the store that the user selected.
pub(crate) struct Stores {
    /// Names the user in the records of changes.
    pub(crate) scheduler: Scheduler,
    /// Closes the stores when it is dropped.
    _owner: BackgroundScheduler,
    pub(crate) alias: Option<String>,
    /// The aliases in the config. The scheduler adds `default` if it is missing.
    configured: Vec<String>,
}

/// The access that a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Needs no right to write, and creates nothing.
    Read,
    Write,
}

impl Stores {
    /// Opens the stores.
    ///
    /// # Errors
    /// If no jobs file is given, it is invalid, a store can't be opened, or the selected store does not exist.
    pub(crate) fn open(args: &StoreArgs, access: Access) -> Result<Self> {
        let Some(path) = &args.config else {
            bail!(
                "no jobs file given; use `--config FILE` or set the environment variable APSCHEDULER_CONFIG"
            );
        };
        let config = JobsFile::load_config(path)?;
        let in_file = |error: apscheduler::Error| anyhow!("{}: {}", path.display(), error.chain());
        let scheduler = BackgroundScheduler::builder().config(config).build().map_err(in_file)?;
        let configured = scheduler.jobstore_aliases();
        if access == Access::Read {
            scheduler.open_read_only()?;
        }
        scheduler.start_paused().map_err(in_file)?;
        if let Some(alias) = &args.jobstore
            && scheduler.jobstore(alias).is_none()
        {
            let aliases = scheduler.jobstore_aliases();
            let hint = suggestion::hint(
                alias,
                "configured job stores",
                aliases.iter().map(String::as_str),
            );
            bail!("--jobstore: unknown job store `{alias}`{hint}");
        }
        let acting = scheduler.acting_as(user::name());
        Ok(Self { scheduler: acting, _owner: scheduler, alias: args.jobstore.clone(), configured })
    }

    pub(crate) fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// The store for new jobs.
    ///
    /// # Errors
    /// If the store does not keep jobs after this process.
    pub(crate) fn target(&self) -> Result<&str> {
        let alias = self.alias().unwrap_or("default");
        if self.is_persistent(alias) {
            return Ok(alias);
        }
        Err(self.not_persistent(alias))
    }

    /// Checks that there is a store that keeps changes.
    ///
    /// # Errors
    /// If no selected store keeps jobs after this process.
    pub(crate) fn check_any_persistent(&self) -> Result<()> {
        let aliases = self.aliases();
        match aliases.iter().find(|alias| !self.is_persistent(alias)) {
            Some(alias) if !aliases.iter().any(|alias| self.is_persistent(alias)) => {
                Err(self.not_persistent(alias))
            }
            _ => Ok(()),
        }
    }

    /// Why changes to a store would be lost, and which stores would keep them.
    fn not_persistent(&self, alias: &str) -> anyhow::Error {
        let reason = if self.configured.iter().any(|known| known == alias) {
            "keeps its jobs in memory"
        } else {
            "is not configured, so it keeps its jobs in memory"
        };
        let others: Vec<String> = self.scheduler.jobstore_aliases();
        let others: Vec<String> = others
            .into_iter()
            .filter(|other| self.is_persistent(other))
            .map(|other| format!("`--jobstore {other}`"))
            .collect();
        let remedy = if others.is_empty() {
            "configure a persistent job store, such as [jobstores.default] with type = \"sqlite\""
                .to_owned()
        } else {
            format!("persistent job stores: {}", others.join(", "))
        };
        anyhow!(
            "the job store `{alias}` {reason}, and changes would be lost when this command ends; {remedy}"
        )
    }

    /// Warns of stores in memory: the jobs of other processes in them are not visible.
    pub(crate) fn warn_of_memory_stores(&self) {
        for alias in self.aliases() {
            if !self.is_persistent(&alias) {
                stderr::note(&format!(
                    "the job store `{alias}` keeps its jobs in memory; the jobs of a running `apscheduler run` are not \
                     visible here"
                ));
            }
        }
    }

    fn aliases(&self) -> Vec<String> {
        match &self.alias {
            Some(alias) => vec![alias.clone()],
            None => self.scheduler.jobstore_aliases(),
        }
    }

    /// Whether a store keeps its jobs after this process.
    fn is_persistent(&self, alias: &str) -> bool {
        self.scheduler.jobstore(alias).is_some_and(|store| {
            let can = store.capabilities();
            can.durable || can.shared
        })
    }

    /// Returns the jobs of the store that was named, or of all.
    pub(crate) fn jobs(&self) -> apscheduler::Result<Vec<Job>> {
        match self.alias() {
            Some(alias) => self.scheduler.get_jobs_in(alias),
            None => self.scheduler.get_jobs(),
        }
    }

    /// Returns runs of the store that was named, or of all.
    pub(crate) fn runs(&self, query: &RunQuery) -> apscheduler::Result<Vec<RunRecord>> {
        match self.alias() {
            Some(alias) => self.scheduler.runs_in(alias, query),
            None => self.scheduler.runs(query),
        }
    }

    /// Looks up a job by its id.
    ///
    /// # Errors
    /// An error with similar ids if there is no such job; any error from a store.
    pub(crate) fn job(&self, id: &str) -> Result<Job> {
        let key = match self.alias() {
            Some(alias) => JobKey::in_store(alias, id),
            None => JobKey::new(id),
        };
        if let Some(job) = self.scheduler.get_job(key)? {
            return Ok(job);
        }
        let jobs = self.jobs()?;
        let ids = || jobs.iter().map(Job::id);
        let hint = match suggestion::nearest(id, ids()) {
            _ if jobs.len() <= MAX_LISTED => suggestion::hint(id, "known jobs", ids()),
            Some(near) => {
                format!("; did you mean `{near}`? `apscheduler jobs list` lists all jobs")
            }
            None => "; `apscheduler jobs list` lists all jobs".to_owned(),
        };
        Err(anyhow!("no job has the id `{id}`{hint}"))
    }
}
