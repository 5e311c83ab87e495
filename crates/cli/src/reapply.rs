//! Applies the jobs file again when a store was emptied or replaced.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use apscheduler::event::EventMask;
use apscheduler::file::JobsFile;
use apscheduler::{Scheduler, SchedulerState};

/// The wait after a failed attempt.
const RETRY: Duration = Duration::from_secs(10);

/// Starts a thread that puts the jobs of the file back into stores that were emptied or replaced. It is a thread of its
/// own because a store may hang while the main thread must react to signals.
///
/// # Errors
/// If the thread can't be started.
pub(crate) fn when_replaced(file: JobsFile, scheduler: &Scheduler) -> io::Result<()> {
    let (sender, replaced) = mpsc::channel();
    scheduler.add_listener(EventMask::JOBSTORE_REPLACED, move |_| {
        // The thread has ended if the scheduler has.
        let _ = sender.send(());
    });
    let scheduler = scheduler.clone();
    std::thread::Builder::new().name("apscheduler-apply".to_owned()).spawn(move || {
        while replaced.recv().is_ok() {
            apply(&file, &scheduler, &replaced);
        }
    })?;
    Ok(())
}

/// Retries until it succeeds or the scheduler is shut down.
fn apply(file: &JobsFile, scheduler: &Scheduler, replaced: &Receiver<()>) {
    while scheduler.state() != SchedulerState::Stopped {
        match file.apply(scheduler) {
            Ok(applied) => {
                tracing::info!("{}: applied again: {applied}", file.path().display());
                return;
            }
            Err(error) => tracing::error!(
                "can't apply the jobs file, retrying in {} s: {}",
                RETRY.as_secs(),
                error.chain()
            ),
        }
        // Another replaced store ends the wait.
        if replaced.recv_timeout(RETRY) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}
