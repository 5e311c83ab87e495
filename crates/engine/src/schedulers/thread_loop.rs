//! Event loops on a thread that sleeps until the next job is due.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::{EventLoop, LoopDriver};
use apscheduler_core::{Error, ErrorKind, Result};

/// A loop on its own thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackgroundLoop;

/// A loop on the thread that starts the scheduler.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockingLoop;

/// A sleep that can be interrupted.
#[derive(Debug, Default)]
struct Sleep {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Sleep {
    fn woken(&self) -> MutexGuard<'_, bool> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        *self.woken() = true;
        self.changed.notify_all();
    }

    /// Returns when the time has passed, or if this was woken since the last call.
    fn sleep(&self, time: Duration) {
        let mut woken = self.woken();
        if !*woken && !time.is_zero() {
            woken =
                self.changed.wait_timeout(woken, time).unwrap_or_else(PoisonError::into_inner).0;
        }
        *woken = false;
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the end of the driver is the end of its scheduler"
)]
fn make_turns(driver: LoopDriver) {
    let sleep = Arc::new(Sleep::default());
    let sleeper = Arc::clone(&sleep);
    driver.on_wake(move || sleeper.wake());
    while let Some(time) = driver.turn() {
        sleep.sleep(time);
    }
}

impl EventLoop for BackgroundLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        let thread = std::thread::Builder::new().name("apscheduler".to_owned());
        thread.spawn(move || make_turns(driver)).map(drop).map_err(|error| {
            Error::new(ErrorKind::Other, "can't start the thread of the scheduler")
                .with_source(error)
        })
    }

    fn closes_in_place(&self) -> bool {
        true
    }
}

impl EventLoop for BlockingLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        make_turns(driver);
        Ok(())
    }

    fn closes_in_place(&self) -> bool {
        true
    }
}
