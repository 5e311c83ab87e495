//! The records of a store.

use std::sync::Arc;

use crate::job::JobSpec;
use crate::time::Timestamp;
use crate::{Error, ErrorKind, Result};

/// The part of a job that a store does not look into.
#[derive(Clone, Debug)]
pub enum JobPayload {
    /// The job itself, for stores that do not serialize.
    Live(Arc<JobSpec>),
    /// Human-readable JSON with a format version.
    Encoded(Arc<str>),
}

impl JobPayload {
    /// Returns the JSON text if the payload is encoded.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Live(_) => None,
            Self::Encoded(text) => Some(text),
        }
    }

    fn text_of(&self, id: &str) -> Result<&str> {
        self.as_text().ok_or_else(|| {
            let message = "a job that is not serialized can't be kept in this store";
            Error::new(ErrorKind::Unsupported, message).with_job_id(id)
        })
    }
}

/// A stored job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobRecord {
    /// The id, at most 191 characters.
    pub id: Arc<str>,
    /// The next run time, in UTC; `None` for a paused job.
    pub next_run_time: Option<Timestamp>,
    /// Raised by every write.
    pub revision: u64,
    /// The job, for the engine.
    pub payload: JobPayload,
}

impl JobRecord {
    /// The record of a job as a store read it.
    pub fn new(
        id: impl Into<Arc<str>>,
        next_run_time: Option<Timestamp>,
        revision: u64,
        payload: JobPayload,
    ) -> Self {
        Self { id: id.into(), next_run_time, revision, payload }
    }

    /// Returns the record with another id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.id = id.into();
        self
    }

    /// Returns the record with another next run time.
    #[must_use]
    pub fn with_next_run_time(mut self, next_run_time: Option<Timestamp>) -> Self {
        self.next_run_time = next_run_time;
        self
    }

    /// Returns the record with another revision.
    #[must_use]
    pub fn with_revision(mut self, revision: u64) -> Self {
        self.revision = revision;
        self
    }

    /// Returns the record with another payload.
    #[must_use]
    pub fn with_payload(mut self, payload: JobPayload) -> Self {
        self.payload = payload;
        self
    }

    /// Returns the payload as text.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if it is [`JobPayload::Live`], which a store that
    /// [serializes](super::StoreCapabilities::serializes) never receives.
    pub fn text(&self) -> Result<&str> {
        self.payload.text_of(&self.id)
    }

    /// Returns the place of this record in the order of [`JobStore::get_jobs`](super::JobStore::get_jobs).
    pub fn cursor(&self) -> Cursor {
        Cursor { next_run_time: self.next_run_time, id: Arc::clone(&self.id) }
    }
}

/// A job to store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewRecord {
    /// The id, at most 191 characters.
    pub id: Arc<str>,
    /// The first run time, in UTC; `None` for a paused job.
    pub next_run_time: Option<Timestamp>,
    /// The job, for the engine.
    pub payload: JobPayload,
    /// Whether it replaces a record with the same id.
    pub replace: bool,
}

impl NewRecord {
    /// A record that replaces no other.
    pub fn new(
        id: impl Into<Arc<str>>,
        next_run_time: Option<Timestamp>,
        payload: JobPayload,
    ) -> Self {
        Self { id: id.into(), next_run_time, payload, replace: false }
    }

    /// Returns the record with another first run time.
    #[must_use]
    pub fn with_next_run_time(mut self, next_run_time: Option<Timestamp>) -> Self {
        self.next_run_time = next_run_time;
        self
    }

    /// Returns the record with another payload.
    #[must_use]
    pub fn with_payload(mut self, payload: JobPayload) -> Self {
        self.payload = payload;
        self
    }

    /// Sets whether it replaces a record with the same id.
    #[must_use]
    pub fn with_replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// Returns the payload as text.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if it is [`JobPayload::Live`], which a store that
    /// [serializes](super::StoreCapabilities::serializes) never receives.
    pub fn text(&self) -> Result<&str> {
        self.payload.text_of(&self.id)
    }
}

/// A place in the order of records: by next run time (paused jobs last), then by id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cursor {
    /// The next run time of the last record that was seen.
    pub next_run_time: Option<Timestamp>,
    /// Its id.
    pub id: Arc<str>,
}

impl Cursor {
    /// The place of a record with this next run time and id.
    pub fn new(next_run_time: Option<Timestamp>, id: impl Into<Arc<str>>) -> Self {
        Self { next_run_time, id: id.into() }
    }

    /// Whether a record with this next run time and id comes after this place.
    pub fn is_before(&self, next_run_time: Option<Timestamp>, id: &str) -> bool {
        let key =
            |time: Option<Timestamp>| time.map_or((1, 0), |time| (0, time.timestamp_micros()));
        (key(self.next_run_time), &*self.id) < (key(next_run_time), id)
    }
}
