//! The turns of one scheduler, from its start to its shutdown, as an event source of the loop.

use apscheduler_engine::LoopDriver;
use calloop::ping::{PingSource, make_ping};
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventSource, Poll, PostAction, Readiness, Token, TokenFactory};

/// A timer for the next turn, and a ping for one before it. The loop owns it, and the driver in it.
#[derive(Debug)]
pub(crate) struct Turns {
    driver: LoopDriver,
    ping: PingSource,
    timer: Timer,
}

impl Turns {
    /// The first turn is due at once.
    pub(crate) fn new(driver: LoopDriver) -> calloop::Result<Self> {
        let (wake, ping) = make_ping()?;
        driver.on_wake(move || wake.ping());
        Ok(Self { driver, ping, timer: Timer::immediate() })
    }
}

impl EventSource for Turns {
    type Event = ();
    type Metadata = ();
    type Ret = ();
    type Error = calloop::Error;

    fn process_events<F>(
        &mut self,
        readiness: Readiness,
        token: Token,
        _callback: F,
    ) -> calloop::Result<PostAction>
    where
        F: FnMut(Self::Event, &mut Self::Metadata) -> Self::Ret,
    {
        let mut due = false;
        // The actions that they return do not matter: both are registered again, or removed.
        let pinged = self.ping.process_events(readiness, token, |(), ()| due = true);
        pinged.map_err(|error| calloop::Error::OtherError(error.into()))?;
        self.timer.process_events(readiness, token, |_deadline, ()| {
            due = true;
            TimeoutAction::Drop
        })?;
        if !due {
            return Ok(PostAction::Continue);
        }
        let Some(sleep) = self.driver.turn() else { return Ok(PostAction::Remove) };
        self.timer.set_duration(sleep);
        Ok(PostAction::Reregister)
    }

    fn register(&mut self, poll: &mut Poll, tokens: &mut TokenFactory) -> calloop::Result<()> {
        self.ping.register(poll, tokens)?;
        self.timer.register(poll, tokens)
    }

    fn reregister(&mut self, poll: &mut Poll, tokens: &mut TokenFactory) -> calloop::Result<()> {
        self.ping.reregister(poll, tokens)?;
        self.timer.reregister(poll, tokens)
    }

    fn unregister(&mut self, poll: &mut Poll) -> calloop::Result<()> {
        self.ping.unregister(poll)?;
        self.timer.unregister(poll)
    }
}
