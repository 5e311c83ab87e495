//! Event listeners.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use apscheduler_core::event::{Event, EventMask};
use apscheduler_core::function::JobError;
use apscheduler_core::printable;

/// The id of a listener, for removing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

pub(super) type Callback = dyn Fn(&Event) + Send + Sync;

#[derive(Clone)]
pub(super) struct Listener {
    pub(super) id: ListenerId,
    pub(super) mask: EventMask,
    pub(super) callback: Arc<Callback>,
}

#[derive(Default)]
pub(super) struct Listeners {
    list: RwLock<Arc<[Listener]>>,
    /// The union of all listeners' masks: an event that no listener wants is never created.
    wanted: AtomicU32,
    next_id: AtomicU64,
}

impl Listeners {
    pub(super) fn change(&self, change: impl FnOnce(&mut Vec<Listener>)) {
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

    pub(super) fn next_id(&self) -> ListenerId {
        ListenerId(self.next_id.fetch_add(1, Ordering::Relaxed))
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
