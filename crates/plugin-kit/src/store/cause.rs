//! The cause of an error, as text.

use std::{error, fmt};

/// The text of an error of a driver or server, as the source of an [`Error`](apscheduler_core::Error).
///
/// The text is kept instead of the error because drivers repeat themselves in their sources, and because servers repeat
/// what they do not understand, even passwords.
///
/// # Examples
/// ```
/// use apscheduler_plugin_kit::store::CauseText;
///
/// let cause = CauseText::new("no command `hunter2`").hide(Some("hunter2"));
/// assert_eq!(cause.to_string(), "no command `(hidden)`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseText(String);

impl CauseText {
    /// The text of a cause.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Replaces a secret in the text.
    #[must_use]
    pub fn hide(mut self, secret: Option<&str>) -> Self {
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            self.0 = self.0.replace(secret, "(hidden)");
        }
        self
    }
}

impl fmt::Display for CauseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for CauseText {}
