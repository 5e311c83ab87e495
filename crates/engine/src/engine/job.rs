//! Jobs of a scheduler.

use std::fmt;
use std::sync::Arc;

use super::scheduler::Scheduler;
use apscheduler_core::job::{JobChanges, JobKey, JobOrigin, JobSpec, Pause, Paused};
use apscheduler_core::printable;
use apscheduler_core::run::RunId;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::TriggerSource;
use apscheduler_core::{Error, Result};

/// When a job runs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRunTime {
    /// Computed by its trigger at the start of the scheduler.
    Pending,
    /// Not until it is resumed.
    Paused,
    /// When a run of a job ends that its trigger [follows](apscheduler_core::trigger::Trigger::follows).
    AfterOthers,
    /// At this instant.
    At(Timestamp),
}

impl NextRunTime {
    /// Returns the instant, if there is one.
    pub fn instant(self) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::Pending | Self::Paused | Self::AfterOthers => None,
        }
    }
}

impl From<Option<Timestamp>> for NextRunTime {
    fn from(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Paused, Self::At)
    }
}

/// A snapshot of a job, with methods that act on the job in the scheduler.
///
/// A stored record that is set aside is a job too; [`broken`](Self::broken) returns the reason. If
/// it can't be restored, [`spec`](Self::spec) returns `None`.
#[derive(Clone)]
pub struct Job {
    pub(super) id: Arc<str>,
    pub(super) jobstore: Arc<str>,
    pub(super) next_run_time: NextRunTime,
    /// `None` if the job was just added, or is held for the start.
    pub(super) revision: Option<u64>,
    pub(super) spec: Option<Arc<JobSpec>>,
    pub(super) broken: Option<Arc<Error>>,
    /// The origin of a record that can't be restored, as far as its text is readable.
    pub(super) broken_origin: Option<Arc<JobOrigin>>,
    pub(super) scheduler: Scheduler,
}

impl Job {
    /// Returns the id, unique in its store.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the key: the id and the store.
    pub fn key(&self) -> JobKey {
        JobKey::in_store(Arc::clone(&self.jobstore), Arc::clone(&self.id))
    }

    /// Returns the revision of its record as of this snapshot: each change, and each fire, raises it. With
    /// [`JobKey::at_revision`], a call changes nothing else than what was read. `None` for a job that was just added and not read,
    /// and before the start.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Returns the scheduler that the methods act on.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Returns the human-readable name; for a record that can't be restored, the id.
    pub fn name(&self) -> &str {
        self.spec.as_ref().map_or(&*self.id, |spec| spec.name())
    }

    /// Returns the alias of its store.
    pub fn jobstore(&self) -> &str {
        &self.jobstore
    }

    /// Returns the next run time as of this snapshot.
    pub fn next_run_time(&self) -> NextRunTime {
        let follows =
            |spec: &Arc<JobSpec>| spec.pause().is_none() && !spec.trigger().follows().is_empty();
        match self.next_run_time {
            NextRunTime::Paused if self.spec.as_ref().is_some_and(follows) => {
                NextRunTime::AfterOthers
            }
            next => next,
        }
    }

    /// Returns the definition, or `None` if it can't be restored.
    pub fn spec(&self) -> Option<&Arc<JobSpec>> {
        self.spec.as_ref()
    }

    /// Returns why this scheduler does not run the job: it can't be restored, or no executor has
    /// its alias.
    pub fn broken(&self) -> Option<&Error> {
        self.broken.as_deref()
    }

    /// Returns the pause of the job, if it is paused and its definition can be read. A job that was added or modified
    /// without a next run time is paused too, but has none.
    pub fn paused(&self) -> Option<&Paused> {
        let now = self.scheduler.clock().now();
        self.spec.as_ref()?.pause().filter(|pause| !pause.is_over(now))
    }

    /// Returns the jobs file that declared the job, if any; for a broken record, as far as its text
    /// is readable.
    pub fn origin(&self) -> Option<&JobOrigin> {
        match &self.spec {
            Some(spec) => spec.origin(),
            None => self.broken_origin.as_deref(),
        }
    }

    /// Returns whether the job is still held for the start of the scheduler.
    pub fn pending(&self) -> bool {
        self.scheduler.is_pending(&self.id, &self.jobstore)
    }

    /// Changes the job, and returns the changed job.
    ///
    /// # Errors
    /// Same as [`Scheduler::modify_job`].
    pub fn modify(&self, changes: &JobChanges) -> Result<Self> {
        self.scheduler.modify_job(self.key(), changes)
    }

    /// Replaces the trigger, sets the next run time from it, and returns the changed job.
    ///
    /// # Errors
    /// Same as [`Scheduler::reschedule_job`].
    pub fn reschedule(&self, trigger: impl Into<TriggerSource>) -> Result<Self> {
        self.scheduler.reschedule_job(self.key(), trigger)
    }

    /// Pauses the job: it does not run until it is resumed.
    ///
    /// # Errors
    /// Same as [`Scheduler::pause_job`].
    pub fn pause(&self) -> Result<Self> {
        self.scheduler.pause_job(self.key())
    }

    /// Pauses the job, with a note, and until a time.
    ///
    /// # Errors
    /// Same as [`Scheduler::pause_job_with`].
    pub fn pause_with(&self, pause: Pause) -> Result<Self> {
        self.scheduler.pause_job_with(self.key(), pause)
    }

    /// Resumes the job, or removes it if its schedule has ended; the result is then `None`.
    ///
    /// # Errors
    /// Same as [`Scheduler::resume_job`].
    pub fn resume(&self) -> Result<Option<Self>> {
        self.scheduler.resume_job(self.key())
    }

    /// Runs the job now, beside its schedule, and returns the id of the run.
    ///
    /// # Errors
    /// Same as [`Scheduler::run_now`].
    pub fn run_now(&self) -> Result<RunId> {
        self.scheduler.run_now(self.key())
    }

    /// Removes the job from its store.
    ///
    /// # Errors
    /// Same as [`Scheduler::remove_job`].
    pub fn remove(&self) -> Result<()> {
        self.scheduler.remove_job(self.key())
    }
}

/// Two handles are equal if they address the same job: the same id in the same store.
impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.jobstore == other.jobstore
    }
}

impl Eq for Job {}

impl From<&Job> for JobKey {
    fn from(job: &Job) -> Self {
        job.key()
    }
}

/// Formats `NAME (trigger: TRIGGER, next run at: 2009-08-04 00:00:02 CEST)`, like APScheduler.
impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.broken {
            let (id, reason) = (printable::line(&self.id), printable::line(error.message()));
            return write!(f, "{id} (broken: {reason})");
        }
        let at = self.next_run_time.instant().unwrap_or_default();
        let (trigger, zone) = match &self.spec {
            Some(spec) => (spec.trigger().to_string(), spec.trigger().zone(at)),
            None => ("-".to_owned(), Zone::UTC),
        };
        let (name, trigger) = (printable::line(self.name()), printable::line(&trigger));
        write!(f, "{name} (trigger: {trigger}, ")?;
        match self.next_run_time() {
            NextRunTime::Pending => f.write_str("pending)"),
            NextRunTime::Paused => f.write_str("paused)"),
            NextRunTime::AfterOthers => f.write_str("next run after others)"),
            NextRunTime::At(time) => write!(f, "next run at: {})", zone.display(time)),
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, name) = (printable::line(&self.id), printable::line(self.name()));
        write!(f, "<Job (id={id} name={name})>")
    }
}
