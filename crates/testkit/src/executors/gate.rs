//! A job stops at a gate until its case opens it: with files, so that the job may be in another process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use apscheduler_core::function::{JobContext, JobError};
use serde_json::Value;

use super::eventually;
use super::tick::{sleep, tick};

/// A job that stands at a gate that nobody opens gives up: it must not outlive the test program for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// A gate that jobs stop at until it is opened: those that call the suite's function `hold` with its
/// [`arguments`](Self::arguments).
#[derive(Clone, Debug)]
pub struct Gate {
    folder: PathBuf,
    name: String,
}

impl Gate {
    pub(super) fn new(folder: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self { folder: folder.into(), name: name.into() }
    }

    /// What the function is called with.
    pub fn arguments(&self) -> [Value; 2] {
        [Value::from(self.folder.to_string_lossy()), Value::from(&*self.name)]
    }

    /// Lets through who stands at it, and who comes later.
    pub fn open(&self) {
        std::fs::write(self.key(), "").expect("the folder of the case can be written to");
    }

    /// How many have come to it.
    pub fn arrived(&self) -> usize {
        let files = std::fs::read_dir(&self.folder).expect("the folder of the case can be read");
        let prefix = self.prefix();
        files
            .filter_map(Result::ok)
            .filter(|file| file.file_name().to_string_lossy().starts_with(&prefix))
            .count()
    }

    /// Returns when so many have come to it.
    ///
    /// # Panics
    /// Where they do not come.
    pub fn wait_for(&self, count: usize) {
        eventually(&format!("{count} jobs have come to the gate {}", self.name), || {
            self.arrived() >= count
        });
    }

    fn key(&self) -> PathBuf {
        self.folder.join(format!("{}.open", self.name))
    }

    fn prefix(&self) -> String {
        format!("{}.arrived.", self.name)
    }

    /// Tells that a job has come to it.
    pub(super) fn arrive(&self, context: &JobContext) -> Result<(), JobError> {
        let file = format!("{}{}", self.prefix(), context.run_id());
        std::fs::write(self.folder.join(file), "").map_err(JobError::from)
    }

    /// Blocks until it is open.
    pub(super) fn pass(&self, context: &JobContext) -> Result<String, JobError> {
        self.arrive(context)?;
        let since = Instant::now();
        while self.is_shut(since)? {
            sleep();
        }
        Ok(self.name.clone())
    }

    /// Waits until it is open.
    pub(super) async fn pass_async(&self, context: &JobContext) -> Result<String, JobError> {
        self.arrive(context)?;
        let since = Instant::now();
        while self.is_shut(since)? {
            tick().await;
        }
        Ok(self.name.clone())
    }

    fn is_shut(&self, since: Instant) -> Result<bool, JobError> {
        if since.elapsed() > PATIENCE {
            return Err(JobError::new(format!("nobody opened the gate {}", self.name)));
        }
        // A case that has failed took its folder with it.
        Ok(is_there(&self.folder) && !is_there(&self.key()))
    }
}

pub(super) fn is_there(path: &Path) -> bool {
    path.exists()
}
