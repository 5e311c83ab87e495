//! `apscheduler run` under a service manager: the messages of `sd_notify`.

use std::cell::RefCell;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::program::{Place, Running, wait_for};

/// A service manager that keeps all messages.
struct Manager {
    socket: UnixDatagram,
    messages: RefCell<Vec<(Instant, String)>>,
}

impl Manager {
    fn new(place: &Place) -> Self {
        let socket = UnixDatagram::bind(place.path("notify")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, messages: RefCell::default() }
    }

    fn command(place: &Place) -> Command {
        let mut command = place.command(&["run", "jobs.toml", "--events", "run.jsonl"]);
        command.env("NOTIFY_SOCKET", place.path("notify"));
        command
    }

    fn messages(&self) -> Vec<(Instant, String)> {
        let mut messages = self.messages.borrow_mut();
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            messages
                .push((Instant::now(), String::from_utf8_lossy(&buffer[..length]).into_owned()));
        }
        messages.clone()
    }

    /// Waits for the message after the first `skip`. Returns how many there are up to it.
    fn wait_for(&self, running: &Running, what: &str, skip: usize) -> usize {
        let deadline = Instant::now() + crate::program::PATIENCE;
        loop {
            let messages = self.messages();
            let found =
                messages.iter().skip(skip).position(|(_, message)| message.starts_with(what));
            if let Some(found) = found {
                return skip + found + 1;
            }
            assert!(Instant::now() < deadline, "no `{what}` in {messages:?}; {}", running.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

const JOB: &str = "[[jobs]]\nid = 'a'\nfunc = 'log'\nkwargs.message = 'x'\n\
    trigger = { type = 'interval', hours = 1 }\n";

#[test]
fn the_service_manager_hears_of_start_reload_and_stop() {
    let place = Place::with_jobs(JOB);
    let manager = Manager::new(&place);
    let mut running = place.spawn("run", &mut Manager::command(&place));
    let status = manager.wait_for(&running, "STATUS=1 added, 0 changed", 0);
    let ready = manager.wait_for(&running, "READY=1", status);
    // The jobs are there when it says so.
    assert_eq!(place.list().len(), 1);
    running.signal(Signal::HUP);
    let reloading = manager.wait_for(&running, "RELOADING=1\nMONOTONIC_USEC=", ready);
    manager.wait_for(&running, "STATUS=reloaded: 0 added", reloading);
    let mut ready = manager.wait_for(&running, "READY=1", reloading);
    place.write("jobs.toml", "jobs = 5");
    running.signal(Signal::HUP);
    ready =
        manager.wait_for(&running, "STATUS=the jobs file was not reloaded: jobs.toml: jobs", ready);
    ready = manager.wait_for(&running, "READY=1", ready);
    running.signal(Signal::TERM);
    manager.wait_for(&running, "STOPPING=1", ready);
    assert_eq!(running.ended().code(), Some(0));
    let messages = manager.messages();
    assert!(!messages.iter().any(|(_, text)| text.contains("WATCHDOG")), "{messages:?}");
}

#[test]
fn the_watchdog_hears_of_a_loop_that_works_and_not_of_one_that_hangs() {
    // A job that runs in the event loop is the way to block it.
    let place = Place::with_jobs(
        "[executors.loop]\ntype = 'loop'\n\
         [[jobs]]\nid = 'blocks'\nexecutor = 'loop'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
         kwargs.shell = 'until [ -e block ]; do exit 0; done; touch blocked; until [ -e go ]; do sleep 0.02; done'\n\
         trigger = { type = 'interval', seconds = 0.1 }\n",
    );
    let manager = Manager::new(&place);
    let mut running = place.spawn("run", Manager::command(&place).env("WATCHDOG_USEC", "400000"));
    // An idle loop would sleep for much longer.
    let mut seen = 0;
    for _ in 0..4 {
        seen = manager.wait_for(&running, "WATCHDOG=1", seen);
    }
    place.write("block", "");
    wait_for("the job in the loop", || place.exists("blocked").then_some(()));
    running.wait_for_log("the event loop of the scheduler hangs");
    let hung = manager.messages().len();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(manager.messages().len(), hung, "no sign of life while it hangs");
    place.write("go", "");
    std::fs::remove_file(place.path("block")).unwrap();
    manager.wait_for(&running, "WATCHDOG=1", hung);
    running.drain();
}

#[test]
fn an_idle_loop_is_alive() {
    let place = Place::with_jobs(JOB);
    let manager = Manager::new(&place);
    let mut running = place.spawn("run", Manager::command(&place).env("WATCHDOG_USEC", "200000"));
    let ready = manager.wait_for(&running, "READY=1", 0);
    let mut seen = ready;
    for _ in 0..10 {
        seen = manager.wait_for(&running, "WATCHDOG=1", seen);
    }
    let messages = manager.messages();
    let took = messages[seen - 1].0 - messages[ready - 1].0;
    assert!(took >= Duration::from_millis(700), "twice in each limit, not more often: {took:?}");
    running.drain();
}

#[test]
fn the_example_unit_is_valid() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/service/apscheduler.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    let place = Place::new();
    place.write(
        "apscheduler.service",
        &unit.replace("/usr/local/bin/apscheduler", env!("CARGO_BIN_EXE_apscheduler")),
    );
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).arg(place.path("apscheduler.service"));
    let Ok(verified) = verify.output() else {
        println!("skipped: there is no systemd-analyze");
        return;
    };
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}
