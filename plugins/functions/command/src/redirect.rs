//! Where the output of a program goes.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;

use crate::privileges::Umask;

/// Appends to a file, or without one lets this process read the output. A relative path is in the directory in which the
/// program runs.
///
/// # Errors
/// The path of a file that can't be opened, and why.
pub(crate) fn target(
    file: Option<&Path>,
    cwd: Option<&Path>,
    umask: Option<Umask>,
) -> Result<Stdio, String> {
    let Some(file) = file else { return Ok(Stdio::piped()) };
    let path = cwd.map_or_else(|| file.to_owned(), |cwd| cwd.join(file));
    let mut options = OpenOptions::new();
    // Each run opens it anew, and writes at its end, so it may be moved away or cut off at any time.
    options.append(true).create(true);
    #[cfg(unix)]
    if let Some(Umask(mask)) = umask {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o666 & !mask);
    }
    #[cfg(not(unix))]
    let _ = umask;
    let opened = options.open(&path);
    opened
        .map(Stdio::from)
        .map_err(|error| format!("can't append to the file `{}`: {error}", path.display()))
}
