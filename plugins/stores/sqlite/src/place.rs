//! The identity of the file at a path.

use std::io;
use std::path::{Path, PathBuf};

/// The identity of a file. As long as it is open, no other file has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Returns the file at a path, following links, or `None` if there is none.
    #[cfg(unix)]
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        use std::os::unix::fs::MetadataExt as _;

        Ok(existing(std::fs::metadata(path))?
            .map(|file| Self { device: file.dev(), inode: file.ino() }))
    }

    /// On this platform an open file can't be replaced, so all files have the same identity.
    #[cfg(not(unix))]
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        Ok(existing(std::fs::metadata(path))?.map(|_| Self { device: 0, inode: 0 }))
    }
}

/// Converts "not found" into `None`.
pub(crate) fn existing<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Returns the path of the write-ahead log of a database: beside the file, with links followed.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let file = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut log = file.into_os_string();
    log.push("-wal");
    log.into()
}
