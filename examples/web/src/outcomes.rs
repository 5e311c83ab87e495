//! The outcomes of the last runs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler::prelude::*;
use serde_json::{Value, json};

/// The number of outcomes to keep.
const CAPACITY: usize = 1000;

/// The outcomes of the last runs, oldest first. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Outcomes(Arc<Mutex<VecDeque<Value>>>);

impl Outcomes {
    /// Listens to a scheduler from now on.
    ///
    /// # Errors
    /// If this is called outside a runtime.
    pub fn of(scheduler: &TokioScheduler) -> Result<Self> {
        let outcomes = Self::default();
        let listener = outcomes.clone();
        let ends = EventMask::JOB_EXECUTED | EventMask::JOB_ERROR | EventMask::JOB_MISSED;
        // An async listener may await, for example a database or a webhook.
        scheduler.add_async_listener(ends, move |event| {
            let outcomes = listener.clone();
            async move { outcomes.push(json!(event)) }
        })?;
        Ok(outcomes)
    }

    /// Returns the outcomes.
    pub fn all(&self) -> Vec<Value> {
        self.lock().iter().cloned().collect()
    }

    fn push(&self, outcome: Value) {
        let mut outcomes = self.lock();
        if outcomes.len() == CAPACITY {
            outcomes.pop_front();
        }
        outcomes.push_back(outcome);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
