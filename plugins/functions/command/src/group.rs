//! A program in a process group of its own.
//!
//! A process id may be given to another process as soon as its owner was reaped. So a program is reaped under the lock
//! of [`RUNNING`], and signals from elsewhere are sent under the same lock.

use std::collections::BTreeMap;
use std::io;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(not(unix))]
#[path = "signals_other.rs"]
mod signals;
#[cfg(unix)]
#[path = "signals_unix.rs"]
mod signals;

/// How often it is looked whether processes are gone that are no children of ours.
const LOOK: Duration = Duration::from_millis(10);

static RUNNING: Mutex<Running> = Mutex::new(Running { leaders: BTreeMap::new(), closed: false });

struct Running {
    leaders: BTreeMap<u32, signals::Leader>,
    /// The program is about to exit: nothing is started any more.
    closed: bool,
}

type SharedChild = Arc<Mutex<Child>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends every program that `command` jobs run: TERM to their process groups, after `grace` KILL. No more are started.
///
/// For a process that is about to exit and would leave them behind.
pub fn stop_all(grace: Duration) {
    let deadline = Instant::now() + grace;
    let mut running = lock(&RUNNING);
    running.closed = true;
    for leader in running.leaders.values() {
        leader.terminate();
    }
    while !running.leaders.is_empty() && Instant::now() < deadline {
        drop(running);
        std::thread::sleep(LOOK);
        running = lock(&RUNNING);
    }
    for leader in running.leaders.values() {
        leader.kill();
    }
}

/// A program that was started, with whatever it starts.
#[derive(Debug)]
pub(crate) struct Group {
    child: SharedChild,
    id: u32,
    leader: signals::Leader,
    reaped: bool,
}

impl Group {
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        signals::lead_a_group(command);
        // Under the lock, so that `stop_all` meets every program that is started.
        let mut running = lock(&RUNNING);
        if running.closed {
            return Err(io::Error::other("the scheduler is being stopped"));
        }
        let child = command.spawn()?;
        let id = child.id();
        let child = Arc::new(Mutex::new(child));
        let leader = signals::Leader::of(&child);
        running.leaders.insert(id, leader.clone());
        Ok(Self { child, id, leader, reaped: false })
    }

    /// What the program prints, for who asks first.
    pub(crate) fn take_outputs(&self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        let mut child = lock(&self.child);
        (child.stdout.take(), child.stderr.take())
    }

    /// Calls `exited`, from a thread, when the program has exited. It is not reaped yet then.
    pub(crate) fn watch(&self, exited: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let leader = self.leader.clone();
        crate::output::in_thread("command-exit", move || {
            leader.wait_for_exit();
            exited();
        })
    }

    pub(crate) fn terminate(&self) {
        self.leader.terminate();
    }

    pub(crate) fn kill(&self) {
        self.leader.kill();
    }

    /// Reaps the program, and waits for its end first if it has not ended.
    pub(crate) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.leader.wait_for_exit();
        let mut running = lock(&RUNNING);
        let status = lock(&self.child).wait();
        running.leaders.remove(&self.id);
        self.reaped = true;
        status
    }

    /// Ends what is left of the group: waits for it until `deadline`, then kills it.
    pub(crate) fn end_rest(&self, deadline: Instant) {
        // The number of a group is not given away while any process is in it.
        while self.leader.group_exists() {
            if Instant::now() >= deadline {
                self.leader.kill();
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.leader.kill();
            // There is nobody to tell.
            let _ = self.reap();
        }
    }
}
