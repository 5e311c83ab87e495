//! A handle to an executor of smol.

use std::sync::{Arc, Weak};

use smol::Executor;

/// The global executor of smol, or one of the program's own.
#[derive(Clone, Debug, Default)]
pub struct SmolRuntime {
    /// Weak, since its tasks hold this handle: the executor ends when the program drops it, and its tasks with it.
    pub(crate) own: Option<Weak<Executor<'static>>>,
}

impl SmolRuntime {
    /// Returns the global executor, that of [`smol::spawn`].
    pub fn global() -> Self {
        Self::default()
    }

    /// Returns a handle to an executor of the program's own. The program runs it, and ends it by dropping it.
    pub fn on(executor: &Arc<Executor<'static>>) -> Self {
        Self { own: Some(Arc::downgrade(executor)) }
    }
}
