//! The job stores of a config, opened without running anything.

use anyhow::{Context as _, Result, anyhow, bail};
use apscheduler::file::JobsFile;
use apscheduler::job::Job;
use apscheduler::{BackgroundScheduler, Scheduler, suggestion};

use super::StoreArgs;
use crate::complain;

/// A longer list of ids helps nobody.
const MANY: usize = 10;

/// A scheduler that is paused for good, and the store that the command line names.
pub(super) struct Stores {
    pub(super) scheduler: BackgroundScheduler,
    pub(super) alias: Option<String>,
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
    let scheduler = BackgroundScheduler::with_config(&config).with_context(place)?;
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
    Ok(Stores { scheduler, alias: args.jobstore.clone() })
}

impl Stores {
    pub(super) fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// The store that new jobs go into.
    pub(super) fn alias_or_default(&self) -> &str {
        self.alias().unwrap_or("default")
    }

    /// Refuses where nobody would ever see a change.
    pub(super) fn need_shared(&self) -> Result<()> {
        if self.aliases().iter().any(|alias| is_shared(&self.scheduler, alias)) {
            return Ok(());
        }
        Err(anyhow!(
            "the jobs are kept in memory, where only the process that runs them can reach them; give the config a job \
             store that is shared, as [jobstores.default] with type = \"sqlite\""
        ))
    }

    /// Says where a list can't be whole.
    pub(super) fn warn_of_memory(&self) {
        for alias in self.aliases() {
            if !is_shared(&self.scheduler, &alias) {
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

    /// The job with that id.
    pub(super) fn job(&self, id: &str) -> Result<Job> {
        if let Some(job) = self.scheduler.get_job(id, self.alias())? {
            return Ok(job);
        }
        let jobs = self.scheduler.get_jobs(self.alias())?;
        let ids = || jobs.iter().map(Job::id);
        let hint = match suggestion::nearest(id, ids()) {
            _ if jobs.len() <= MANY => suggestion::hint(id, "there are", ids()),
            Some(near) => format!("; did you mean `{near}`? `apscheduler jobs list` shows all"),
            None => "; `apscheduler jobs list` shows all".to_owned(),
        };
        Err(anyhow!("no job has the id `{id}`{hint}"))
    }
}

/// Whether other processes see what is in a store.
fn is_shared(scheduler: &Scheduler, alias: &str) -> bool {
    scheduler.jobstore(alias).is_some_and(|store| store.capabilities().shared)
}
