//! A sleep of a coroutine that can be ended early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use apscheduler_plugin_kit::executor::Timer;
use may::coroutine::yield_now;
use may::sync::mpsc::{Receiver, Sender, channel};

/// Wakes a coroutine, from anywhere.
#[derive(Clone, Debug)]
pub(crate) struct Bell {
    rung: Arc<AtomicBool>,
    sender: Sender<()>,
}

/// The side of the coroutine that is woken.
pub(crate) struct Alarm {
    bell: Bell,
    receiver: Receiver<()>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        // One ring in the channel is enough.
        if !self.rung.swap(true, Ordering::SeqCst) {
            // The receiver is gone once the coroutine has ended.
            let _ = self.sender.send(());
        }
    }
}

impl Alarm {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = channel();
        Self { bell: Bell { rung: Arc::default(), sender }, receiver }
    }

    pub(crate) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Returns when the time has passed, or when the bell was rung since the last call. With no time it lets other
    /// coroutines run.
    pub(crate) fn wait(&self, time: Duration) {
        if time.is_zero() {
            yield_now();
        } else {
            let bell = self.bell();
            let timer = Timer::at(Instant::now() + time, move || bell.ring());
            // `self.bell` keeps a sender alive.
            let _ = self.receiver.recv();
            drop(timer);
        }
        // A ring from now on counts for the next call.
        self.bell.rung.store(false, Ordering::SeqCst);
    }
}
