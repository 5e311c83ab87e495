//! A program with everything that it starts: a process tree.

use std::io;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::time::{Duration, Instant};

use apscheduler_plugin_kit::process_tree::{self, ProcessTree, TreeId};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Ends every program that runs of this process have started, with everything that those have started: TERM, after `grace`
/// KILL. No more are started.
///
/// For a process that is about to exit. The workers of its process pools are killed after `grace`, with the programs of
/// their runs. Returns when nothing is left.
pub fn stop_all(grace: Duration) {
    process_tree::end_all(grace);
}

/// A program that was started, with whatever it starts.
#[derive(Debug)]
pub(crate) struct Group {
    tree: ProcessTree,
    child: Child,
    reaped: bool,
}

impl Group {
    /// Starts a program for a run.
    pub(crate) fn spawn(command: &mut Command, run_id: &str, grace: Duration) -> io::Result<Self> {
        let tree = ProcessTree::new(TreeId::of_run(run_id), grace);
        let child = tree.spawn(command)?;
        Ok(Self { tree, child, reaped: false })
    }

    /// What the program prints, for who asks first.
    pub(crate) fn take_outputs(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Calls `exited`, from a thread, when the program has exited. It is not reaped yet then.
    pub(crate) fn watch(&self, exited: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        crate::output::in_thread("command-exit", move || {
            wait_for_exit(pid);
            exited();
        })
    }

    /// Sends TERM. Returns when it should be followed by KILL.
    pub(crate) fn terminate(&self) -> Instant {
        self.tree.terminate()
    }

    pub(crate) fn kill(&self) {
        self.tree.kill();
    }

    /// Whether it got TERM, be it by [`stop_all`].
    pub(crate) fn is_ending(&self) -> bool {
        self.tree.is_ending()
    }

    /// Waits for the end of everything that got TERM, and kills what is left after the grace period.
    pub(crate) fn end(&self) {
        self.tree.end();
    }

    /// Reaps the program, and waits for its end first if it has not ended.
    pub(crate) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.reaped = true;
        self.child.wait()
    }
}

/// Returns when the process has exited, and leaves it to be reaped.
fn wait_for_exit(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.tree.kill();
            // There is nobody to tell.
            let _ = self.reap();
        }
    }
}
