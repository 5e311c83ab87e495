//! A job as a scheduler knows it.

use std::fmt;
use std::sync::Arc;

use crate::engine::Scheduler;
use apscheduler_core::job::{JobChanges, JobKey, JobOrigin, JobSpec};
use apscheduler_core::printable;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::TriggerSource;
use apscheduler_core::{Error, Result};

/// When a job runs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextRunTime {
    /// Its trigger will say at the start of the scheduler.
    Pending,
    /// Not until it is resumed.
    Paused,
    /// At this instant.
    At(Timestamp),
}

impl NextRunTime {
    /// The instant, where there is one.
    pub fn instant(self) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::Pending | Self::Paused => None,
        }
    }
}

impl From<Option<Timestamp>> for NextRunTime {
    fn from(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Paused, Self::At)
    }
}

/// A job as it was when the scheduler was asked, with methods that act on it now.
///
/// A stored record that is set aside is a job too: [`broken`](Self::broken) says why. If it can't be restored,
/// [`spec`](Self::spec) is `None`.
#[derive(Clone)]
pub struct Job {
    pub(crate) id: Arc<str>,
    pub(crate) jobstore: Arc<str>,
    pub(crate) next_run_time: NextRunTime,
    pub(crate) spec: Option<Arc<JobSpec>>,
    pub(crate) broken: Option<Arc<Error>>,
    /// What can be read of a record that can't be restored.
    pub(crate) broken_origin: Option<Arc<JobOrigin>>,
    pub(crate) scheduler: Scheduler,
}

impl Job {
    /// The id, unique in its store.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id and the store, by which the scheduler finds it.
    pub fn key(&self) -> JobKey {
        JobKey::in_store(Arc::clone(&self.jobstore), Arc::clone(&self.id))
    }

    /// The scheduler that its methods act on.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The description for people; the id of one that can't be restored.
    pub fn name(&self) -> &str {
        self.spec.as_ref().map_or(&*self.id, |spec| spec.name())
    }

    /// The alias of its store.
    pub fn jobstore(&self) -> &str {
        &self.jobstore
    }

    /// When it ran next, at the time the scheduler was asked.
    pub fn next_run_time(&self) -> NextRunTime {
        self.next_run_time
    }

    /// The definition, unless it can't be restored.
    pub fn spec(&self) -> Option<&Arc<JobSpec>> {
        self.spec.as_ref()
    }

    /// Why this scheduler does not run it: it can't be restored, or no executor has its alias.
    pub fn broken(&self) -> Option<&Error> {
        self.broken.as_deref()
    }

    /// The jobs file that declared it, where one did; for a broken record as far as its text can be read.
    pub fn origin(&self) -> Option<&JobOrigin> {
        match &self.spec {
            Some(spec) => spec.origin(),
            None => self.broken_origin.as_deref(),
        }
    }

    /// Whether it still waits for the start of the scheduler.
    pub fn pending(&self) -> bool {
        self.scheduler.is_pending(&self.id, &self.jobstore)
    }

    /// Makes changes, and returns the changed job.
    ///
    /// # Errors
    /// As [`Scheduler::modify_job`].
    pub fn modify(&self, changes: &JobChanges) -> Result<Self> {
        self.scheduler.modify_job(self.key(), changes)
    }

    /// Gives it another trigger and the next run time of that, and returns the changed job.
    ///
    /// # Errors
    /// As [`Scheduler::reschedule_job`].
    pub fn reschedule(&self, trigger: impl Into<TriggerSource>) -> Result<Self> {
        self.scheduler.reschedule_job(self.key(), trigger)
    }

    /// Keeps it from running until it is resumed.
    ///
    /// # Errors
    /// As [`Scheduler::pause_job`].
    pub fn pause(&self) -> Result<Self> {
        self.scheduler.pause_job(self.key())
    }

    /// Lets it run again, or removes it if its schedule has ended; then the result is `None`.
    ///
    /// # Errors
    /// As [`Scheduler::resume_job`].
    pub fn resume(&self) -> Result<Option<Self>> {
        self.scheduler.resume_job(self.key())
    }

    /// Removes it from its store.
    ///
    /// # Errors
    /// As [`Scheduler::remove_job`].
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

/// `NAME (trigger: TRIGGER, next run at: 2009-08-04 00:00:02 CEST)`, as APScheduler prints jobs.
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
        match self.next_run_time {
            NextRunTime::Pending => f.write_str("pending)"),
            NextRunTime::Paused => f.write_str("paused)"),
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
