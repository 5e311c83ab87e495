//! Where a declared job comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The jobs file that declared a job, and its location when it was last applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobOrigin {
    /// The name in the file, which identifies the file also after it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The path of the file.
    pub file: String,
    /// The host that applied the file. Records of early releases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A digest of the job's entry in the file: the same digest means an unchanged job.
    pub digest: String,
}

impl JobOrigin {
    /// Creates the origin for a file without a name, on an unknown host.
    ///
    /// # Examples
    /// ```
    /// use apscheduler_core::job::JobOrigin;
    ///
    /// let origin = JobOrigin::new("/srv/app/jobs.toml", "6b3f-91aa")
    ///     .name("billing".to_owned())
    ///     .host("db-1".to_owned());
    /// assert_eq!(origin.to_string(), "`billing` (/srv/app/jobs.toml on db-1)");
    /// ```
    pub fn new(file: impl Into<String>, digest: impl Into<String>) -> Self {
        Self { name: None, file: file.into(), host: None, digest: digest.into() }
    }

    /// Sets the name in the file.
    #[must_use]
    pub fn name(mut self, name: impl Into<Option<String>>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the host that applied the file.
    #[must_use]
    pub fn host(mut self, host: impl Into<Option<String>>) -> Self {
        self.host = host.into();
        self
    }
}

/// The name, the path and the host of the file, as far as they are known.
impl fmt::Display for JobOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().unwrap_or("an unknown host");
        match &self.name {
            Some(name) => write!(f, "`{name}` ({} on {host})", self.file),
            None => write!(f, "{} on {host}", self.file),
        }
    }
}
