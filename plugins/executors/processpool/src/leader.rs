//! The process of a worker: it leads a process group, is signalled, and is reaped.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::wait::{Exit, NO_STOP, Woke};

/// How long a killed process may take to exit. The system can't kill one that waits in the kernel, for example for a file
/// on a server that does not answer.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// A child process that leads a process group. It is killed when it is dropped, with its group, unless it was reaped.
#[derive(Debug)]
pub(crate) struct Leader {
    /// `None` after it was reaped. Until then its id can't belong to another process.
    child: Option<Child>,
    pid: Pid,
    exit: Exit,
}

impl Leader {
    pub(crate) fn of(child: Child) -> Self {
        let pid = Pid::from_child(&child);
        Self { child: Some(child), pid, exit: Exit::of(pid) }
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Returns what reports its exit.
    pub(crate) fn exit(&self) -> &Exit {
        &self.exit
    }

    /// Returns whether it was reaped, or a thread of its own waits for it.
    pub(crate) fn is_reaped(&self) -> bool {
        self.child.is_none()
    }

    pub(crate) fn signal_group(&self, signal: Signal) {
        if self.child.is_some() {
            self.check(kill_process_group(self.pid, signal));
        }
    }

    /// Kills the group, and the process itself too: a job may have moved it to another group.
    pub(crate) fn kill(&self) {
        self.signal_group(Signal::KILL);
        if self.child.is_some() {
            self.check(kill_process(self.pid, Signal::KILL));
        }
    }

    fn check(&self, signalled: Result<(), Errno>) {
        match signalled {
            // No process is left, or only zombies.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(error) => tracing::warn!("can't signal the worker process {}: {error}", self.id()),
        }
    }

    /// Reaps the process, which has exited or was killed. Returns `None` if that takes too long: then a thread of its own
    /// waits for the end.
    pub(crate) fn reap(&mut self) -> Option<ExitStatus> {
        self.reap_within(GONE_WITHIN)
    }

    fn reap_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let mut child = self.child.take()?;
        match self.exit.wait(NO_STOP, Instant::now() + limit) {
            // It has exited, so this does not wait.
            Ok(Woke::Exited) => match child.wait() {
                Ok(status) => return Some(status),
                Err(error) => {
                    tracing::warn!("can't reap the worker process {}: {error}", self.id());
                }
            },
            Ok(_) => {
                tracing::warn!("the worker process {} was killed and still exists", self.id());
                reap_later(child);
            }
            Err(error) => {
                tracing::warn!("can't wait for the worker process {}: {error}", self.id());
                reap_later(child);
            }
        }
        None
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.kill();
        self.reap();
    }
}

/// Waits for the end of a process in a detached thread.
fn reap_later(mut child: Child) {
    let id = child.id();
    let reaper = std::thread::Builder::new().name("apscheduler-reaper".to_owned());
    if let Err(error) = reaper.spawn(move || child.wait()) {
        tracing::warn!("can't start a thread to reap the process {id}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_that_can_not_be_killed_does_not_block_reap() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut input = cat.stdin.take().unwrap();
        let mut leader = Leader::of(cat);
        assert_eq!(leader.reap_within(Duration::from_millis(1)), None);
        // It is neither signalled nor reaped again.
        leader.kill();
        drop(leader);
        assert!(input.write_all(b"alive").is_ok());
    }

    #[test]
    fn a_process_in_another_group_is_killed_too() {
        // Spawned without a group of its own.
        let child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
        let mut leader = Leader::of(child);
        leader.kill();
        assert!(leader.reap().is_some());
    }
}
