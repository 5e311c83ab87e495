//! Runs calls that may wait for a store without blocking an event loop.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::oneshot::{Receiver, channel};

use super::scheduler::Scheduler;
use apscheduler_core::{Error, ErrorKind, Result};

/// A call in progress: a future of its result, for any async runtime.
///
/// The call starts at once, and continues if this is dropped.
#[must_use = "the result may be an error; dropping this does not cancel the call"]
pub struct Call<T>(Receiver<Result<T>>);

impl Scheduler {
    /// Runs a call that may wait for a store, off the event loop. Call it from an async function or
    /// from a GUI thread.
    ///
    /// A job that awaits a `shutdown(Shutdown::Wait)` this way deadlocks; in a job, use
    /// [`AsyncScheduler::shutdown`](crate::schedulers::AsyncScheduler::shutdown).
    ///
    /// # Errors
    /// Any error of the call itself; [`ErrorKind::NotRunning`] if the runtime that was to run it
    /// has ended.
    ///
    /// # Examples
    /// ```
    /// use apscheduler::prelude::*;
    ///
    /// # async fn example() -> apscheduler::Result<()> {
    /// let scheduler = BackgroundScheduler::new();
    /// let job = scheduler.call(|scheduler| scheduler.add_job(JobBuilder::new(|| println!("tick")))).await?;
    /// # drop(job);
    /// # Ok(())
    /// # }
    /// ```
    pub fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        let (sender, receiver) = channel();
        let scheduler = self.clone();
        self.0.event_loop.call_blocking(Box::new(move || {
            // The receiver may have been dropped.
            let _ = sender.send(call(&scheduler));
        }));
        Call(receiver)
    }
}

impl<T> Future for Call<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        Pin::new(&mut self.0).poll(context).map(|answer| {
            answer.unwrap_or_else(|_dropped| {
                Err(Error::new(
                    ErrorKind::NotRunning,
                    "the call was not made, or panicked: the runtime that makes the calls of the scheduler may have ended",
                ))
            })
        })
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}
