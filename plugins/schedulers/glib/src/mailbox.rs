//! What other threads have to say to a main context.
//!
//! The task of a context may be woken from any thread as long as the context lives. Who sends holds no reference to it, so
//! the mailbox is shut before the context is freed, under the lock that everybody holds who sends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt as _;
use glib::{ControlFlow, MainContext, Priority, Source};

/// The place where messages go in. It is shut for all who have it when one of them drops it.
#[derive(Debug)]
pub(crate) struct Opening<T>(Arc<Mutex<Option<UnboundedSender<T>>>>);

/// The place where messages come out, in a task of the context.
#[derive(Debug)]
pub(crate) struct Messages<T> {
    receiver: UnboundedReceiver<T>,
    end: Source,
}

/// A mailbox that is shut when either end of it, or the context, goes.
pub(crate) fn mailbox<T: Send + 'static>(context: &MainContext) -> (Opening<T>, Messages<T>) {
    let (sender, receiver) = unbounded();
    let sender = Arc::new(Mutex::new(Some(sender)));
    let opening = Opening(Arc::clone(&sender));
    // It never comes to anything. But a context drops the closures of its sources while it is whole, and its tasks only
    // once it is freed.
    let for_long = Duration::from_millis(u32::MAX.into());
    let end = glib::timeout_source_new(for_long, Some("apscheduler"), Priority::LOW, move || {
        let _shut_with_this_closure = &opening;
        ControlFlow::Continue
    });
    end.attach(Some(context));
    (Opening(sender), Messages { receiver, end })
}

impl<T> Opening<T> {
    /// Sends, or returns what nobody would get.
    pub(crate) fn send(&self, message: T) -> Result<(), T> {
        match &*self.sender() {
            Some(sender) => sender
                .unbounded_send(message)
                .map_err(futures_channel::mpsc::TrySendError::into_inner),
            None => Err(message),
        }
    }

    fn sender(&self) -> MutexGuard<'_, Option<UnboundedSender<T>>> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Opening<T> {
    fn drop(&mut self) {
        let mut sender = self.sender();
        // The last sender wakes the source too, so it goes under the lock as well.
        *sender = None;
    }
}

impl<T> Messages<T> {
    /// The next one; none when nobody can send any more.
    pub(crate) async fn next(&mut self) -> Option<T> {
        self.receiver.next().await
    }
}

impl<T> Drop for Messages<T> {
    fn drop(&mut self) {
        self.end.destroy();
    }
}
