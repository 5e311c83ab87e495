//! The event loop of the application.

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::{EventLoop, LoopDriver};

use crate::turns;

/// The event loop of the application that exists when a scheduler is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct QtLoop;

impl EventLoop for QtLoop {
    fn attach(&self) -> Result<()> {
        if turns::is_application_thread() { Ok(()) } else { Err(not_here()) }
    }

    fn run(&self, driver: LoopDriver) -> Result<()> {
        // The application may have been destroyed since `attach`.
        if turns::begin(driver) { Ok(()) } else { Err(not_here()) }
    }

    fn takes_listeners(&self) -> bool {
        true
    }
}

fn not_here() -> Error {
    Error::new(
        ErrorKind::NotRunning,
        "this is not the thread of a Qt application: create the `QApplication` first, and start the scheduler in its thread",
    )
}
