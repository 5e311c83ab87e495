//! A handle to a tokio runtime.

use tokio::runtime::Handle;

/// A handle to a tokio runtime, on which schedulers and executors run.
#[derive(Clone, Debug)]
pub struct TokioRuntime(pub(crate) Handle);

impl From<Handle> for TokioRuntime {
    fn from(handle: Handle) -> Self {
        Self(handle)
    }
}
