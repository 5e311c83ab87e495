//! What tasks and threads have in common: they take runs until none is left, and are counted whatever happens.

use std::cell::Cell;
use std::sync::Arc;

use apscheduler_core::executor::{CancellationToken, Run};

use crate::queue::{Place, Queue, Sort, Taken};
use crate::shared::Shared;

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sort: Sort,
    pub(crate) place: Place,
    /// The number of its token.
    pub(crate) number: Option<usize>,
    /// Since which opening of the executor it is there.
    pub(crate) time: u64,
}

impl Worker {
    /// A worker that is counted already.
    pub(crate) fn new(shared: &Arc<Shared>, sort: Sort, time: u64) -> Self {
        Self { shared: Arc::clone(shared), sort, place: Place::Starting, number: None, time }
    }

    /// The next run. The one before must be gone.
    pub(crate) fn next(&mut self) -> Option<Taken> {
        let shared = Arc::clone(&self.shared);
        shared.next(self)
    }

    /// Whether the run should go on to its next run time. If it was cancelled because the last one took too long, it
    /// has a new token then.
    pub(crate) fn goes_on(&self, run: &mut Run, token: &mut CancellationToken) -> bool {
        if !token.is_cancelled() {
            return true;
        }
        let Some(new) = self.number.and_then(|number| self.shared.renew(number)) else {
            return false;
        };
        *token = new;
        run.set_cancellation(token.clone());
        true
    }

    /// Notes that the run awaits something.
    pub(crate) fn park(&mut self) {
        if self.place == Place::Busy {
            self.place = Place::Parked;
            self.shared.change(Queue::park);
        }
    }

    /// Calls what belongs to the run, which may ask where it is.
    pub(crate) fn inside<R>(&self, call: impl FnOnce() -> R) -> R {
        Inside { shared: address(&self.shared), sort: self.sort, place: self.place }.call(call)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.place != Place::Ended {
            self.shared.lose(self);
        }
    }
}

/// What this thread is in the middle of: a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside {
    shared: usize,
    sort: Sort,
    place: Place,
}

thread_local! {
    static INSIDE: Cell<Option<Inside>> = const { Cell::new(None) };
}

/// What it was in the middle of before, and will be again.
struct Before(Option<Inside>);

impl Drop for Before {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

fn address(shared: &Arc<Shared>) -> usize {
    Arc::as_ptr(shared).addr()
}

impl Inside {
    /// The sort and the place of the worker of this executor whose run calls this.
    pub(crate) fn of(shared: &Arc<Shared>) -> Option<(Sort, Place)> {
        let inside = INSIDE.get().filter(|inside| inside.shared == address(shared))?;
        Some((inside.sort, inside.place))
    }

    /// Calls what drops runs in a thread that must not wait for others.
    pub(crate) fn nowhere(shared: &Arc<Shared>, call: impl FnOnce()) {
        Self { shared: address(shared), sort: Sort::Task, place: Place::Ended }.call(call);
    }

    fn call<R>(self, call: impl FnOnce() -> R) -> R {
        let _before = Before(INSIDE.replace(Some(self)));
        call()
    }
}
