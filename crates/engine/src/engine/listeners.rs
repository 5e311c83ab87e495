//! Who wants to hear of events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::Scheduler;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::JobError;
use apscheduler_core::printable;

/// Names a listener, to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

type Callback = dyn Fn(&Event) + Send + Sync;

#[derive(Clone)]
struct Listener {
    id: ListenerId,
    mask: EventMask,
    callback: Arc<Callback>,
}

#[derive(Default)]
pub(super) struct Listeners {
    list: RwLock<Arc<[Listener]>>,
    /// What any listener wants: an event that nobody wants is not even made.
    wanted: AtomicU32,
    next_id: AtomicU64,
}

impl Listeners {
    fn change(&self, change: impl FnOnce(&mut Vec<Listener>)) {
        let before = {
            let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
            let mut listeners = list.to_vec();
            change(&mut listeners);
            let wanted = listeners.iter().fold(0, |wanted, listener| wanted | listener.mask.bits());
            self.wanted.store(wanted, Ordering::Release);
            std::mem::replace(&mut *list, listeners.into())
        };
        // What a callback holds is foreign, so it goes without the lock.
        drop(before);
    }

    pub(super) fn wants(&self, code: EventMask) -> bool {
        self.wanted.load(Ordering::Acquire) & code.bits() != 0
    }

    /// Calls the listeners, with no lock held. What they do wrong is logged.
    pub(super) fn dispatch(&self, event: &Event) {
        let code = event.code();
        if !self.wants(code) {
            return;
        }
        let list = Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner));
        for listener in list.iter().filter(|listener| listener.mask.intersects(code)) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (listener.callback)(event))) {
                tracing::error!(
                    "a listener for {} {}",
                    event.name(),
                    printable::lines(&JobError::from_panic(&*payload).to_string())
                );
            }
        }
    }
}

impl Scheduler {
    /// Calls `callback` for every event that is in `mask`, in the thread in which it happens and with no lock held.
    ///
    /// A slow listener delays what made the event; a panicking one is logged. Both kinds may call everything on the
    /// scheduler, `shutdown` included.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// let scheduler = BackgroundScheduler::new();
    /// let id = scheduler.add_listener(EventMask::JOB_ERROR | EventMask::JOB_MISSED, |event| {
    ///     if let Event::JobError { job, error, .. } = event {
    ///         eprintln!("{} failed: {error}", job.job_id);
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
        let id = ListenerId(listeners.next_id.fetch_add(1, Ordering::Relaxed));
        listeners.change(|list| {
            list.push(Listener { id, mask, callback: Arc::new(callback) });
        });
        id
    }

    /// Removes a listener; `false` where there is none with that id.
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        let mut found = false;
        self.0.listeners.change(|list| {
            let before = list.len();
            list.retain(|listener| listener.id != id);
            found = list.len() < before;
        });
        found
    }
}
