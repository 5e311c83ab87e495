//! Applies the jobs file again when a store has lost what it had.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use apscheduler::event::EventMask;
use apscheduler::file::JobsFile;
use apscheduler::{Scheduler, SchedulerState};

/// How long until the file is applied again where that failed.
const RETRY: Duration = Duration::from_secs(10);

/// Puts the jobs of the file back into stores that were emptied or replaced. A thread of its own does so: a store that
/// hangs must not keep the program from hearing its signals.
///
/// # Errors
/// If the thread can't be started.
pub(crate) fn when_replaced(file: JobsFile, scheduler: &Scheduler) -> io::Result<()> {
    let (sender, replaced) = mpsc::channel();
    scheduler.add_listener(EventMask::JOBSTORE_REPLACED, move |_| {
        // The thread ends with the scheduler.
        let _ = sender.send(());
    });
    let scheduler = scheduler.clone();
    std::thread::Builder::new().name("apply".to_owned()).spawn(move || {
        while replaced.recv().is_ok() {
            apply(&file, &scheduler, &replaced);
        }
    })?;
    Ok(())
}

/// Tries until it works or the scheduler is shut down.
fn apply(file: &JobsFile, scheduler: &Scheduler, replaced: &Receiver<()>) {
    while scheduler.state() != SchedulerState::Stopped {
        match file.apply(scheduler) {
            Ok(applied) => {
                tracing::info!("{}, applied again: {applied}", file.path().display());
                return;
            }
            Err(error) => tracing::error!("the jobs file can't be applied: {}", error.chain()),
        }
        // A store that is replaced once more is a reason to try at once.
        if replaced.recv_timeout(RETRY) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}
