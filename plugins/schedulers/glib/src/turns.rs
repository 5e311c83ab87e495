//! The turns of one scheduler, from its start to its shutdown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use apscheduler_engine::LoopDriver;
use glib::{ControlFlow, MainContext, Priority, Source};

use crate::mailbox::Opening;

/// A request for a turn.
#[derive(Debug)]
pub(crate) enum Message {
    /// A scheduler was started.
    Begin(Arc<Turns>),
    /// A scheduler was woken.
    Wake(Weak<Turns>),
}

impl Message {
    /// Returns the turns of the scheduler, if it has not been shut down.
    pub(crate) fn turns(self) -> Option<Arc<Turns>> {
        match self {
            Self::Begin(turns) => Some(turns),
            Self::Wake(turns) => turns.upgrade(),
        }
    }
}

/// The turns of a scheduler. Each turn is a timer of its own, so a turn can be made within a turn if a job runs the main loop
/// for a dialog: GLib does not enter a source twice.
///
/// The timer that waits owns this, and the context owns the timer.
#[derive(Debug)]
pub(crate) struct Turns {
    driver: LoopDriver,
    timer: Mutex<Option<Source>>,
    /// Whether a turn is already pending.
    woken: Arc<AtomicBool>,
}

impl Turns {
    pub(crate) fn new(driver: LoopDriver, opening: Arc<Opening<Message>>) -> Arc<Self> {
        let woken = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(Self { driver, timer: Mutex::default(), woken: Arc::clone(&woken) });
        let weak = Arc::downgrade(&turns);
        turns.driver.on_wake(move || {
            if !woken.swap(true, Ordering::SeqCst) {
                // The mailbox is closed once the context has ended.
                let _ = opening.send(Message::Wake(weak.clone()));
            }
        });
        turns
    }

    /// Schedules a turn as soon as possible.
    pub(crate) fn come_soon(self: &Arc<Self>, context: &MainContext) {
        self.come_in(Duration::ZERO, Priority::DEFAULT, context);
    }

    fn come_in(self: &Arc<Self>, time: Duration, priority: Priority, context: &MainContext) {
        let turns = Arc::clone(self);
        // GLib counts whole milliseconds. Less than one is rounded up, so that a wait never becomes a busy loop.
        let time = time + Duration::from_nanos(999_999);
        let timer = glib::timeout_source_new(time, Some("apscheduler"), priority, move || {
            turns.make();
            ControlFlow::Break
        });
        timer.attach(Some(context));
        self.set_timer(Some(timer));
    }

    fn make(self: &Arc<Self>) {
        self.woken.store(false, Ordering::SeqCst);
        let Some(sleep) = self.driver.turn() else { return self.set_timer(None) };
        let priority = if sleep.is_zero() { Priority::DEFAULT_IDLE } else { Priority::DEFAULT };
        // The source is the timer of this turn.
        if let Some(context) = glib::main_current_source().and_then(|source| source.context()) {
            self.come_in(sleep, priority, &context);
        }
    }

    fn set_timer(&self, timer: Option<Source>) {
        let before = std::mem::replace(&mut *self.timer(), timer);
        if let Some(before) = before {
            before.destroy();
        }
    }

    fn timer(&self) -> MutexGuard<'_, Option<Source>> {
        self.timer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
