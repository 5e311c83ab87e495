//! The event loop of the application.

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::{EventLoop, LoopDriver};

use crate::turns;

/// The event loop of the application: the one that there is at the start of a scheduler.
#[derive(Clone, Copy, Debug, Default)]
pub struct QtLoop;

impl EventLoop for QtLoop {
    fn attach(&self) -> Result<()> {
        if turns::is_application_thread() { Ok(()) } else { Err(not_here()) }
    }

    fn run(&self, driver: LoopDriver) -> Result<()> {
        // What has happened since `attach` may have destroyed the application.
        if turns::begin(driver) { Ok(()) } else { Err(not_here()) }
    }

    fn takes_listeners(&self) -> bool {
        true
    }
}

fn not_here() -> Error {
    Error::new(
        ErrorKind::NotRunning,
        "this is not the thread of a Qt application: make the `QApplication` first, and start the scheduler in its thread",
    )
}
