//! A cache of jobs restored from their stored text.

use std::sync::{Arc, Mutex};

use hashbrown::HashMap;

use super::lock::lock;
use apscheduler_core::Result;
use apscheduler_core::job::JobSpec;
use apscheduler_core::job::stored::decode;
use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::trigger::TriggerContext;

/// The maximum number of cached jobs. Jobs that run often stay cached.
const CAPACITY: usize = 10_000;

/// The jobs restored from a store's text. A job whose text is unchanged need not be parsed again.
/// From one fire to the next, usually only the next run time changes, which is not part of the
/// text.
#[derive(Debug, Default)]
pub(super) struct RestoredJobs(Mutex<HashMap<Arc<str>, Restored>>);

#[derive(Debug)]
struct Restored {
    text: Arc<str>,
    spec: Arc<JobSpec>,
}

impl RestoredJobs {
    /// Returns the job of a record, if it is cached.
    pub(super) fn known(&self, record: &JobRecord) -> Option<Arc<JobSpec>> {
        let text = match &record.payload {
            JobPayload::Live(spec) => return Some(Arc::clone(spec)),
            JobPayload::Encoded(text) => text,
        };
        let jobs = lock(&self.0);
        let known = jobs.get(&record.id).filter(|known| known.text == *text);
        known.map(|known| Arc::clone(&known.spec))
    }

    /// Restores the job of a record that is not [cached](Self::known).
    pub(super) fn restore(
        &self,
        record: &JobRecord,
        context: &TriggerContext<'_>,
    ) -> Result<Arc<JobSpec>> {
        let text = match &record.payload {
            JobPayload::Live(spec) => return Ok(Arc::clone(spec)),
            JobPayload::Encoded(text) => text,
        };
        let spec = Arc::new(decode(&record.id, text, context)?);
        let restored = Restored { text: Arc::clone(text), spec: Arc::clone(&spec) };
        let forgotten = {
            let mut jobs = lock(&self.0);
            let is_full = jobs.len() >= CAPACITY;
            let all = if is_full { std::mem::take(&mut *jobs) } else { HashMap::default() };
            (all, jobs.insert(Arc::clone(&record.id), restored))
        };
        // Triggers are foreign, so they are dropped without the lock.
        drop(forgotten);
        Ok(spec)
    }
}
