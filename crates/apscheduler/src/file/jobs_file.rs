//! A jobs file that was read, and what can be done with it.

use std::path::{Path, PathBuf};

use apscheduler_core::config::Config;
use apscheduler_core::{Error, Result};
use apscheduler_engine::Scheduler;

use super::entry::FileJob;
use super::http::Http;
use super::identity::Identity;
use super::plan::Plan;
use super::read::{self, Contents};
use super::settings::Settings;
use super::sync::{Applied, FileSync};
use super::wanted::{self, FirstRun, Wanted};
use super::warnings;

/// The configuration of a scheduler and its jobs, read from a file.
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
    http: Option<Http>,
    settings: Settings,
}

impl JobsFile {
    /// Reads a file. [`configure`](Self::configure) and [`check`](Self::check) find unknown plugins and functions and wrong
    /// options later.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](apscheduler_core::ErrorKind::Io) if the file can't be read;
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config), with the file and the line or key, if it is invalid.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let Contents { identity, config, jobs, http, settings } = read::contents(path)?;
        let path = path.to_owned();
        Ok(Self { path, identity, take_over: false, config, jobs, http, settings })
    }

    /// Reads only the configuration of the scheduler. Environment variables in jobs need not be set.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_config(path: impl AsRef<Path>) -> Result<Config> {
        read::config_of(path.as_ref())
    }

    /// The path that was given to [`load`](Self::load).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key `name` of the file. `None` if the file is identified by its path and the host.
    pub fn name(&self) -> Option<&str> {
        self.identity.name.as_deref()
    }

    /// Whether [`apply`](Self::apply) makes this file the owner of jobs that it would otherwise refuse or leave alone:
    /// - jobs in this file that belong to a file with another name;
    /// - jobs of a file without a name at the same path on any host, and of a file with another name at the same path on
    ///   this host; they are removed if they are not in this file;
    /// - all jobs of a file with the same name, even if none of them is in this file.
    ///
    /// Use it for one start after a file was renamed or replaced another one.
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

    /// Whether the file has the key `http`. A program that does not serve it should say so.
    pub fn has_http(&self) -> bool {
        self.http.is_some()
    }

    /// Binds the address of the key `http`, if the file has it. The program serves it, with
    /// [`BoundServer::serve`](apscheduler_interface_http::BoundServer::serve), as long as it wants to.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](apscheduler_core::ErrorKind::Io) with the address.
    #[cfg(feature = "interface-http")]
    pub fn bind_http(&self) -> Result<Option<apscheduler_interface_http::BoundServer>> {
        let bound = self.http.as_ref().map(Http::bind).transpose();
        bound.map_err(|error| self.locate(&error))
    }

    /// Binds the address of the key `http` of a file, or `listen`, without reading its jobs. Without the key, the server has
    /// its defaults: it listens at 127.0.0.1:8080, and whoever can reach it may look.
    ///
    /// For programs that show the stores of a file and run no jobs; see
    /// [`Scheduler::never_process`](apscheduler_engine::Scheduler::never_process).
    ///
    /// # Errors
    /// As [`load`](Self::load); [`ErrorKind::Io`](apscheduler_core::ErrorKind::Io) with the address.
    #[cfg(feature = "interface-http")]
    pub fn bind_http_at(
        path: impl AsRef<Path>,
        listen: Option<&str>,
    ) -> Result<apscheduler_interface_http::BoundServer> {
        let path = path.as_ref();
        let http = read::http_of(path, listen)?;
        http.bind().map_err(|error| read::in_file(path, &error))
    }

    /// Configures a scheduler that has not been started.
    ///
    /// # Errors
    /// As [`Scheduler::configure`], prefixed with the path of the file.
    pub fn configure(&self, scheduler: &Scheduler) -> Result<()> {
        scheduler.configure(&self.config).map_err(|error| self.locate(&error))
    }

    /// Builds all jobs without adding them, and returns all errors. The scheduler may or may not have been started.
    pub fn check(&self, scheduler: &Scheduler) -> Vec<Error> {
        self.build(scheduler).1
    }

    /// Returns what [`apply`](Self::apply) would change in the stores of a started scheduler. Writes nothing.
    ///
    /// # Errors
    /// The first error of [`check`](Self::check); any error from a store. A file that would be refused is not an error: see
    /// [`Plan::refusals`].
    pub fn plan(&self, scheduler: &Scheduler) -> Result<Plan> {
        let wanted = self.wanted(scheduler)?;
        self.sync(scheduler, &wanted).plan().map_err(|error| self.locate(&error))
    }

    /// Changes the stores of a started scheduler to match the file; see the [module](super).
    ///
    /// Pause the scheduler meanwhile, as [`start`](Self::start) does, so that no job fires that the file changes.
    ///
    /// # Errors
    /// The first error of [`check`](Self::check), or [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) if a job
    /// belongs to another file; then nothing is changed. Any error from a store.
    pub fn apply(&self, scheduler: &Scheduler) -> Result<Applied> {
        self.apply_wanted(scheduler, &self.wanted(scheduler)?)
    }

    /// Changes the stores of a running scheduler to match this file, after an earlier version of the file was applied.
    ///
    /// It differs from [`apply`](Self::apply) in one thing: a job without a trigger, which runs once at each start, does not
    /// run again if its entry is the same in both versions. The settings of the scheduler stay as they are; see
    /// [`changed_settings`](Self::changed_settings).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_after(&self, before: &Self, scheduler: &Scheduler) -> Result<Applied> {
        let mut wanted = self.wanted(scheduler)?;
        for (job, wanted) in self.jobs.iter().zip(&mut wanted) {
            if wanted.first == FirstRun::Now && before.jobs.iter().any(|before| before.same(job)) {
                wanted.first = FirstRun::Never;
            }
        }
        self.apply_wanted(scheduler, &wanted)
    }

    /// The top-level keys whose values differ in an earlier version of this file, apart from `name` and `jobs`. They take
    /// effect when the program is started again.
    pub fn changed_settings<'a>(&'a self, before: &'a Self) -> Vec<&'a str> {
        self.settings.differences(&before.settings)
    }

    fn apply_wanted(&self, scheduler: &Scheduler, wanted: &[Wanted]) -> Result<Applied> {
        for warning in warnings::never_firing(&self.path, &self.jobs, scheduler) {
            tracing::warn!("{warning}");
        }
        let name = self.name().map_or_else(|| self.path.display().to_string(), str::to_owned);
        let acting = scheduler.acting_as(format!("jobs file {name}"));
        self.sync(&acting, wanted).apply().map_err(|error| self.locate(&error))
    }

    fn build(&self, scheduler: &Scheduler) -> (Vec<Wanted>, Vec<Error>) {
        let (wanted, errors) = wanted::build(&self.jobs, &self.identity, scheduler);
        (wanted, errors.iter().map(|error| self.locate(error)).collect())
    }

    fn wanted(&self, scheduler: &Scheduler) -> Result<Vec<Wanted>> {
        let (wanted, errors) = self.build(scheduler);
        errors.into_iter().next().map_or(Ok(wanted), Err)
    }

    fn sync<'a>(&'a self, scheduler: &'a Scheduler, wanted: &'a [Wanted]) -> FileSync<'a> {
        FileSync { scheduler, identity: &self.identity, take_over: self.take_over, wanted }
    }

    /// Returns warnings about jobs that are valid but will not run: with a schedule that has ended, or that never fires in
    /// whole or in part. Jobs that can't be built are left out: see [`check`](Self::check).
    ///
    /// Before the start, it also warns of jobs that will be kept in memory although the file has a persistent job store.
    pub fn warnings(&self, scheduler: &Scheduler) -> Vec<String> {
        let mut warnings = warnings::schedules(&self.path, &self.jobs, scheduler);
        warnings.extend(self.kept_in_memory(scheduler));
        warnings
    }

    /// The warning about jobs that will be kept in memory, before the start.
    pub(super) fn kept_in_memory(&self, scheduler: &Scheduler) -> Option<String> {
        warnings::kept_in_memory(&self.path, &self.jobs, scheduler)
    }

    /// Prefixes an error with the path of the file.
    pub(super) fn locate(&self, error: &Error) -> Error {
        read::in_file(&self.path, error)
    }
}
