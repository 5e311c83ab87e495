//! A scheduler process.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a scheduler may take to shut down.
const PATIENCE: Duration = Duration::from_secs(60);

/// `apscheduler run`, with its events in a file.
pub(super) struct Scheduler {
    child: Child,
    pub(super) events: PathBuf,
}

impl Scheduler {
    pub(super) fn start(program: &Path, folder: &Path, number: usize) -> Result<Self> {
        let events = folder.join(format!("events-{number}.jsonl"));
        let log = File::create(folder.join(format!("log-{number}")))?;
        let child = Command::new(program)
            .args(["run", "jobs.toml", "--events"])
            .arg(&events)
            .current_dir(folder)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        Ok(Self { child, events })
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: &str) -> Result<()> {
        // The standard library can only send SIGKILL.
        let pid = self.child.id().to_string();
        crate::command::quietly(Command::new("kill").args([signal, &pid]))
    }

    pub(super) fn kill(mut self) -> Result<PathBuf> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(std::mem::take(&mut self.events))
    }

    /// Sends SIGTERM, and waits until the scheduler has ended.
    pub(super) fn drain(mut self) -> Result<PathBuf> {
        self.signal("-TERM")?;
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("a scheduler ended with {status}");
                }
                return Ok(std::mem::take(&mut self.events));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("a scheduler does not end within {} s", PATIENCE.as_secs());
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
