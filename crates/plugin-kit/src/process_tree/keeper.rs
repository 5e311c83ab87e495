//! The keeper: a process that ends what this one leaves behind, however this one ends.
//!
//! It is a shell with a few lines, so that no program needs a hook for it. It knows the trees by what it reads from a
//! socket. The end of the socket is the end of this process: all ends of it here are closed on `exec`, so a program that
//! is being started while this process dies holds the socket open until it has its marker, and can be found.

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

/// What the process list shows.
const NAME: &str = "apscheduler-keeper";

/// A program that has SIGPIPE on must live through the death of the keeper.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::DONTWAIT;

/// The keeper of this process, once there is one.
#[derive(Debug)]
pub(super) struct Keepers {
    keeper: Option<Keeper>,
    warned: bool,
}

#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) process: Child,
    /// Means this process whatever becomes of its id; `None` before Linux 5.3.
    #[cfg(target_os = "linux")]
    handle: Option<OwnedFd>,
    pub(super) socket: UnixStream,
}

impl Keepers {
    pub(super) const fn new() -> Self {
        Self { keeper: None, warned: false }
    }

    /// Has a tree ended should this process die. `all` are the trees for a new keeper, this one among them.
    pub(super) fn keep(&mut self, tree: &Tree, all: &[Arc<Tree>]) {
        // The worker's own keeper does so for what runs in a worker.
        if tree.origin != Origin::InWorker {
            self.tell(&line(tree), all);
        }
    }

    /// Forgets a tree. `all` are those that remain.
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
        // There is none yet, or somebody has killed it, or it is stuck.
        if let Some(keeper) = self.keeper.take() {
            keeper.end();
        }
        match Keeper::start(all) {
            Ok(keeper) => self.keeper = Some(keeper),
            Err(error) if !self.warned => {
                self.warned = true;
                tracing::warn!(
                    "no keeper can be started, so programs of jobs are left behind if this process is killed: {error}"
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
            // What is sent to the group of this process from a terminal is not for the keeper.
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            // Nobody who reads the output of this process should wait for the keeper.
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

    /// Never waits: a message that does not go out at once is an error.
    pub(super) fn tell(&self, line: &str) -> io::Result<()> {
        match rustix::net::send(&self.socket, line.as_bytes(), SEND) {
            Ok(sent) if sent == line.len() => Ok(()),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Kills it: at the end of its socket it would take this process for dead.
    fn end(mut self) {
        // Not by its id where that can be avoided: it may be dead, and reaped by a program that reaps what it inherits
        // from its threads.
        #[cfg(target_os = "linux")]
        if let Some(handle) = &self.handle {
            let _ = pidfd_send_signal(handle, Signal::KILL);
            let _ = waitid(WaitId::PidFd(handle.as_fd()), WaitIdOptions::EXITED);
            return;
        }
        // It may be dead.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the keeper has to know of a tree: id, grace period in tenths of a second, group, whether TERM was sent.
fn line(tree: &Tree) -> String {
    let state = tree.state();
    let tenths = tree.grace.as_millis().div_ceil(100);
    let group = state.search.group().unwrap_or(0);
    let told = u8::from(state.kill_at.is_some());
    format!("+ {} {tenths} {group} {told}\n", tree.id.as_str())
}
