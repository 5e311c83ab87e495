//! Applies the jobs file again: after it has changed, and when a store was emptied or replaced.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use apscheduler::event::EventMask;
use apscheduler::file::{Applied, JobsFile};
use apscheduler::{Error, ErrorKind, Scheduler, SchedulerState};

use crate::service;

/// The wait after a store has failed.
const RETRY: Duration = Duration::from_secs(10);

/// Why the file is to be applied again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// A store was emptied or replaced.
    Replaced,
    /// The file has changed, or somebody asks to read it again.
    Reload,
}

/// Starts a thread that applies the file again when a store was emptied or replaced, and for each wish that is sent. It is a
/// thread of its own because a store may hang while the main thread must react to signals.
///
/// # Errors
/// If the thread can't be started.
pub(super) fn start(file: JobsFile, scheduler: &Scheduler) -> io::Result<Sender<Wish>> {
    let (sender, wishes) = mpsc::channel();
    scheduler.add_listener(EventMask::JOBSTORE_REPLACED, {
        let sender = sender.clone();
        move |_| {
            // The thread has ended if the scheduler has.
            let _ = sender.send(Wish::Replaced);
        }
    });
    let scheduler = scheduler.clone();
    let path = file.path().to_owned();
    let (started, file) = (file.clone(), Applying { file, before: None });
    let mut applier = Applier { path, started, file, scheduler };
    std::thread::Builder::new()
        .name("apscheduler-apply".to_owned())
        .spawn(move || applier.serve(&wishes))?;
    Ok(sender)
}

struct Applier {
    path: PathBuf,
    /// The file at the start, whose settings the scheduler has.
    started: JobsFile,
    file: Applying,
    scheduler: Scheduler,
}

/// The version of the file that is in force, or that comes into force when the stores work again.
#[derive(Clone)]
struct Applying {
    file: JobsFile,
    /// The version before it, if its jobs are still in the stores.
    before: Option<JobsFile>,
}

impl Applying {
    fn apply(&self, scheduler: &Scheduler) -> Result<Applied, Error> {
        match &self.before {
            Some(before) => self.file.apply_after(before, scheduler),
            None => self.file.apply(scheduler),
        }
    }
}

impl Applier {
    /// Handles wishes until the scheduler is shut down.
    fn serve(&mut self, wishes: &Receiver<Wish>) {
        let mut is_failing = false;
        loop {
            let wish = if is_failing {
                wishes.recv_timeout(RETRY)
            } else {
                wishes.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            if self.scheduler.state() == SchedulerState::Stopped {
                return;
            }
            is_failing = match wish {
                Ok(Wish::Replaced) => {
                    self.file.before = None;
                    !self.apply("applied again")
                }
                Ok(Wish::Reload) => !self.reload(is_failing),
                Err(RecvTimeoutError::Timeout) => !self.apply("applied"),
                Err(RecvTimeoutError::Disconnected) => return,
            };
        }
    }

    /// Reads the file, and applies it. Returns `false` if that has to be tried again.
    fn reload(&mut self, is_failing: bool) -> bool {
        service::reloading();
        let done = match self.read() {
            Ok(file) => {
                self.warn_of_settings(&file);
                let before = self.file.clone();
                // The jobs of a version that could not be applied are not all in the stores.
                let known =
                    if is_failing { before.before.clone() } else { Some(before.file.clone()) };
                self.file = Applying { file, before: known };
                match self.file.apply(&self.scheduler) {
                    Ok(applied) => self.note(&applied, "reloaded"),
                    Err(error) if error.kind() == ErrorKind::Config => {
                        self.file = before;
                        refuse(&[error]);
                        !is_failing
                    }
                    Err(error) => retry_later(&error),
                }
            }
            Err(errors) => {
                refuse(&errors);
                !is_failing
            }
        };
        service::ready();
        done
    }

    /// Reads and checks the file.
    fn read(&self) -> Result<JobsFile, Vec<Error>> {
        let file = JobsFile::load(&self.path).map_err(|error| vec![error])?;
        let errors = file.check(&self.scheduler);
        if errors.is_empty() {
            return Ok(file);
        }
        // One of these may be the cause, such as a job store that is new.
        self.warn_of_settings(&file);
        Err(errors)
    }

    fn warn_of_settings(&self, file: &JobsFile) {
        let keys = file.changed_settings(&self.started);
        if !keys.is_empty() {
            tracing::warn!(
                "{}: changes of {} are not applied: they take effect when the program is started again",
                self.path.display(),
                keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "),
            );
        }
    }

    /// Applies the file as it was read. Returns `false` if that has to be tried again.
    fn apply(&mut self, done: &str) -> bool {
        match self.file.apply(&self.scheduler) {
            Ok(applied) => self.note(&applied, done),
            Err(error) => retry_later(&error),
        }
    }

    fn note(&mut self, applied: &Applied, done: &str) -> bool {
        self.file.before = None;
        tracing::info!("{}: {done}: {applied}", self.path.display());
        service::status(&format!("{done}: {applied}"));
        true
    }
}

/// Logs why the file was refused.
fn refuse(errors: &[Error]) {
    for error in errors {
        tracing::error!(
            "the jobs file was not reloaded, and nothing has changed: {}",
            error.chain()
        );
    }
    if let [first, ..] = errors {
        service::status(&format!("the jobs file was not reloaded: {}", first.chain()));
    }
}

fn retry_later(error: &Error) -> bool {
    let (seconds, reason) = (RETRY.as_secs(), error.chain());
    tracing::error!("can't apply the jobs file, retrying in {seconds} s: {reason}");
    service::status(&format!("can't apply the jobs file: {reason}"));
    false
}
