//! What a store keeps.

use std::sync::Arc;

use crate::job::JobSpec;
use crate::time::Timestamp;
use crate::{Error, ErrorKind, Result};

/// The part of a job that a store does not look into.
#[derive(Clone, Debug)]
pub enum JobPayload {
    /// The job itself, for stores that do not serialize.
    Live(Arc<JobSpec>),
    /// JSON that a person can read, with a format version.
    Encoded(Arc<str>),
}

impl JobPayload {
    /// The JSON text, where the state is encoded.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Live(_) => None,
            Self::Encoded(text) => Some(text),
        }
    }

    /// The text, for stores that [serialize](super::StoreCapabilities::serializes) and are handed nothing else.
    fn text_of(&self, id: &str) -> Result<&str> {
        self.as_text().ok_or_else(|| {
            let message = "a job that is not serialized can't be kept in this store";
            Error::new(ErrorKind::Unsupported, message).with_job_id(id)
        })
    }
}

/// One stored job.
#[derive(Clone, Debug)]
pub struct JobRecord {
    /// Its id, at most 191 characters.
    pub id: Arc<str>,
    /// When it runs next; `None` for a paused job.
    pub next_run_time: Option<Timestamp>,
    /// Raised by every write.
    pub revision: u64,
    /// What the engine makes of it.
    pub payload: JobPayload,
}

impl JobRecord {
    /// The state as text.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where it is [`JobPayload::Live`], which a store that serializes is never handed.
    pub fn text(&self) -> Result<&str> {
        self.payload.text_of(&self.id)
    }

    /// The place of this record in the order of [`JobStore::get_jobs`](super::JobStore::get_jobs).
    pub fn cursor(&self) -> Cursor {
        Cursor { next_run_time: self.next_run_time, id: Arc::clone(&self.id) }
    }
}

/// A job that is to be stored.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Its id.
    pub id: Arc<str>,
    /// When it runs first; `None` for a paused job.
    pub next_run_time: Option<Timestamp>,
    /// What the engine makes of it.
    pub payload: JobPayload,
    /// Whether it takes the place of a record with the same id.
    pub replace: bool,
}

impl NewRecord {
    /// The state as text.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where it is [`JobPayload::Live`], which a store that serializes is never handed.
    pub fn text(&self) -> Result<&str> {
        self.payload.text_of(&self.id)
    }
}

/// A place in the order of records: by next run time (paused jobs last), then by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The next run time of the last record that was seen.
    pub next_run_time: Option<Timestamp>,
    /// Its id.
    pub id: Arc<str>,
}

impl Cursor {
    /// Whether a record with this next run time and id comes behind this place.
    pub fn is_before(&self, next_run_time: Option<Timestamp>, id: &str) -> bool {
        let key =
            |time: Option<Timestamp>| time.map_or((1, 0), |time| (0, time.timestamp_micros()));
        (key(self.next_run_time), &*self.id) < (key(next_run_time), id)
    }
}
