//! Signals whose default action ends a program.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Place, Running, wait_for};

/// A job that waits for a file.
const WAITS: &str = "[[jobs]]\nid = 'waits'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
    kwargs = { shell = 'touch began; until [ -e go ]; do sleep 0.02; done; touch done' }\n";

fn send_what_is_ignored(running: &Running, times: usize) {
    for (signal, line) in
        [(Signal::USR1, "SIGUSR1 is ignored"), (Signal::USR2, "SIGUSR2 is ignored")]
    {
        running.signal(signal);
        wait_for(line, || (running.log().matches(line).count() == times).then_some(()));
    }
}

#[test]
fn user_signals_are_ignored_with_a_warning_and_so_is_hangup_while_it_drains() {
    for executor in ["threadpool", "processpool"] {
        let place = Place::with_jobs(&format!("[executors.default]\ntype = '{executor}'\n{WAITS}"));
        let mut running = place.start("run");
        wait_for("the job", || place.exists("began").then_some(()));
        send_what_is_ignored(&running, 1);
        for worker in workers(running.id()) {
            for signal in [Signal::HUP, Signal::USR1, Signal::USR2] {
                kill_process(worker, signal).unwrap();
            }
        }
        // Also while it drains.
        running.signal(Signal::TERM);
        running.wait_for_log("SIGTERM: waiting for running jobs to finish");
        send_what_is_ignored(&running, 2);
        running.signal(Signal::HUP);
        running.wait_for_log("SIGHUP is ignored: the program is about to end");
        place.write("go", "");
        assert_eq!(running.ended().code(), Some(0), "{}", running.log());
        assert!(place.exists("done"));
        assert!(!running.events().iter().any(|event| event["event"] == "JOB_ERROR"));
    }
}

/// The worker processes of the program, on Linux.
fn workers(program: u32) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let path = entry.ok()?.path();
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse();
        let line = std::fs::read_to_string(path.join("cmdline")).ok()?;
        let worker = parent == Ok(program) && line.contains("--apscheduler-worker");
        worker.then(|| Pid::from_raw(path.file_name()?.to_str()?.parse().ok()?)).flatten()
    });
    entries.collect()
}

#[test]
fn quit_stops_at_once_and_leaves_no_command_behind() {
    for draining in [false, true] {
        let place = Place::with_jobs(
            "[[jobs]]\nid = 'forever'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
             kwargs = { shell = 'trap \"touch asked; exit 9\" TERM; touch began; while :; do sleep 0.02; done' }\n",
        );
        let mut running = place.start("run");
        wait_for("the job", || place.exists("began").then_some(()));
        if draining {
            running.signal(Signal::TERM);
            running.wait_for_log("SIGTERM: waiting for running jobs to finish");
        }
        // Even immediately: SIGQUIT never counts as a repeated SIGTERM.
        running.signal(Signal::QUIT);
        assert_eq!(running.ended().code(), Some(131), "{}", running.log());
        assert!(place.exists("asked"), "{}", running.log());
        let events = running.events();
        assert!(events.iter().any(|event| event["event"] == "JOB_ERROR"), "{events:?}");
    }
}

#[test]
fn a_signal_before_the_start_is_not_lost() {
    let place = Place::with_jobs("");
    // Another process holds the database, so that the start takes a while.
    let database = place.database();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut running = place.start("run");
    wait_for("the executor", || {
        running.events().iter().any(|event| event["event"] == "JOBSTORE_ADDED").then_some(())
    });
    running.signal(Signal::USR1);
    running.wait_for_log("SIGUSR1 is ignored");
    running.signal(Signal::HUP);
    running.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(50));
    database.execute_batch("ROLLBACK").unwrap();
    assert_eq!(running.ended().code(), Some(0), "{}", running.log());
}
