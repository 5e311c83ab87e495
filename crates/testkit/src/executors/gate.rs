//! Gates that block a job until its case opens them. They use files, so that the job may run in
//! another process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use apscheduler_core::function::{JobContext, JobError};
use serde_json::Value;

use super::eventually;
use super::tick::{sleep, tick};

/// The time after which a job waiting at a closed gate gives up, so that it does not outlive the
/// test program indefinitely.
const PATIENCE: Duration = Duration::from_secs(120);

/// A gate that blocks jobs until it is opened: those that call the suite's function `hold` with its
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

    /// Returns the arguments for the function.
    pub fn arguments(&self) -> [Value; 2] {
        [Value::from(self.folder.to_string_lossy()), Value::from(&*self.name)]
    }

    /// Lets through all waiting and all later jobs.
    pub fn open(&self) {
        std::fs::write(self.key(), "").expect("the folder of the case can be written to");
    }

    /// Returns how many jobs have arrived.
    pub fn arrived(&self) -> usize {
        let files = std::fs::read_dir(&self.folder).expect("the folder of the case can be read");
        let prefix = self.prefix();
        files
            .filter_map(Result::ok)
            .filter(|file| file.file_name().to_string_lossy().starts_with(&prefix))
            .count()
    }

    /// Waits until `count` jobs have arrived.
    ///
    /// # Panics
    /// If they do not arrive in time.
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

    /// Records the arrival of a job.
    pub(super) fn arrive(&self, context: &JobContext) -> Result<(), JobError> {
        let file = format!("{}{}", self.prefix(), context.run_id());
        std::fs::write(self.folder.join(file), "").map_err(JobError::from)
    }

    /// Blocks until the gate is open.
    pub(super) fn pass(&self, context: &JobContext) -> Result<String, JobError> {
        self.arrive(context)?;
        let since = Instant::now();
        while self.is_shut(since)? {
            sleep();
        }
        Ok(self.name.clone())
    }

    /// Waits until the gate is open.
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
            return Err(JobError::new(format!("the gate {} was not opened in time", self.name)));
        }
        // A failed case has deleted its folder.
        Ok(is_there(&self.folder) && !is_there(&self.key()))
    }
}

pub(super) fn is_there(path: &Path) -> bool {
    path.exists()
}
