//! Listeners and streams of events.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_core::Stream;

use super::listeners::{Listener, ListenerId};
use super::scheduler::Scheduler;
use super::state::Engine;
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
    /// Calls `callback` for every event in `mask`, on the thread where it happens and with no lock
    /// held.
    ///
    /// A slow listener delays the code that emitted the event; a panic in a listener is logged. A
    /// listener may call any method of the scheduler, including `shutdown`.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// let id = scheduler.add_listener(EventMask::JOB_ERROR | EventMask::JOB_MISSED, |event| {
    ///     if let Event::JobError { job, error, .. } = event {
    ///         eprintln!("{} failed: {error}", job.id());
    ///     }
    /// });
    /// assert!(scheduler.remove_listener(id));
    /// ```
    pub fn add_listener(
        &self,
        mask: EventMask,
        callback: impl Fn(&Event) + Send + Sync + 'static,
    ) -> ListenerId {
        let listeners = &self.0.listeners;
        let id = listeners.next_id();
        listeners.change(|list| {
            list.push(Listener { id, mask, callback: Arc::new(callback) });
        });
        id
    }

    /// Removes a listener. Returns `false` if there is none with that id.
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        let mut found = false;
        self.0.listeners.change(|list| {
            let before = list.len();
            list.retain(|listener| listener.id != id);
            found = list.len() < before;
        });
        found
    }

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
            Scheduler::of(engine).remove_listener(self.listener);
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("listener", &self.listener).finish_non_exhaustive()
    }
}
