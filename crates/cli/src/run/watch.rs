//! `--watch`: notices that the jobs file was edited.
//!
//! It looks at the file once a second. That works on every file system, and for every way to replace a file: editors write
//! a new one in its place, and containers change a link above it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use super::applying::Wish;

/// How often to look. A change is reported when the file has not changed for that long, so that it is complete.
const INTERVAL: Duration = Duration::from_secs(1);

/// What changes when a file is edited or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    device: u64,
    inode: u64,
}

impl From<Metadata> for Stamp {
    fn from(metadata: Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            size: metadata.size(),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// What was seen of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// At the last look. `None` if there was no file.
    last: Option<Stamp>,
    /// Of the version that was read.
    read: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Edited,
    Gone,
}

impl Seen {
    /// Notes another look at the file.
    fn look(&mut self, now: Option<Stamp>) -> Option<Change> {
        let before = std::mem::replace(&mut self.last, now);
        match now {
            None => before.map(|_| Change::Gone),
            Some(_) if now == self.read || now != before => None,
            Some(_) => {
                self.read = now;
                Some(Change::Edited)
            }
        }
    }
}

/// A watch of a file.
pub(super) struct Watch {
    path: PathBuf,
    seen: Seen,
}

impl Watch {
    /// Begins to watch a file that is about to be read.
    pub(super) fn new(path: PathBuf) -> Self {
        let now = stamp(&path);
        Self { path, seen: Seen { last: now, read: now } }
    }

    /// Wishes for a reload after each change, from a thread of its own.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub(super) fn start(mut self, wishes: Sender<Wish>) -> io::Result<()> {
        let watch = move || {
            loop {
                std::thread::sleep(INTERVAL);
                match self.seen.look(stamp(&self.path)) {
                    None => {}
                    Some(Change::Gone) => {
                        let path = self.path.display();
                        tracing::warn!("{path}: the file is gone; its jobs stay as they are");
                    }
                    Some(Change::Edited) => {
                        tracing::info!("{}: the file has changed", self.path.display());
                        // The scheduler may have ended.
                        if wishes.send(Wish::Reload).is_err() {
                            return;
                        }
                    }
                }
            }
        };
        std::thread::Builder::new().name("apscheduler-watch".to_owned()).spawn(watch)?;
        Ok(())
    }
}

fn stamp(path: &std::path::Path) -> Option<Stamp> {
    path.metadata().ok().map(Stamp::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(size: u64) -> Stamp {
        Stamp { modified: Some(SystemTime::UNIX_EPOCH), size, device: 1, inode: 1 }
    }

    #[test]
    fn a_change_is_reported_when_the_file_is_quiet_and_only_once() {
        let mut seen = Seen { last: Some(version(1)), read: Some(version(1)) };
        assert_eq!(seen.look(Some(version(1))), None);
        assert_eq!(seen.look(Some(version(2))), None, "it may not be complete");
        assert_eq!(seen.look(Some(version(3))), None);
        assert_eq!(seen.look(Some(version(3))), Some(Change::Edited));
        assert_eq!(seen.look(Some(version(3))), None);
    }

    #[test]
    fn a_file_that_is_replaced_may_be_missing_for_a_moment() {
        let mut seen = Seen { last: Some(version(1)), read: Some(version(1)) };
        assert_eq!(seen.look(None), Some(Change::Gone));
        assert_eq!(seen.look(None), None);
        assert_eq!(seen.look(Some(version(1))), None);
        assert_eq!(seen.look(Some(version(1))), None, "it is the same file");
        assert_eq!(seen.look(None), Some(Change::Gone));
        assert_eq!(seen.look(Some(version(2))), None);
        assert_eq!(seen.look(Some(version(2))), Some(Change::Edited));
    }

    #[test]
    fn an_edit_changes_the_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.toml");
        assert_eq!(stamp(&path), None);
        std::fs::write(&path, "a").unwrap();
        let first = stamp(&path);
        std::fs::write(folder.path().join("new"), "b").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_ne!(stamp(&path), first, "another file of the same size");
    }
}
