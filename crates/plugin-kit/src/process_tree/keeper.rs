//! The keeper: a process that ends the trees of this process, however this process ends.
//!
//! It is a short shell script, so no program needs a hook for it. It reads the trees from a socket. When the socket is
//! closed, this process has ended. The socket is closed on `exec`, so a program that is being started while this
//! process dies keeps it open until the program has its marker and can be found.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::net::SendFlags;
#[cfg(target_os = "linux")]
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};

use super::marker::{KEEPER, VARIABLE};
use super::tree::{Origin, Tree};

const SCRIPT: &str = include_str!("keeper.sh");

/// The name in the process list.
const NAME: &str = "apscheduler-keeper";

/// A program that has not ignored SIGPIPE must survive the death of the keeper.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::DONTWAIT;

/// The keeper of this process, if it has been started.
#[derive(Debug)]
pub(super) struct Keepers {
    keeper: Option<Keeper>,
    warned: bool,
}

#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) process: Child,
    /// Refers to the process even if its id is reused; `None` before Linux 5.3.
    #[cfg(target_os = "linux")]
    handle: Option<OwnedFd>,
    pub(super) socket: UnixStream,
}

impl Keepers {
    pub(super) const fn new() -> Self {
        Self { keeper: None, warned: false }
    }

    /// Registers a tree to be ended if this process dies. `all` are the trees for a new keeper, including this one.
    pub(super) fn keep(&mut self, tree: &Tree, all: &[Arc<Tree>]) {
        // A worker has its own keeper.
        if tree.origin != Origin::InWorker {
            self.tell(&line(tree), all);
        }
    }

    /// Removes a tree. `all` are the remaining ones.
    pub(super) fn let_go(&mut self, tree: &Tree, all: &[Arc<Tree>]) {
        if self.keeper.is_some() && tree.origin != Origin::InWorker {
            self.tell(&format!("- {}\n", tree.id.as_str()), all);
        }
    }

    fn tell(&mut self, line: &str, all: &[Arc<Tree>]) {
        if let Some(keeper) = &self.keeper
            && keeper.tell(line).is_ok()
        {
            return;
        }
        // There is no keeper yet, or it was killed, or it is stuck.
        if let Some(keeper) = self.keeper.take() {
            keeper.end();
        }
        match Keeper::start(all) {
            Ok(keeper) => self.keeper = Some(keeper),
            Err(error) if !self.warned => {
                self.warned = true;
                tracing::warn!(
                    "can't start a keeper, so programs of jobs keep running if this process is killed: {error}"
                );
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
impl Keepers {
    pub(super) fn pid(&self) -> Option<u32> {
        self.keeper.as_ref().map(|keeper| keeper.process.id())
    }

    pub(super) fn kill(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.process.kill().unwrap();
            keeper.process.wait().unwrap();
        }
    }
}

impl Keeper {
    pub(super) fn start(trees: &[Arc<Tree>]) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, NAME])
            .current_dir("/")
            .env(VARIABLE, KEEPER)
            // Signals from a terminal to the group of this process must not reach the keeper.
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            // Readers of this process's output must not wait for the keeper.
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn()?;
        let keeper = Self {
            #[cfg(target_os = "linux")]
            handle: pidfd_open(Pid::from_child(&process), PidfdFlags::empty()).ok(),
            process,
            socket,
        };
        for tree in trees.iter().filter(|tree| tree.origin != Origin::InWorker) {
            keeper.tell(&line(tree))?;
        }
        Ok(keeper)
    }

    /// Never blocks: a message that can't be sent at once is an error.
    pub(super) fn tell(&self, line: &str) -> io::Result<()> {
        match rustix::net::send(&self.socket, line.as_bytes(), SEND) {
            Ok(sent) if sent == line.len() => Ok(()),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Kills it: if only the socket were closed, it would assume that this process is dead.
    fn end(mut self) {
        // Not by its id if possible: it may be dead, and reaped by a program that reaps inherited processes.
        #[cfg(target_os = "linux")]
        if let Some(handle) = &self.handle {
            let _ = pidfd_send_signal(handle, Signal::KILL);
            let _ = waitid(WaitId::PidFd(handle.as_fd()), WaitIdOptions::EXITED);
            return;
        }
        // It may be dead already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the message about a tree: id, grace period in tenths of a second, group, and whether TERM was sent.
fn line(tree: &Tree) -> String {
    let state = tree.state();
    let tenths = tree.grace.as_millis().div_ceil(100);
    let group = state.search.group().unwrap_or(0);
    let is_term_sent = u8::from(state.kill_at.is_some());
    format!("+ {} {tenths} {group} {is_term_sent}\n", tree.id.as_str())
}
