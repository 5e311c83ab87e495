//! Calls the function of a run for each of its run times.

use std::time::Instant;

use apscheduler_core::executor::{CancellationToken, Run};

use super::timer::Timer;

/// Executes a [`Run`].
pub trait RunExt {
    /// Calls the function for every run time, in the calling thread. At the `timeout` of the job its token is cancelled.
    ///
    /// An async function is driven to its end without a runtime: it blocks the thread and has no reactor, so timers and
    /// sockets of tokio, for example, do not work in it.
    fn execute(self);
}

impl RunExt for Run {
    fn execute(mut self) {
        let token = self.cancellation().cloned();
        loop {
            let timer = start_timer(&mut self, token.as_ref());
            let Some(invocation) = self.begin() else { break };
            let result = invocation.call();
            drop(timer);
            self.finish(result);
        }
    }
}

/// Sets a token of its own for the next run time, and cancels it at the timeout of the job. `None` without a timeout.
pub(super) fn start_timer(run: &mut Run, token: Option<&CancellationToken>) -> Option<Timer> {
    let timeout = run.timeout()?;
    if let Err(error) = Timer::prepare() {
        tracing::error!(
            job_id = run.job().id(),
            "its timeout can't be enforced: {}",
            error.chain()
        );
        return None;
    }
    let end = Instant::now().checked_add(timeout)?;
    let own = token.map_or_else(CancellationToken::new, CancellationToken::child);
    run.set_cancellation(own.clone());
    Some(Timer::at(end, move || own.cancel_at_timeout(timeout)))
}
