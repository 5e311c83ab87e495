//! Which file a path leads to, at the moment.

use std::io;
use std::path::{Path, PathBuf};

/// A file, whatever it is called. As long as it is open nothing else has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file at a path, behind all links; `None` where there is none.
    #[cfg(unix)]
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        use std::os::unix::fs::MetadataExt as _;

        Ok(existing(std::fs::metadata(path))?
            .map(|file| Self { device: file.dev(), inode: file.ino() }))
    }

    /// Here an open file can't be replaced, so any file is the same.
    #[cfg(not(unix))]
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        Ok(existing(std::fs::metadata(path))?.map(|_| Self { device: 0, inode: 0 }))
    }
}

/// What is found; `None` where nothing is there.
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

/// Where SQLite keeps the write-ahead log of a database: beside the file behind all links.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let file = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut log = file.into_os_string();
    log.push("-wal");
    log.into()
}
