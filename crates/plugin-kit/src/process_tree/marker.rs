//! The marker of the processes of a tree: a variable in their environment.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::time::Duration;

/// The environment variable that names the trees that a process belongs to, from the outermost to the innermost. A process
/// that clears it may outlive its run.
pub const VARIABLE: &str = "APSCHEDULER_PROCESS_TREE";

/// The value of the variable in a keeper and its children. They belong to no tree, although a process of a tree may
/// have started them: they end by themselves when that process has ended.
pub(super) const KEEPER: &str = "keeper";

/// The first byte of the ids of worker processes.
const WORKER: u8 = b'w';

/// The id of a process tree, unique across all processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TreeId(String);

impl TreeId {
    /// Returns a new id.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }

    /// Returns the id of the tree of an attempt of a run, by which other processes can find it. What is left of an earlier
    /// attempt belongs to another tree.
    pub fn of_run(run_id: impl fmt::Display, attempt: u32) -> Self {
        Self(format!("r{run_id}.{attempt}"))
    }

    /// Returns a new id for a worker process, which runs many jobs. The programs of a run in the worker belong to the
    /// tree of the run, not to that of the worker.
    pub fn of_worker() -> Self {
        Self(format!("{}{}", char::from(WORKER), uuid::Uuid::new_v4().simple()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the value of [`VARIABLE`] for a process of this tree that this process starts.
    pub(super) fn within_ours(&self, grace: Duration) -> OsString {
        self.within(std::env::var_os(VARIABLE).as_deref(), grace)
    }

    fn within(&self, outer: Option<&OsStr>, grace: Duration) -> OsString {
        let outer = outer.map(OsStr::as_bytes).unwrap_or_default();
        let mut value: Vec<u8> = Vec::new();
        for part in outer.split(|byte| *byte == b' ') {
            if part.first().is_some_and(|first| *first != WORKER) {
                value.extend(part);
                value.push(b' ');
            }
        }
        value.extend(format!("{}:{}", self.0, grace.as_millis()).bytes());
        OsString::from_vec(value)
    }

    /// Returns the grace period of a process with this value of [`VARIABLE`], which is that of the innermost tree;
    /// `None` if the process does not belong to this tree.
    pub(super) fn grace_in(&self, value: &[u8]) -> Option<Duration> {
        let parts = value.split(|byte| *byte == b' ').filter_map(|part| {
            let (id, grace) = std::str::from_utf8(part).ok()?.split_once(':')?;
            Some((id, Duration::from_millis(grace.parse().ok()?)))
        });
        let mut parts = parts.skip_while(|(id, _)| *id != self.0).peekable();
        parts.peek()?;
        parts.last().map(|(_, grace)| grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    #[test]
    fn a_tree_within_a_tree_belongs_to_both() {
        let (outer, inner) = (TreeId::random(), TreeId::of_run("7", 1));
        let value = outer.within(None, GRACE);
        let value = inner.within(Some(&value), Duration::from_secs(30));
        let grace = |id: &TreeId| id.grace_in(value.as_bytes());
        assert_eq!(grace(&outer), Some(Duration::from_secs(30)));
        assert_eq!(grace(&inner), Some(Duration::from_secs(30)));
        assert_eq!(grace(&TreeId::random()), None);
    }

    #[test]
    fn the_program_of_a_run_does_not_belong_to_its_worker() {
        let (outer, worker, run) = (TreeId::random(), TreeId::of_worker(), TreeId::of_run("7", 1));
        let value = outer.within(None, GRACE);
        let value = worker.within(Some(&value), GRACE);
        assert_eq!(worker.grace_in(value.as_bytes()), Some(GRACE));
        let value = run.within(Some(&value), GRACE);
        let belongs = |id: &TreeId| id.grace_in(value.as_bytes()).is_some();
        assert!(belongs(&outer) && belongs(&run) && !belongs(&worker), "{value:?}");
    }

    #[test]
    fn an_invalid_variable_is_not_an_id() {
        let id = TreeId::random();
        for value in [&b""[..], b"\xff", b":", b"x", b" : :5 "] {
            assert_eq!(id.grace_in(value), None);
        }
    }
}
