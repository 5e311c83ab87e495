//! A program and every process that it starts.

use std::io;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::time::{Duration, Instant};

use apscheduler_plugin_kit::process_tree::{self, ProcessTree, TreeId};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, setpriority_pgrp, waitid};

use crate::privileges::Niceness;

/// Stops every program of this process and every process that they started: TERM, then KILL after `grace`. No more programs
/// can be started.
///
/// Call it before the process exits. Workers of process pools are killed after `grace`, with their programs. Returns when
/// no process is left.
pub fn stop_all(grace: Duration) {
    process_tree::end_all(grace);
}

/// A running program and every process that it starts.
#[derive(Debug)]
pub(crate) struct Group {
    tree: ProcessTree,
    child: Child,
    reaped: bool,
}

impl Group {
    /// Starts a program for an attempt of a run.
    pub(crate) fn spawn(
        command: &mut Command,
        (run_id, attempt): (&str, u32),
        grace: Duration,
    ) -> io::Result<Self> {
        let tree = ProcessTree::new(TreeId::of_run(run_id, attempt), grace);
        let child = tree.spawn(command)?;
        Ok(Self { tree, child, reaped: false })
    }

    /// Sets the niceness of the program, and of what it has started already.
    pub(crate) fn set_niceness(&self, nice: Niceness) -> io::Result<()> {
        Ok(setpriority_pgrp(Some(Pid::from_child(&self.child)), nice.0)?)
    }

    /// Takes standard output and standard error. `None` if they were taken before.
    pub(crate) fn take_outputs(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Calls `exited` in a thread when the program has exited. It is not reaped yet at that time.
    pub(crate) fn watch(&self, exited: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        crate::output::in_thread("apscheduler-command-exit", move || {
            wait_for_exit(pid);
            exited();
        })
    }

    /// Sends TERM. Returns the time to send KILL.
    pub(crate) fn terminate(&self) -> Instant {
        self.tree.terminate()
    }

    pub(crate) fn kill(&self) {
        self.tree.kill();
    }

    /// Whether TERM was sent, also by [`stop_all`].
    pub(crate) fn is_ending(&self) -> bool {
        self.tree.is_ending()
    }

    /// Waits until all processes have ended, and kills those that remain after the grace period.
    pub(crate) fn end(&self) {
        self.tree.end();
    }

    /// Waits for the exit of the program and reaps it.
    pub(crate) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.reaped = true;
        self.child.wait()
    }
}

/// Waits until the process has exited, without reaping it.
fn wait_for_exit(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.tree.kill();
            // `drop` can't return an error.
            let _ = self.reap();
        }
    }
}
