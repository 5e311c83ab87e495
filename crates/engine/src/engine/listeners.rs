//! Event listeners.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::Scheduler;
use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::JobError;
use apscheduler_core::printable;

/// The id of a listener, for removing it.
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
    /// The union of all listeners' masks: an event that no listener wants is never created.
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
        // The values in a callback are foreign, so they are dropped without the lock.
        drop(before);
    }

    pub(super) fn wants(&self, code: EventMask) -> bool {
        self.wanted.load(Ordering::Acquire) & code.bits() != 0
    }

    /// Calls the listeners, with no lock held. Panics are logged.
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
        let id = ListenerId(listeners.next_id.fetch_add(1, Ordering::Relaxed));
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
}
