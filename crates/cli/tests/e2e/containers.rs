//! `apscheduler run` as the first process of a container and as a subreaper.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Place, Running, wait_for};

/// Jobs that leave orphans, and jobs whose exit status must not be lost, on the executors that start processes.
const JOBS: &str = "[executors]\ndefault = { type = 'threadpool', max_workers = 8 }\n\
    pool = { type = 'processpool', max_workers = 2, max_tasks_per_child = 3 }\n\
    [job_defaults]\nmax_instances = 8\nmisfire_grace_time = 'none'\n\
    [[jobs]]\nid = 'leaves'\nfunc = 'command'\nkwargs.shell = '(sleep 0.1 &) >/dev/null 2>&1; echo x >> left'\n\
    trigger = { type = 'interval', seconds = 0.1 }\n\
    [[jobs]]\nid = 'leaves too'\nexecutor = 'pool'\nfunc = 'command'\n\
    kwargs.shell = '(setsid sleep 0.1 &) >/dev/null 2>&1'\n\
    trigger = { type = 'interval', seconds = 0.2 }\n\
    [[jobs]]\nid = 'three'\nfunc = 'command'\nkwargs.shell = 'exit 3'\n\
    trigger = { type = 'interval', seconds = 0.05 }\n\
    [[jobs]]\nid = 'four'\nexecutor = 'pool'\nfunc = 'command'\nkwargs.shell = 'exit 4'\n\
    trigger = { type = 'interval', seconds = 0.2 }\n";

/// The least number of inherited processes.
const ENOUGH: usize = 30;

/// The state, the parent and the id of each process.
fn processes() -> Vec<(char, u32, u32)> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?, pid))
    });
    entries.collect()
}

fn children(parent: u32) -> Vec<(char, u32)> {
    let processes = processes().into_iter().filter(|(_, found, _)| *found == parent);
    processes.map(|(state, _, pid)| (state, pid)).collect()
}

fn zombies(parent: u32) -> usize {
    children(parent).iter().filter(|(state, _)| *state == 'Z').count()
}

/// Checks that no zombie remains and that every job has the status of its own command.
fn assert_all_reaped(place: &Place, running: &Running, pid: u32) {
    wait_for("many processes to be left behind", || {
        let left = fs::read_to_string(place.path("left")).unwrap_or_default();
        (left.lines().count() >= ENOUGH).then_some(())
    });
    // Processes that have just exited may be zombies for a moment.
    wait_for("no zombie", || (zombies(pid) == 0).then_some(()));
    let mut checked = [0, 0];
    for event in running.events() {
        let job = event["job_id"].as_str().unwrap_or_default();
        match (event["event"].as_str().unwrap(), job) {
            ("JOB_ERROR", "three") => {
                assert_eq!(event["exception"], "/bin/sh exited with status 3");
                checked[0] += 1;
            }
            ("JOB_ERROR", "four") => {
                assert_eq!(event["exception"], "/bin/sh exited with status 4");
                checked[1] += 1;
            }
            ("JOB_ERROR", _) | ("JOB_EXECUTED", "three" | "four") => panic!("{event}"),
            _ => {}
        }
    }
    assert!(checked[0] >= ENOUGH && checked[1] > 3, "{checked:?}");
}

#[test]
fn a_subreaper_reaps_only_inherited_processes() {
    let place = Place::with_jobs(JOBS);
    let mut command = place.command(&["run", "jobs.toml", "--events", "run.jsonl"]);
    become_subreaper(&mut command);
    let mut running = place.spawn("run", &mut command);
    assert_all_reaped(&place, &running, running.id());
    running.drain();
}

#[allow(unsafe_code, reason = "what a process is must be set between fork and exec")]
fn become_subreaper(command: &mut Command) {
    // SAFETY: the closure makes one system call, allocates nothing and takes no lock, as it must between fork and exec.
    unsafe {
        command.pre_exec(|| {
            Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
        });
    }
}

#[test]
fn the_first_process_of_a_container_reaps_and_drains() {
    let unshare = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    let able = Command::new("unshare").args(unshare).arg("true").stderr(Stdio::null()).status();
    if !able.is_ok_and(|status| status.success()) {
        println!("skipped: this system makes no namespace for processes");
        return;
    }
    let place = Place::with_jobs(JOBS);
    let mut command = Command::new("unshare");
    command.args(unshare).arg(env!("CARGO_BIN_EXE_apscheduler"));
    command.args(["run", "jobs.toml", "--events", "run.jsonl"]);
    command.current_dir(place.path("")).env("TZ", "UTC").env_remove("RUST_LOG");
    let mut running = place.spawn("run", &mut command);
    let pid = wait_for("the first process", || children(running.id()).first().map(|(_, pid)| *pid));
    assert_all_reaped(&place, &running, pid);
    let raw = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(raw, Signal::HUP).unwrap();
    running.wait_for_log("jobs.toml: reloaded: ");
    kill_process(raw, Signal::TERM).unwrap();
    assert_eq!(running.ended().code(), Some(0), "{}", running.log());
}
