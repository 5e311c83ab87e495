//! A main context, as an event loop of schedulers.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::{EventLoop, LoopDriver};
use glib::MainContext;

use crate::mailbox::{Opening, mailbox};
use crate::turns::{Message, Turns};

/// A main context, for the schedulers that run in it. It does not keep the context alive.
pub struct GlibLoop(Arc<Opening<Message>>);

impl GlibLoop {
    /// Creates a loop on this main context, which any thread may run.
    pub fn on(context: &MainContext) -> Self {
        let (opening, mut messages) = mailbox::<Message>(context);
        // The task continues without its handle, which would keep it from ending with the context.
        drop(context.spawn(async move {
            while let Some(message) = messages.next().await {
                // Within a task, its context is the thread's default.
                let context = MainContext::ref_thread_default();
                if let Some(turns) = message.turns() {
                    turns.come_soon(&context);
                }
            }
        }));
        Self(Arc::new(opening))
    }
}

/// Creates a loop on the default main context.
impl Default for GlibLoop {
    fn default() -> Self {
        Self::on(&MainContext::default())
    }
}

impl EventLoop for GlibLoop {
    fn run(&self, driver: LoopDriver) -> Result<()> {
        let turns = Turns::new(driver, Arc::clone(&self.0));
        self.0.send(Message::Begin(turns)).map_err(|_returned| {
            Error::new(
                ErrorKind::NotRunning,
                "the GLib main context has ended: make another one, and a scheduler on it",
            )
        })
    }

    fn takes_listeners(&self) -> bool {
        true
    }
}

impl fmt::Debug for GlibLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlibLoop").finish_non_exhaustive()
    }
}
