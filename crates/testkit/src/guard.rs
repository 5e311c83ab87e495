//! Values that run code when they are dropped.

use std::fmt;
use std::sync::{Mutex, PoisonError};

type Call = Box<dyn FnOnce() + Send>;

/// Calls a function when it is dropped, like a user's value might. Code that drops it must not hold
/// a lock that the function needs.
///
/// # Examples
/// ```
/// use apscheduler_testkit::CallsWhenDropped;
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// drop(CallsWhenDropped::new(move || drop(sender.send("dropped"))));
/// assert_eq!(receiver.try_recv(), Ok("dropped"));
/// ```
pub struct CallsWhenDropped(Mutex<Option<Call>>);

impl CallsWhenDropped {
    /// Returns a value that makes this call when it is dropped.
    pub fn new(call: impl FnOnce() + Send + 'static) -> Self {
        Self(Mutex::new(Some(Box::new(call))))
    }
}

impl Drop for CallsWhenDropped {
    fn drop(&mut self) {
        let call = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(call) = call {
            call();
        }
    }
}

impl fmt::Debug for CallsWhenDropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallsWhenDropped")
    }
}
