//! The trees of this process.

use std::io;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::keeper::Keepers;
use super::system::Snapshot;
use super::tree::{LOOK, Origin, Tree};

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { trees: Vec::new(), closed: false, keepers: Keepers::new() });

struct Registry {
    trees: Vec<Arc<Tree>>,
    /// The process is about to exit: no more programs are started.
    closed: bool,
    keepers: Keepers,
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all trees of this process: TERM, KILL after `grace`. No programs are started from then on.
///
/// For a process that is about to exit. Returns when nothing is left.
pub fn end_all(grace: Duration) {
    let deadline = Instant::now() + grace;
    let mut trees = {
        let mut registry = registry();
        registry.closed = true;
        registry.trees.clone()
    };
    for tree in trees.iter().filter(|tree| tree.origin == Origin::Ours) {
        tree.terminate();
        update(tree);
    }
    loop {
        let snapshot = Snapshot::take();
        trees.retain(|tree| !tree.is_empty(&snapshot));
        if trees.is_empty() || Instant::now() >= deadline {
            break;
        }
        std::thread::sleep(LOOK);
    }
    for tree in trees {
        tree.kill();
    }
}

pub(super) fn add(tree: &Arc<Tree>) {
    let mut registry = registry();
    registry.trees.push(Arc::clone(tree));
    let Registry { trees, keepers, .. } = &mut *registry;
    // Before its first process starts, so that the keeper always knows the tree.
    keepers.keep(tree, trees);
}

/// Tells the keeper what has changed.
pub(super) fn update(tree: &Arc<Tree>) {
    let mut registry = registry();
    let Registry { trees, keepers, .. } = &mut *registry;
    if trees.iter().any(|other| Arc::ptr_eq(other, tree)) {
        keepers.keep(tree, trees);
    }
}

pub(super) fn remove(tree: &Arc<Tree>) {
    let mut registry = registry();
    let Registry { trees, keepers, .. } = &mut *registry;
    trees.retain(|other| !Arc::ptr_eq(other, tree));
    keepers.let_go(tree, trees);
}

pub(super) fn spawn(tree: &Arc<Tree>, command: &mut Command) -> io::Result<Child> {
    // Under the lock, so that `end_all` finds every started program.
    let mut registry = registry();
    if registry.closed {
        return Err(io::Error::other("the scheduler is being stopped"));
    }
    let child = command.spawn()?;
    tree.state().search.begin(&child);
    let Registry { trees, keepers, .. } = &mut *registry;
    keepers.keep(tree, trees);
    Ok(child)
}
