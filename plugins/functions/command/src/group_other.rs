//! Systems without process groups and signals, where only the program itself can be killed.

use std::io;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::privileges::Niceness;

/// How often to check whether a program has exited.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

static RUNNING: Mutex<Running> = Mutex::new(Running { programs: Vec::new(), closed: false });

struct Running {
    programs: Vec<Arc<Program>>,
    /// The process is about to exit, so no program may be started.
    closed: bool,
}

#[derive(Debug)]
struct Program {
    child: Mutex<Child>,
    ending: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every program of this process. No more programs can be started.
///
/// Call it before the process exits. Waits up to `grace` for the programs to end.
pub fn stop_all(grace: Duration) {
    let deadline = Instant::now() + grace;
    let mut running = lock(&RUNNING);
    running.closed = true;
    for program in &running.programs {
        program.kill();
    }
    while !running.programs.is_empty() && Instant::now() < deadline {
        drop(running);
        std::thread::sleep(POLL_INTERVAL);
        running = lock(&RUNNING);
    }
}

impl Program {
    fn kill(&self) {
        *lock(&self.ending) = true;
        if let Err(error) = lock(&self.child).kill() {
            tracing::warn!(target: "apscheduler::command", "can't kill a program: {error}");
        }
    }
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Group {
    program: Arc<Program>,
    grace: Duration,
    reaped: bool,
}

impl Group {
    pub(crate) fn spawn(
        command: &mut Command,
        _run: (&str, u32),
        grace: Duration,
    ) -> io::Result<Self> {
        // Under the lock, so that `stop_all` finds every started program.
        let mut running = lock(&RUNNING);
        if running.closed {
            return Err(io::Error::other("the scheduler is shutting down"));
        }
        let child = Mutex::new(command.spawn()?);
        let program = Arc::new(Program { child, ending: Mutex::new(false) });
        running.programs.push(Arc::clone(&program));
        Ok(Self { program, grace, reaped: false })
    }

    /// Never called: a niceness is refused here.
    pub(crate) fn set_niceness(&self, _nice: Niceness) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn take_outputs(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        let mut child = lock(&self.program.child);
        (child.stdout.take(), child.stderr.take())
    }

    pub(crate) fn watch(&self, exited: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let program = Arc::clone(&self.program);
        crate::output::in_thread("apscheduler-command-exit", move || {
            while matches!(lock(&program.child).try_wait(), Ok(None)) {
                std::thread::sleep(POLL_INTERVAL);
            }
            exited();
        })
    }

    pub(crate) fn terminate(&self) -> Instant {
        self.program.kill();
        let now = Instant::now();
        now.checked_add(self.grace).unwrap_or(now)
    }

    pub(crate) fn kill(&self) {
        self.program.kill();
    }

    pub(crate) fn is_ending(&self) -> bool {
        *lock(&self.program.ending)
    }

    #[allow(clippy::unused_self, reason = "other systems also stop child processes")]
    pub(crate) fn end(&self) {}

    pub(crate) fn reap(&mut self) -> io::Result<ExitStatus> {
        let status = loop {
            match lock(&self.program.child).try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
            std::thread::sleep(POLL_INTERVAL);
        };
        lock(&RUNNING).programs.retain(|program| !Arc::ptr_eq(program, &self.program));
        self.reaped = true;
        status
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.program.kill();
            // `drop` can't return an error.
            let _ = self.reap();
        }
    }
}
