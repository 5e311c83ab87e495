//! Event streams for async functions.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_core::Stream;

use super::{Engine, ListenerId, Scheduler};
use apscheduler_core::event::{Event, EventMask};

/// The events of a scheduler in order, as a stream for any async runtime. No event is lost, however
/// slow the reader is.
///
/// The stream ends when the scheduler and all its handles are gone.
#[must_use = "it collects events until it is dropped"]
pub struct EventStream {
    events: UnboundedReceiver<Event>,
    engine: Weak<Engine>,
    listener: ListenerId,
}

impl Scheduler {
    /// Returns a stream of the events in `mask` that happen from now on.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// # async fn example() -> apscheduler::Result<()> {
    /// let scheduler = BackgroundScheduler::new();
    /// let mut events = scheduler.events(EventMask::JOB_ERROR);
    /// while let Some(event) = events.next().await {
    ///     eprintln!("{event:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self, mask: EventMask) -> EventStream {
        let (sender, events) = unbounded();
        let listener = self.add_listener(mask, move |event| {
            // The stream may have just been dropped.
            let _ = sender.unbounded_send(event.clone());
        });
        EventStream { events, engine: Arc::downgrade(&self.0), listener }
    }
}

impl EventStream {
    /// Returns the next event. Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| Pin::new(&mut self.events).poll_next(context)).await
    }

    /// Returns the id of the stream's listener. Removing that listener ends the stream.
    pub fn listener(&self) -> ListenerId {
        self.listener
    }
}

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        Pin::new(&mut self.events).poll_next(context)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.upgrade() {
            Scheduler(engine).remove_listener(self.listener);
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("listener", &self.listener).finish_non_exhaustive()
    }
}
