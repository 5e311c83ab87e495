//! Counts in options.

use crate::{Error, ErrorKind, Result};

/// Checks that a count is at least `least`. `what` is named in errors.
///
/// # Errors
/// [`ErrorKind::Config`] that says what was expected.
///
/// # Examples
/// ```
/// use apscheduler_core::options::at_least;
///
/// assert!(at_least("max_workers", 20, 1).is_ok());
/// let error = at_least("max_workers", 0, 1).unwrap_err();
/// assert_eq!(error.to_string(), "max_workers: expected at least 1, found 0");
/// ```
pub fn at_least(what: &str, found: usize, least: usize) -> Result<()> {
    if found >= least {
        return Ok(());
    }
    let message = format!("{what}: expected at least {least}, found {found}");
    Err(Error::new(ErrorKind::Config, message))
}
