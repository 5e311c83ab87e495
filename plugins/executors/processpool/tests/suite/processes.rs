//! Inspects processes through `/proc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until `look` returns a value.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let patience = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < patience, "timed out waiting {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for the process id that a job writes into a file.
pub(crate) fn published(file: &Path) -> u32 {
    until(&format!("for {}", file.display()), || fs::read_to_string(file).ok()?.parse().ok())
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().unwrap()).unwrap()
}

/// Returns whether the process exists and is not a zombie.
pub(crate) fn runs(pid: u32) -> bool {
    state(&PathBuf::from(format!("/proc/{pid}"))).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Returns the letter for the state of a process or a thread.
fn state(directory: &Path) -> Option<char> {
    let stat = fs::read_to_string(directory.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Stops a process with all its threads.
pub(crate) fn stop(pid: u32) {
    signal(pid, Signal::STOP);
    until(&format!("for process {pid} to stop"), || {
        let mut threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        threads.all(|thread| state(&thread.unwrap().path()) == Some('T')).then_some(())
    });
}

pub(crate) fn wait_for_the_end_of(pid: u32) {
    until(&format!("for the end of process {pid}"), || (!runs(pid)).then_some(()));
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    // It may have exited already.
    let _ = kill_process(raw(pid), signal);
}

/// Returns the worker processes of this process that are not zombies.
pub(crate) fn workers() -> Vec<u32> {
    let children = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let (state, parent) = (fields.next()?, fields.next()?);
        let ours = parent.parse() == Ok(std::process::id());
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let is_worker = command.ends_with("\0--apscheduler-worker\0");
        (ours && is_worker && !matches!(state, "Z" | "X")).then_some(pid)
    });
    children.collect()
}

/// Returns the number of processes whose working directory is this one.
pub(crate) fn count_in(directory: &Path) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter(|process| {
            fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == directory)
        })
        .count()
}
