//! Events for listeners and calls that wait for a turn of the event loop.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::lock::lock;
use apscheduler_core::event::Event;
use apscheduler_core::executor::LoopTurns;
use apscheduler_core::function::JobError;
use apscheduler_core::printable;

/// The time one turn spends on calls before it yields to the loop, so that a GUI stays responsive.
const SLICE: Duration = Duration::from_millis(10);

type Call = Box<dyn FnOnce() + Send>;
type Wake = Arc<dyn Fn() + Send + Sync>;

/// Belongs to one start of a scheduler, and is closed when the loop drops the driver.
#[derive(Default)]
pub(super) struct Inbox(Mutex<State>);

#[derive(Default)]
struct State {
    wake: Option<Wake>,
    events: VecDeque<Event>,
    /// A thread is calling listeners; it continues until no event waits.
    delivering: bool,
    calls: VecDeque<Call>,
    /// The thread of the last turn, or of the start before the first turn.
    thread: Option<ThreadId>,
    /// The scheduler has been shut down.
    over: bool,
    closed: bool,
}

impl LoopTurns for Inbox {
    fn post(&self, call: Call) {
        if self.push_call(call) {
            self.wake();
        }
    }

    fn is_current(&self) -> bool {
        lock(&self.0).thread == Some(std::thread::current().id())
    }
}

/// The disposition of an event.
#[derive(Debug)]
pub(super) enum Pushed {
    /// It waits for a turn.
    Waits,
    /// It waits, and this thread has to deliver it.
    Deliver,
    /// No turn will be made.
    Refused(Event),
}

impl Inbox {
    pub(super) fn on_wake(&self, wake: Wake) {
        let before = {
            let mut state = lock(&self.0);
            if state.closed { None } else { state.wake.replace(wake) }
        };
        drop(before);
    }

    /// Wakes the loop. A loop without a wake function makes its first turn anyway.
    pub(super) fn wake(&self) {
        let wake = lock(&self.0).wake.clone();
        if let Some(wake) = wake {
            wake();
        }
    }

    /// Notes that this thread makes a turn.
    pub(super) fn enter(&self) {
        lock(&self.0).thread = Some(std::thread::current().id());
    }

    /// Notes that no more turns are needed.
    pub(super) fn end(&self) {
        lock(&self.0).over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        lock(&self.0).over
    }

    pub(super) fn push_event(&self, event: Event) -> Pushed {
        let mut state = lock(&self.0);
        if state.closed && state.events.is_empty() && !state.delivering {
            return Pushed::Refused(event);
        }
        state.events.push_back(event);
        let here = state.thread == Some(std::thread::current().id());
        if here && !state.delivering { Pushed::Deliver } else { Pushed::Waits }
    }

    /// Delivers all waiting events in order, with no lock held, unless another thread or an outer
    /// call on this one is already delivering.
    pub(super) fn deliver(&self, deliver: impl Fn(&Event)) {
        let mut state = lock(&self.0);
        if state.delivering {
            return;
        }
        state.delivering = true;
        while let Some(event) = state.events.pop_front() {
            drop(state);
            deliver(&event);
            drop(event);
            state = lock(&self.0);
        }
        state.delivering = false;
    }

    /// Queues a call. If no turn will be made, the call is dropped.
    fn push_call(&self, call: Call) -> bool {
        let mut state = lock(&self.0);
        if state.closed {
            drop(state);
            drop(call);
            return false;
        }
        state.calls.push_back(call);
        true
    }

    /// Makes calls for up to [`SLICE`]. Returns whether more wait.
    pub(super) fn make_calls(&self) -> bool {
        let since = Instant::now();
        loop {
            let Some(call) = lock(&self.0).calls.pop_front() else { return false };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                let panic = JobError::from_panic(&*payload).to_string();
                tracing::error!("a call in the event loop {}", printable::lines(&panic));
            }
            if since.elapsed() >= SLICE {
                return !lock(&self.0).calls.is_empty();
            }
        }
    }

    /// Accepts nothing more. Waiting events are delivered here; waiting calls are dropped.
    pub(super) fn close(&self, deliver: impl Fn(&Event)) {
        let (calls, wake) = {
            let mut state = lock(&self.0);
            state.closed = true;
            (std::mem::take(&mut state.calls), state.wake.take())
        };
        self.deliver(deliver);
        drop((calls, wake));
    }
}
