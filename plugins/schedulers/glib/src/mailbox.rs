//! Messages from other threads to a main context.
//!
//! The task of a context may be woken from any thread as long as the context lives. Senders hold no reference to it, so the
//! mailbox is closed before the context is freed, under the lock that senders hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt as _;
use glib::{ControlFlow, MainContext, Priority, Source};

/// The sending end. Dropping one reference closes it for all.
#[derive(Debug)]
pub(crate) struct Opening<T>(Arc<Mutex<Option<UnboundedSender<T>>>>);

/// The receiving end, in a task of the context.
#[derive(Debug)]
pub(crate) struct Messages<T> {
    receiver: UnboundedReceiver<T>,
    end: Source,
}

/// Creates a mailbox that is closed when either end, or the context, is dropped.
pub(crate) fn mailbox<T: Send + 'static>(context: &MainContext) -> (Opening<T>, Messages<T>) {
    let (sender, receiver) = unbounded();
    let sender = Arc::new(Mutex::new(Some(sender)));
    let opening = Opening(Arc::clone(&sender));
    // This timer never does anything. But a context drops the closures of its sources while it is intact, and its tasks
    // only once it is freed.
    let for_long = Duration::from_millis(u32::MAX.into());
    let end = glib::timeout_source_new(for_long, Some("apscheduler"), Priority::LOW, move || {
        let _shut_with_this_closure = &opening;
        ControlFlow::Continue
    });
    end.attach(Some(context));
    (Opening(sender), Messages { receiver, end })
}

impl<T> Opening<T> {
    /// Sends a message, or returns it if the mailbox is closed.
    pub(crate) fn send(&self, message: T) -> Result<(), T> {
        match &*self.sender() {
            Some(sender) => sender
                .unbounded_send(message)
                .map_err(futures_channel::mpsc::TrySendError::into_inner),
            None => Err(message),
        }
    }

    fn sender(&self) -> MutexGuard<'_, Option<UnboundedSender<T>>> {
        // Nothing under the lock can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Opening<T> {
    fn drop(&mut self) {
        let mut sender = self.sender();
        // Dropping the last sender also wakes the source, so it happens under the lock.
        *sender = None;
    }
}

impl<T> Messages<T> {
    /// Returns the next message; `None` when the mailbox is closed.
    pub(crate) async fn next(&mut self) -> Option<T> {
        self.receiver.next().await
    }
}

impl<T> Drop for Messages<T> {
    fn drop(&mut self) {
        self.end.destroy();
    }
}
