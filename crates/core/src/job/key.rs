//! Addresses of jobs.

use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::printable;

/// Addresses a job: by its id alone, or by its id and the alias of its store.
///
/// Without a store, every store of the scheduler is searched. The keys in events always name the store.
///
/// A key with a [revision](Self::at_revision) addresses the job as it was read: a call fails with
/// [`ErrorKind::Outdated`](crate::ErrorKind::Outdated) if the job has been changed, or has fired, since then.
///
/// # Examples
/// ```
/// use apscheduler_core::job::JobKey;
///
/// assert_eq!(JobKey::from("backup"), JobKey::new("backup"));
/// assert_eq!(JobKey::from(("disk", "backup")), JobKey::in_store("disk", "backup"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobKey {
    id: Arc<str>,
    jobstore: Option<Arc<str>>,
    revision: Option<u64>,
}

impl JobKey {
    /// The job with this id, in whichever store has it.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), jobstore: None, revision: None }
    }

    /// The job with this id in the store with this alias.
    pub fn in_store(jobstore: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), jobstore: Some(jobstore.into()), revision: None }
    }

    /// The same job, as long as its record has this revision.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::job::JobKey;
    ///
    /// let as_it_was_read = JobKey::new("backup").at_revision(7);
    /// assert_eq!(as_it_was_read.revision(), Some(7));
    /// ```
    #[must_use]
    pub fn at_revision(mut self, revision: impl Into<Option<u64>>) -> Self {
        self.revision = revision.into();
        self
    }

    /// The id of the job.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The alias of the store, if the key names one.
    pub fn jobstore(&self) -> Option<&str> {
        self.jobstore.as_deref()
    }

    /// The revision that the record must have, if the key names one.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }
}

impl From<&str> for JobKey {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}

impl From<&&str> for JobKey {
    fn from(id: &&str) -> Self {
        Self::new(*id)
    }
}

impl From<&String> for JobKey {
    fn from(id: &String) -> Self {
        Self::new(id.as_str())
    }
}

impl From<String> for JobKey {
    fn from(id: String) -> Self {
        Self::new(id)
    }
}

impl From<&Arc<str>> for JobKey {
    fn from(id: &Arc<str>) -> Self {
        Self::new(Arc::clone(id))
    }
}

impl From<Arc<str>> for JobKey {
    fn from(id: Arc<str>) -> Self {
        Self::new(id)
    }
}

/// The alias of the store, and the id.
impl<S: AsRef<str>, I: AsRef<str>> From<(S, I)> for JobKey {
    fn from((jobstore, id): (S, I)) -> Self {
        Self::in_store(jobstore.as_ref(), id.as_ref())
    }
}

impl From<&Self> for JobKey {
    fn from(key: &Self) -> Self {
        key.clone()
    }
}

/// The id, and the store if the key names one: `backup (job store disk)`.
impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable::line(&self.id))?;
        match &self.jobstore {
            Some(jobstore) => write!(f, " (job store {})", printable::line(jobstore)),
            None => Ok(()),
        }
    }
}

/// The fields `job_id` and `jobstore`.
impl Serialize for JobKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("JobKey", 2)?;
        fields.serialize_field("job_id", &*self.id)?;
        fields.serialize_field("jobstore", &self.jobstore.as_deref())?;
        fields.end()
    }
}
