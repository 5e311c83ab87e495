//! Access to the turns of a scheduler's event loop, for executors that run jobs there.

use std::fmt;
use std::sync::Arc;

/// The turns of an event loop. The engine implements this.
pub trait LoopTurns: Send + Sync {
    /// Makes a call in a turn of the loop, after those before it. Once the loop has ended, the call is dropped instead.
    fn post(&self, call: Box<dyn FnOnce() + Send>);

    /// Returns whether the calling thread is the one in which the loop makes its turns, as far as that is known.
    fn is_current(&self) -> bool;
}

/// A handle to the event loop of a running scheduler; see [`Executor::attach`](super::Executor::attach).
#[derive(Clone)]
pub struct LoopHandle(Arc<dyn LoopTurns>);

impl LoopHandle {
    /// Creates a handle to these turns.
    pub fn new(turns: Arc<dyn LoopTurns>) -> Self {
        Self(turns)
    }

    /// Makes a call in a turn of the loop, after those before it. Once the loop has ended, the call is dropped instead.
    pub fn post(&self, call: impl FnOnce() + Send + 'static) {
        self.0.post(Box::new(call));
    }

    /// Returns whether the calling thread is the one in which the loop makes its turns, as far as that is known.
    pub fn is_current(&self) -> bool {
        self.0.is_current()
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopHandle").field("current", &self.is_current()).finish_non_exhaustive()
    }
}
