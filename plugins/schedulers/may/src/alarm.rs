//! A sleep of a coroutine that can be ended.

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

/// The end of the coroutine that is woken.
pub(crate) struct Alarm {
    bell: Bell,
    receiver: Receiver<()>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        // One ring in the channel is enough.
        if !self.rung.swap(true, Ordering::SeqCst) {
            // Nobody listens once the coroutine has ended.
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

    /// Returns when the time has passed, or when the bell was rung since the last time. Without a time, others have their
    /// turn.
    pub(crate) fn wait(&self, time: Duration) {
        if time.is_zero() {
            yield_now();
        } else {
            let bell = self.bell();
            let timer = Timer::at(Instant::now() + time, move || bell.ring());
            // There is a sender as long as we are here.
            let _ = self.receiver.recv();
            drop(timer);
        }
        // Whoever rings from now on is heard the next time.
        self.bell.rung.store(false, Ordering::SeqCst);
    }
}
