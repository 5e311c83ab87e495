//! A calloop event loop, as an event loop of schedulers.

use std::fmt;

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::{EventLoop, LoopDriver};
use calloop::LoopHandle;
use calloop::channel::{Event, Sender, channel};

use crate::turns::Turns;

/// A calloop event loop, for the schedulers that run in it. After it has been dropped, no scheduler can be started in it.
pub struct CalloopLoop(Sender<LoopDriver>);

impl CalloopLoop {
    /// Inserts itself into an event loop with any data.
    ///
    /// # Errors
    /// The loop accepts no more event sources.
    pub fn insert_into<'l, Data: 'l>(handle: &LoopHandle<'l, Data>) -> Result<Self> {
        let (sender, drivers) = channel();
        // A strong handle would keep the loop from ever ending.
        let weak = handle.downgrade();
        handle
            .insert_source(drivers, move |event, (), _data| {
                // The loop makes this call, so it exists.
                if let (Event::Msg(driver), Some(handle)) = (event, weak.upgrade()) {
                    begin(&handle, driver);
                }
            })
            .map_err(|refused| {
                Error::new(ErrorKind::Other, "the calloop event loop takes no more event sources")
                    .with_source(refused.error)
            })?;
        Ok(Self(sender))
    }
}

/// Called for each scheduler that was started. If its driver can't be inserted, it is dropped, which shuts the scheduler
/// down.
fn begin<Data>(handle: &LoopHandle<'_, Data>, driver: LoopDriver) {
    let inserted = Turns::new(driver).and_then(|turns| {
        handle.insert_source(turns, |(), (), _data| ()).map_err(|refused| refused.error)
    });
    if let Err(error) = inserted {
        tracing::error!("the calloop event loop can't take the scheduler: {error}");
    }
}

impl EventLoop for CalloopLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        self.0.send(driver).map_err(|_returned| {
            Error::new(
                ErrorKind::NotRunning,
                "the calloop event loop has ended: make another one, and a scheduler on it",
            )
        })
    }

    fn takes_listeners(&self) -> bool {
        true
    }
}

impl fmt::Debug for CalloopLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalloopLoop").finish_non_exhaustive()
    }
}
