//! What other threads have to say to a main context.
//!
//! The task of a context may be woken from any thread as long as the context lives. Who sends holds no reference to it, so
//! the mailbox is shut before the context is freed, under the lock that everybody holds who sends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt as _;
use glib::{ControlFlow, MainContext, Priority, Source};

use crate::turns::Turns;

/// Somebody wants a turn.
#[derive(Debug)]
pub(crate) enum Message {
    /// A scheduler was started.
    Begin(Arc<Turns>),
    /// One that was started is woken.
    Wake(Weak<Turns>),
}

impl Message {
    /// The scheduler, if it has not been shut down.
    pub(crate) fn turns(self) -> Option<Arc<Turns>> {
        match self {
            Self::Begin(turns) => Some(turns),
            Self::Wake(turns) => turns.upgrade(),
        }
    }
}

/// The place where messages go in. It is shut for all who have it when one of them drops it.
#[derive(Debug)]
pub(crate) struct Opening(Arc<Mutex<Option<UnboundedSender<Message>>>>);

/// The place where messages come out, in a task of the context.
#[derive(Debug)]
pub(crate) struct Messages {
    receiver: UnboundedReceiver<Message>,
    end: Source,
}

/// A mailbox that is shut when either end of it, or the context, goes.
pub(crate) fn mailbox(context: &MainContext) -> (Opening, Messages) {
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

impl Opening {
    /// Sends, or returns what nobody would get.
    pub(crate) fn send(&self, message: Message) -> Result<(), Message> {
        match &*self.sender() {
            Some(sender) => sender
                .unbounded_send(message)
                .map_err(futures_channel::mpsc::TrySendError::into_inner),
            None => Err(message),
        }
    }

    fn sender(&self) -> MutexGuard<'_, Option<UnboundedSender<Message>>> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut sender = self.sender();
        // The last sender wakes the source too, so it goes under the lock as well.
        *sender = None;
    }
}

impl Messages {
    /// The next one; none when nobody can send any more.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        self.receiver.next().await
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.end.destroy();
    }
}
