//! Jobs that were restored from their stored text before.

use std::sync::{Arc, Mutex};

use hashbrown::HashMap;

use super::lock;
use apscheduler_core::Result;
use apscheduler_core::job::JobSpec;
use apscheduler_core::job::stored::decode;
use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::trigger::TriggerContext;

/// How many jobs are remembered: those that run often are among them.
const CAPACITY: usize = 10_000;

/// The jobs that a store's text was turned into. A job whose text has not changed needs not be read again, and nearly
/// all that changes from one fire to the next is the next run time, which is no part of the text.
#[derive(Debug, Default)]
pub(super) struct RestoredJobs(Mutex<HashMap<Arc<str>, Restored>>);

#[derive(Debug)]
struct Restored {
    text: Arc<str>,
    spec: Arc<JobSpec>,
}

impl RestoredJobs {
    /// The job that a record holds, where it need not be read.
    pub(super) fn known(&self, record: &JobRecord) -> Option<Arc<JobSpec>> {
        let text = match &record.payload {
            JobPayload::Live(spec) => return Some(Arc::clone(spec)),
            JobPayload::Encoded(text) => text,
        };
        let jobs = lock(&self.0);
        let known = jobs.get(&record.id).filter(|known| known.text == *text);
        known.map(|known| Arc::clone(&known.spec))
    }

    /// The job that a record holds, which is not [known](Self::known).
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
        // Triggers are foreign, so they go without the lock.
        drop(forgotten);
        Ok(spec)
    }
}
