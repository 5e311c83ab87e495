//! The job stores of a config, opened without running anything.

use anyhow::{Context as _, Result, anyhow, bail};
use apscheduler::file::JobsFile;
use apscheduler::job::{Job, JobKey};
use apscheduler::{BackgroundScheduler, suggestion};

use super::StoreArgs;
use crate::complain;

/// A longer list of ids helps nobody.
const MANY: usize = 10;

/// A scheduler that is paused for good, and the store that the command line names.
pub(super) struct Stores {
    pub(super) scheduler: BackgroundScheduler,
    pub(super) alias: Option<String>,
    /// The stores that the config names; `default` is made up where it is not among them.
    configured: Vec<String>,
}

/// What a command does with jobs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It only looks at them, so it needs no right to write and makes nothing.
    Read,
    Change,
}

pub(super) fn open(args: &StoreArgs, access: Access) -> Result<Stores> {
    let Some(path) = &args.config else {
        bail!(
            "whose jobs? give the jobs file: `--config FILE`, or the environment variable APSCHEDULER_CONFIG"
        );
    };
    let config = JobsFile::load_config(path)?;
    let place = || path.display().to_string();
    let scheduler = BackgroundScheduler::builder().config(config).build().with_context(place)?;
    let configured = scheduler.jobstore_aliases();
    if access == Access::Read {
        scheduler.open_read_only()?;
    }
    scheduler.start_paused().with_context(place)?;
    if let Some(alias) = &args.jobstore
        && scheduler.jobstore(alias).is_none()
    {
        let aliases = scheduler.jobstore_aliases();
        let hint = suggestion::hint(
            alias,
            "job stores of this config",
            aliases.iter().map(String::as_str),
        );
        bail!("--jobstore: no job store has the alias `{alias}`{hint}");
    }
    Ok(Stores { scheduler, alias: args.jobstore.clone(), configured })
}

impl Stores {
    pub(super) fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// The store that new jobs go into.
    ///
    /// # Errors
    /// Where it ends with this command.
    pub(super) fn target(&self) -> Result<&str> {
        let alias = self.alias().unwrap_or("default");
        if self.outlives(alias) {
            return Ok(alias);
        }
        Err(self.refuse(alias))
    }

    /// Refuses where no change could outlive this command.
    pub(super) fn need_outliving(&self) -> Result<()> {
        let aliases = self.aliases();
        match aliases.iter().find(|alias| !self.outlives(alias)) {
            Some(alias) if !aliases.iter().any(|alias| self.outlives(alias)) => {
                Err(self.refuse(alias))
            }
            _ => Ok(()),
        }
    }

    /// Why a store is no place for changes, and which would be one.
    fn refuse(&self, alias: &str) -> anyhow::Error {
        let why = if self.configured.iter().any(|known| known == alias) {
            "keeps its jobs in the memory of one process"
        } else {
            "is not in this config, so jobs in it are kept in the memory of one process"
        };
        let others: Vec<String> = self.scheduler.jobstore_aliases();
        let others: Vec<String> = others
            .into_iter()
            .filter(|other| self.outlives(other))
            .map(|other| format!("`--jobstore {other}`"))
            .collect();
        let remedy = if others.is_empty() {
            "give the config a job store that outlives it, as [jobstores.default] with type = \"sqlite\"".to_owned()
        } else {
            format!("of the stores of this config these outlive it: {}", others.join(", "))
        };
        anyhow!(
            "the job store `{alias}` {why}, and a change to it would end with this command; {remedy}"
        )
    }

    /// Says where a list can't be whole.
    pub(super) fn warn_of_memory(&self) {
        for alias in self.aliases() {
            if !self.outlives(&alias) {
                complain(&format!(
                    "note: the job store `{alias}` keeps its jobs in memory: those of a running `apscheduler run` can't be \
                     seen from here"
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

    /// Whether what is in a store is there after this process.
    fn outlives(&self, alias: &str) -> bool {
        self.scheduler.jobstore(alias).is_some_and(|store| {
            let can = store.capabilities();
            can.durable || can.shared
        })
    }

    /// The jobs of the store that was named, or of all.
    pub(super) fn jobs(&self) -> apscheduler::Result<Vec<Job>> {
        match self.alias() {
            Some(alias) => self.scheduler.get_jobs_in(alias),
            None => self.scheduler.get_jobs(),
        }
    }

    /// The job with that id.
    pub(super) fn job(&self, id: &str) -> Result<Job> {
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
            _ if jobs.len() <= MANY => suggestion::hint(id, "there are", ids()),
            Some(near) => format!("; did you mean `{near}`? `apscheduler jobs list` shows all"),
            None => "; `apscheduler jobs list` shows all".to_owned(),
        };
        Err(anyhow!("no job has the id `{id}`{hint}"))
    }
}
