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
//! The keys at the top are those of [`Config`], nested or with dots, and `jobs`. All of them may stand in a table
//! `apscheduler`, or behind the prefix `apscheduler.`. A job has the options of `add_job`: `id` (required), `func`, `args`,
//! `kwargs`, `trigger` (a table with `type`, or the type alone), `name`, `misfire_grace_time`, `coalesce`,
//! `max_instances`, `timeout`, `next_run_time` (`"none"` adds it paused), `jobstore`, `executor`. Without a trigger it runs once, at
//! each start. `${NAME}` in a value is a variable of the environment, `${NAME:-text}` has a default, and `$${` is a
//! literal `${`.
//!
//! # From the file into the stores
//! [`JobsFile::apply`] makes the stores hold what the file says. Every job carries the path of its file and a digest of
//! its entry:
//! - One that is **unchanged** is not touched: it keeps its next run time over restarts, stays paused where it was
//!   paused by hand, and keeps what was modified by hand.
//! - One whose `trigger` or `next_run_time` **changed** (or the zone of the scheduler) gets a new next run time. Any other
//!   change leaves the next run time, and a paused job paused.
//! - One that **left the file** is removed, if it came from it.
//! - One with the same id that came **from elsewhere**, and a record that can't be restored, is replaced by what the file
//!   says.
//! - A **schedule that has ended** is not added: neither is a `date` that has passed. So what has run to its end does not
//!   run again at the next start.
//!
//! Several processes may apply the same file to a shared store at once.

mod digest;
mod entry;
mod layout;
mod sync;
mod syntax;
mod variables;
mod warnings;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use apscheduler_core::config::Config;
use apscheduler_core::registry::PluginSet;
use apscheduler_core::schedulers::BackgroundScheduler;
use apscheduler_core::{Error, ErrorKind, Result, Scheduler};
use serde_json::Value;

pub use entry::FileJob;
use layout::Layout;
pub use sync::Applied;
use syntax::Format;

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
    /// The absolute path, by which jobs remember where they came from.
    origin: String,
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
        let origin = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let jobs = jobs(layout.jobs).map_err(|error| at(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            origin: origin.to_string_lossy().into_owned(),
            config,
            jobs,
        })
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

    /// Makes the stores of a scheduler that was started hold what the file says; see the [module](self).
    ///
    /// Best while the scheduler is paused, as [`start`](Self::start) does: then nothing fires that the file has changed.
    ///
    /// # Errors
    /// The first of what [`check`](Self::check) finds: then nothing is changed. What a store says.
    pub fn apply(&self, scheduler: &Scheduler) -> Result<Applied> {
        let (wanted, errors) = self.build(scheduler);
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => {
                for warning in self.never_firing(scheduler) {
                    tracing::warn!("{warning}");
                }
                sync::sync(scheduler, &self.origin, &wanted).map_err(|error| at(&self.path, &error))
            }
        }
    }

    /// Starts a scheduler and applies the file before any job runs.
    ///
    /// # Errors
    /// As [`BackgroundScheduler::start`] and [`apply`](Self::apply); then the scheduler is stopped again.
    pub fn start<P: PluginSet>(&self, scheduler: &BackgroundScheduler<P>) -> Result<Applied> {
        scheduler.start_paused().map_err(|error| at(&self.path, &error))?;
        let applied =
            self.apply(scheduler).and_then(|applied| scheduler.resume().map(|()| applied));
        if applied.is_err() {
            // It may be stopped already.
            let _ = scheduler.shutdown(true);
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
