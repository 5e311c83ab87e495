//! What became of the last runs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler::prelude::*;
use serde_json::{Value, json};

/// How many outcomes are kept.
const CAPACITY: usize = 1000;

/// The outcomes of the last runs, oldest first. Clones mean the same ones.
#[derive(Clone, Debug, Default)]
pub struct Outcomes(Arc<Mutex<VecDeque<Value>>>);

impl Outcomes {
    /// Listens to a scheduler from now on.
    ///
    /// # Errors
    /// That this is called outside of a runtime.
    pub fn of(scheduler: &TokioScheduler) -> Result<Self> {
        let outcomes = Self::default();
        let listener = outcomes.clone();
        let ends = EventMask::JOB_EXECUTED | EventMask::JOB_ERROR | EventMask::JOB_MISSED;
        // An async listener may await: a database, say, or a web hook.
        scheduler.add_async_listener(ends, move |event| {
            let outcomes = listener.clone();
            async move { outcomes.push(json!(event)) }
        })?;
        Ok(outcomes)
    }

    /// All that are kept.
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
