//! Process trees: a program, and everything that it starts.
//!
//! A [`ProcessTree`] is ended as a whole: TERM, a grace period, then KILL until nothing is left. Whoever starts programs
//! for a run owns the tree and ends it when the run is cancelled or times out. Trees that are still alive when this
//! process ends, however it ends, are ended by a small helper process, the keeper (`/bin/sh`).
//!
//! # How the processes are found
//! On Linux a process belongs to a tree if
//! - it is in the process group of the tree's first process, or
//! - one of its ancestors belongs to the tree, or
//! - its environment has the tree's id in [`VARIABLE`], which every process of the tree inherits. This also finds
//!   processes that have left the group (`setsid`) and whose parents are gone (double fork).
//!
//! Only a process that has done all three, left the group, lost its parent and cleared the variable, is no longer found.
//! The keeper does not look at ancestors. Ids of processes are compared together with their start times, so that a
//! signal never reaches a process that was given the id later.
//!
//! On other Unix systems a tree is a process group.

mod keeper;
mod marker;
mod registry;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "group.rs")]
mod system;
mod tree;

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use marker::{TreeId, VARIABLE};
pub use registry::end_all;
use tree::{LOOK, Origin, Tree, after};

/// The default grace period.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(5);

/// A program that was started for a run, with everything that it has started.
///
/// Dropping it ends nothing: processes that are still alive are left alone, and may outlive this process. So drop it
/// when the run has ended by itself; otherwise call [`end`](Self::end) first.
///
/// # Examples
/// ```
/// use std::process::Command;
/// use std::time::Duration;
///
/// use apscheduler_plugin_kit::process_tree::{ProcessTree, TreeId};
///
/// let tree = ProcessTree::new(TreeId::random(), Duration::from_secs(5));
/// let mut command = Command::new("sh");
/// command.args(["-c", "setsid sleep 600 & sleep 600"]);
/// let mut child = tree.spawn(&mut command)?;
/// tree.end();
/// child.wait()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ProcessTree {
    shared: Arc<Tree>,
}

impl ProcessTree {
    /// Creates a tree without processes. Its processes have `grace` to end after TERM.
    pub fn new(id: TreeId, grace: Duration) -> Self {
        Self::registered(id, grace, Origin::Ours)
    }

    /// Creates the tree of a worker process. [`end_all`] sends it no TERM: its owner asks it to end in another way.
    pub fn of_worker() -> Self {
        Self::registered(TreeId::of_worker(), DEFAULT_GRACE, Origin::Worker)
    }

    /// Returns a view of the tree with this id in a worker process, which contains the programs of a run. Only on Linux
    /// can a process find those that another has started; elsewhere the tree seems to be empty.
    pub fn in_worker(id: TreeId) -> Self {
        Self::registered(id, DEFAULT_GRACE, Origin::InWorker)
    }

    fn registered(id: TreeId, grace: Duration, origin: Origin) -> Self {
        let shared = Arc::new(Tree::new(id, grace, origin));
        registry::add(&shared);
        Self { shared }
    }

    /// Starts the first process of the tree, in its own process group and with [`VARIABLE`] in its environment.
    ///
    /// Reap the child only after the tree was ended or dropped: its process id names the group until then.
    ///
    /// # Errors
    /// Any error from [`Command::spawn`]; an error after [`end_all`], when no more programs are started.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let shared = &self.shared;
        command.process_group(0).env(VARIABLE, shared.id.within_ours(shared.grace));
        registry::spawn(shared, command)
    }

    /// Sends TERM to every process of the tree, unless that was done before. Returns when KILL is due.
    pub fn terminate(&self) -> Instant {
        let kill_at = self.shared.terminate();
        registry::update(&self.shared);
        kill_at
    }

    /// Notes that the processes of the tree have been asked to end in another way: they get no TERM, and KILL after
    /// their grace period. Returns when KILL is due, or `None` if there are no processes.
    pub fn is_asked_to_end(&self) -> Option<Instant> {
        let snapshot = system::Snapshot::take();
        let kill_at = {
            let mut state = self.shared.state();
            let inherited = state.search.grace(&self.shared.id, &snapshot)?;
            let grace = self.shared.grace.max(inherited);
            *state.kill_at.get_or_insert_with(|| after(grace))
        };
        registry::update(&self.shared);
        Some(kill_at)
    }

    /// Returns whether it is being ended, by its owner or by [`end_all`].
    pub fn is_ending(&self) -> bool {
        self.shared.state().kill_at.is_some()
    }

    /// Returns whether no process is alive.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty(&system::Snapshot::take())
    }

    /// Kills every process of the tree, and those that they start meanwhile. Returns when none is left.
    pub fn kill(&self) {
        self.shared.kill();
    }

    /// Ends every process of the tree: TERM, the grace period, KILL. Returns when none is left, and whether KILL was
    /// needed.
    ///
    /// The grace period is that of the tree, or that of a nested tree if it is longer.
    pub fn end(&self) -> bool {
        end_together(&[self])
    }
}

/// Ends several trees as [`ProcessTree::end`] does, at the same time. Returns whether KILL was needed.
pub fn end_together(trees: &[&ProcessTree]) -> bool {
    let mut snapshot = system::Snapshot::take();
    let mut left: Vec<&ProcessTree> = trees.to_vec();
    left.retain(|tree| !tree.shared.is_empty(&snapshot));
    for tree in &left {
        tree.terminate();
    }
    let mut killed = false;
    loop {
        left.retain(|tree| !tree.shared.is_empty(&snapshot));
        if left.is_empty() {
            return killed;
        }
        let now = Instant::now();
        left.retain(|tree| {
            let due = tree.shared.kill_at().is_none_or(|kill_at| kill_at <= now);
            if due {
                tree.kill();
                killed = true;
            }
            !due
        });
        std::thread::sleep(LOOK);
        snapshot = system::Snapshot::take();
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        registry::remove(&self.shared);
    }
}

#[cfg(test)]
mod tests;
