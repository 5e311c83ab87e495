//! Starts the program, waits for its events and log, and stops it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// An environment variable that identifies all processes of a place.
pub(crate) const FAMILY: &str = "APSCHEDULER_E2E_FAMILY";

/// The longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Polls until `ask` returns a value.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "timed out waiting for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A directory to run the program in.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory with a jobs file that has an SQLite store and these jobs.
    pub(crate) fn with_jobs(jobs: &str) -> Self {
        let place = Self::new();
        place.write_jobs(jobs);
        place
    }

    pub(crate) fn write_jobs(&self, jobs: &str) {
        let store = "timezone = 'UTC'\n[jobstores.default]\ntype = 'sqlite'\nurl = 'sqlite:///jobs.sqlite'\n";
        self.write("jobs.toml", &format!("{store}{jobs}"));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The database of the store.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        let database = rusqlite::Connection::open(self.path("jobs.sqlite")).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        database
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apscheduler"));
        command.args(args).current_dir(self.0.path()).env("TZ", "UTC").env_remove("RUST_LOG");
        command.env(FAMILY, self.path(""));
        command
    }

    /// Runs the program and waits for its exit.
    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        Finished(self.command(args).stdin(Stdio::null()).output().unwrap())
    }

    /// `apscheduler jobs` with the jobs file.
    pub(crate) fn jobs(&self, args: &[&str]) -> Finished {
        self.run(&[&["jobs", "--config", "jobs.toml"], args].concat())
    }

    /// The jobs that `jobs list` shows.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.jobs(&["list", "--json"]).success().json().as_array().unwrap().clone()
    }

    /// A job as `jobs show` shows it.
    pub(crate) fn show(&self, id: &str) -> Value {
        self.jobs(&["show", id, "--json"]).success().json()
    }

    /// Starts `apscheduler run` with the jobs file. `name` is the name of the event stream.
    pub(crate) fn start(&self, name: &str) -> Running {
        self.start_in_zone(name, "UTC")
    }

    /// As `start`, with this value of `TZ`.
    pub(crate) fn start_in_zone(&self, name: &str, tz: &str) -> Running {
        let events = format!("{name}.jsonl");
        let mut command = self.command(&["run", "jobs.toml", "--events", &events]);
        self.spawn(name, command.env("TZ", tz))
    }

    /// Starts a command. `name` is the name of the event stream.
    pub(crate) fn spawn(&self, name: &str, command: &mut Command) -> Running {
        let log = self.path(&format!("{name}.log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let child = command.spawn().unwrap();
        Running { child, events: self.path(&format!("{name}.jsonl")), log }
    }
}

/// The output of a program that has exited.
pub(crate) struct Finished(Output);

impl Finished {
    pub(crate) fn success(self) -> Self {
        assert!(self.0.status.success(), "{}{}", self.stdout(), self.stderr());
        self
    }

    /// Asserts that it failed, and returns standard error.
    pub(crate) fn failure(self) -> String {
        assert_eq!(self.0.status.code(), Some(1), "{}{}", self.stdout(), self.stderr());
        self.stderr()
    }

    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap()
    }
}

/// A running `apscheduler run`. Dropping it kills the process.
pub(crate) struct Running {
    child: Child,
    events: PathBuf,
    log: PathBuf,
}

impl Running {
    /// The events so far. An incomplete last line is ignored: the program may have been killed while writing it.
    pub(crate) fn events(&self) -> Vec<Value> {
        read_events(&self.events)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits for an event.
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || {
            if let Some(event) = self.events().into_iter().find(&wanted) {
                return Some(event);
            }
            let status = self.child.try_wait().unwrap();
            assert!(status.is_none(), "it ended before {what}: {}", self.log());
            None
        })
    }

    /// Waits for an event about a job.
    pub(crate) fn wait_for_job(&mut self, event: &str, id: &str) -> Value {
        self.wait_for(&format!("{event} of {id}"), |found| {
            found["event"] == event && found["job_id"] == id
        })
    }

    pub(crate) fn wait_for_start(&mut self) {
        self.wait_for("the start", |event| event["event"] == "SCHEDULER_RESUMED");
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_for(text, || self.log().contains(text).then_some(()));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its exit.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("the end of the program", || self.child.try_wait().unwrap())
    }

    /// Stops it with SIGTERM, and returns all its events.
    pub(crate) fn drain(&mut self) -> Vec<Value> {
        self.signal(Signal::TERM);
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "{}", self.log());
        self.events()
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- {}\n{}",
                self.log.display(),
                fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
        // It may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn read_events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
