//! Schedulers and jobs from TOML, YAML and JSON files.
//!
//! ```toml
//! timezone = "Europe/Helsinki"
//!
//! [jobstores.default]
//! type = "sqlite"
//! url = "sqlite:///jobs.sqlite"
//!
//! [[jobs]]
//! id = "backup"
//! func = "command"
//! kwargs = { argv = ["rsync", "-a", "data/", "${BACKUP_HOST:-localhost}:data/"] }
//! trigger = { type = "cron", hour = 3 }
//! misfire_grace_time = 3600
//! ```
//!
//! The keys at the top are those of [`Config`], nested or with dots, `name` and `jobs`. All of them may stand in a table
//! `apscheduler`, or behind the prefix `apscheduler.`. A job has the options of `add_job`: `id` (required), `func`, `args`,
//! `kwargs`, `trigger` (a table with `type`, or the type alone), `name`, `misfire_grace_time`, `coalesce`,
//! `max_instances`, `timeout`, `next_run_time` (`"none"` adds it paused), `jobstore`, `executor`. Without a trigger it runs once, at
//! each start. `${NAME}` in a value is a variable of the environment, `${NAME:-text}` has a default, and `$${` is a
//! literal `${`.
//!
//! # Which file it is
//! The key `name` at the top says what the job stores know the file by, wherever it lies and whichever host applies it.
//! It is unique in a store. Without it a file is known by its path (absolute, with symbolic links as they were given) and
//! the host. A file that is deployed to changing paths or hosts, such as pods, needs a name.
//!
//! # From the file into the stores
//! [`JobsFile::apply`] makes the stores hold what the file says, and [`JobsFile::plan`] shows what that would be. Every
//! job carries the name, the path and the host of its file and a digest of its entry. The digest depends on the meaning of
//! the entry alone: not on comments, the order of keys, the format, the path or the host.
//! - One that is **unchanged** is not touched: it keeps its next run time over restarts, stays paused where it was
//!   paused by hand, and keeps what was modified by hand. This holds too for one that came from another path or host.
//! - One whose `trigger` or `next_run_time` **changed** (or the zone of the scheduler) gets a new next run time. Any other
//!   change leaves the next run time, and a paused job paused.
//! - One that **left the file** is removed, if it is this file's. Those of a file at the same path on another host are
//!   left alone, with a warning.
//! - One with the same id that came **from elsewhere** (added by hand, or from a file without a name) is changed to what
//!   the file says, with a warning.
//! - One with the same id that belongs to a file with **another name** is an error, and nothing is changed. So is a file
//!   whose name has been used by a file elsewhere with other jobs. [`JobsFile::take_over`] says that it is meant.
//! - A **record that can't be restored** is replaced.
//! - A **schedule that has ended** is not added: neither is a `date` that has passed. So what has run to its end does not
//!   run again at the next start.
//!
//! Several processes may apply the same file to a shared store at once.

mod digest;
mod entry;
mod identity;
mod layout;
mod meaning;
mod plan;
mod stored;
mod sync;
mod syntax;
mod variables;
mod wanted;
mod warnings;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use apscheduler_core::Shutdown;
use apscheduler_core::config::Config;
use apscheduler_core::registry::PluginSet;
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::Scheduler;
use apscheduler_engine::schedulers::BackgroundScheduler;
use serde_json::Value;

pub use entry::FileJob;
use identity::Identity;
use layout::Layout;
pub use plan::{Plan, PlannedAction, PlannedChange, PlannedJob};
pub use sync::Applied;
use sync::Sync;
use syntax::Format;
use wanted::Wanted;

/// A file that was read: the configuration of a scheduler, and its jobs.
///
/// # Examples
/// ```no_run
/// use apscheduler::file::JobsFile;
///
/// let file = JobsFile::load("jobs.toml")?;
/// let scheduler = apscheduler::BackgroundScheduler::new();
/// file.configure(&scheduler)?;
/// file.start(&scheduler)?;
/// # Ok::<(), apscheduler::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct JobsFile {
    path: PathBuf,
    identity: Identity,
    take_over: bool,
    config: Config,
    jobs: Vec<FileJob>,
}

impl JobsFile {
    /// Reads a file. What its plugins, triggers and functions say is found out by [`configure`](Self::configure) and
    /// [`check`](Self::check).
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where it can't be read; [`ErrorKind::Config`] that names the file, and the line or the key.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut layout = read(path)?;
        let config = config(&mut layout).map_err(|error| at(path, &error))?;
        let identity = name(layout.name)
            .and_then(|name| Identity::of(path, name))
            .map_err(|error| at(path, &error))?;
        let jobs = jobs(layout.jobs).map_err(|error| at(path, &error))?;
        Ok(Self { path: path.to_owned(), identity, take_over: false, config, jobs })
    }

    /// Reads the configuration of the scheduler alone: the jobs in the file may name variables that are not set here.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_config(path: impl AsRef<Path>) -> Result<Config> {
        let path = path.as_ref();
        config(&mut read(path)?).map_err(|error| at(path, &error))
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that the file states, by which the job stores know it. Without one it is known by its path and the host.
    pub fn name(&self) -> Option<&str> {
        self.identity.name.as_deref()
    }

    /// Makes this file the owner of jobs that [`apply`](Self::apply) would refuse or leave alone otherwise:
    /// - jobs in the file that belong to a file with another name;
    /// - jobs of a file without a name at the same path, whatever the host, and of one with another name at the same path
    ///   on this host: they are removed where they are not in this file;
    /// - all jobs of a file with the same name, even if none of them is in this file.
    ///
    /// For one start, after a file was renamed or took the place of another.
    #[must_use]
    pub fn take_over(mut self, take_over: bool) -> Self {
        self.take_over = take_over;
        self
    }

    /// The configuration of the scheduler.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The jobs, in the order of the file.
    pub fn jobs(&self) -> &[FileJob] {
        &self.jobs
    }

    /// Configures a scheduler that has not been started.
    ///
    /// # Errors
    /// As [`Scheduler::configure`], with the name of the file.
    pub fn configure(&self, scheduler: &Scheduler) -> Result<()> {
        scheduler.configure(&self.config).map_err(|error| at(&self.path, &error))
    }

    /// Everything that is wrong with the jobs: builds them all, adds none. The scheduler may have been started or not.
    pub fn check(&self, scheduler: &Scheduler) -> Vec<Error> {
        self.build(scheduler).1
    }

    /// What [`apply`](Self::apply) would do to the stores of a scheduler that was started; writes nothing.
    ///
    /// # Errors
    /// The first of what [`check`](Self::check) finds; any error from a store. A file that would be refused is no error:
    /// see [`Plan::refusals`].
    pub fn plan(&self, scheduler: &Scheduler) -> Result<Plan> {
        let wanted = self.wanted(scheduler)?;
        self.sync(scheduler, &wanted).plan().map_err(|error| at(&self.path, &error))
    }

    /// Makes the stores of a scheduler that was started hold what the file says; see the [module](self).
    ///
    /// Best while the scheduler is paused, as [`start`](Self::start) does: then nothing fires that the file has changed.
    ///
    /// # Errors
    /// The first of what [`check`](Self::check) finds, and [`ErrorKind::Config`] where a job belongs to another file: then
    /// nothing is changed. Any error from a store.
    pub fn apply(&self, scheduler: &Scheduler) -> Result<Applied> {
        let wanted = self.wanted(scheduler)?;
        for warning in self.never_firing(scheduler) {
            tracing::warn!("{warning}");
        }
        self.sync(scheduler, &wanted).apply().map_err(|error| at(&self.path, &error))
    }

    fn build(&self, scheduler: &Scheduler) -> (Vec<Wanted>, Vec<Error>) {
        let (wanted, errors) = wanted::build(&self.jobs, &self.identity, scheduler);
        (wanted, errors.iter().map(|error| at(&self.path, error)).collect())
    }

    fn wanted(&self, scheduler: &Scheduler) -> Result<Vec<Wanted>> {
        let (wanted, errors) = self.build(scheduler);
        errors.into_iter().next().map_or(Ok(wanted), Err)
    }

    fn sync<'a>(&'a self, scheduler: &'a Scheduler, wanted: &'a [Wanted]) -> Sync<'a> {
        Sync { scheduler, identity: &self.identity, take_over: self.take_over, wanted }
    }

    /// Starts a scheduler and applies the file before any job runs.
    ///
    /// # Errors
    /// As [`BackgroundScheduler::start`] and [`apply`](Self::apply); then the scheduler is stopped again.
    pub fn start<P: PluginSet>(&self, scheduler: &BackgroundScheduler<P>) -> Result<Applied> {
        if let Some(warning) = self.kept_in_memory(scheduler) {
            tracing::warn!("{warning}");
        }
        scheduler.start_paused().map_err(|error| at(&self.path, &error))?;
        let applied =
            self.apply(scheduler).and_then(|applied| scheduler.resume().map(|()| applied));
        if applied.is_err() {
            // It may be stopped already.
            let _ = scheduler.shutdown(Shutdown::Wait);
        }
        applied
    }
}

/// An error with the name of the file, in one line.
fn at(path: &Path, error: &Error) -> Error {
    let chain = error.chain();
    let text = match error.job_id() {
        // The place in the file names the job.
        Some(id) => chain.strip_prefix(&format!("job `{id}`: ")).unwrap_or(&chain),
        None => &chain,
    };
    Error::new(error.kind(), format!("{}: {text}", path.display()))
        .with_retryable(error.is_retryable())
}

fn read(path: &Path) -> Result<Layout> {
    let invalid =
        |message: String| Error::new(ErrorKind::Config, format!("{}: {message}", path.display()));
    let format = Format::of(path).map_err(invalid)?;
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(ErrorKind::Io, format!("can't read the file `{}`", path.display()))
            .with_source(error)
    })?;
    format.parse(&text).and_then(Layout::of).map_err(invalid)
}

fn config(layout: &mut Layout) -> Result<Config> {
    let mut table = Value::Object(std::mem::take(&mut layout.config));
    expand(&mut table, "")?;
    Config::from_value(&table)
}

fn name(name: Option<Value>) -> Result<Option<Value>> {
    let mut name = name.filter(|name| !name.is_null());
    if let Some(name) = &mut name {
        expand(name, "name")?;
    }
    Ok(name)
}

fn jobs(entries: Vec<Value>) -> Result<Vec<FileJob>> {
    let mut entries = Value::Array(entries);
    expand(&mut entries, "jobs")?;
    let Value::Array(entries) = entries else {
        return Ok(Vec::new());
    };
    let read = |(index, entry)| FileJob::read(index, entry);
    let jobs = entries.into_iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
    let mut known = HashMap::new();
    for (index, job) in jobs.iter().enumerate() {
        if let Some(other) = known.insert((job.jobstore(), job.id()), index) {
            let message = format!(
                "{}: jobs[{other}] has the same id in the same job store; give one of them another id",
                job.place()
            );
            return Err(Error::new(ErrorKind::ConflictingId, message));
        }
    }
    Ok(jobs)
}

fn expand(value: &mut Value, path: &str) -> Result<()> {
    variables::expand(value, path, &variables::environment)
        .map_err(|message| Error::new(ErrorKind::Config, message))
}
