//! Stores that are replaced while the program runs, and commands that only read.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Place, Running, wait_for};

const SQLITE: &str = "timezone = 'UTC'\njobstore_retry_interval = 0.2\n[jobstores.default]\ntype = 'sqlite'\n\
    path = 'jobs.sqlite'\n";

const TICK: &str = "[[jobs]]\nid = 'tick'\nfunc = 'command'\nkwargs.argv = ['true']\nmisfire_grace_time = 'none'\n\
    trigger = { type = 'interval', seconds = 2, start_date = '2020-01-01' }\n";

const NEVER: &str = "[[jobs]]\nid = 'backup'\nfunc = 'command'\nkwargs.argv = ['true']\n\
    trigger = { type = 'cron', year = 2090 }\n";

/// A user without rights.
const NOBODY: u32 = 65534;

fn executed(running: &Running) -> Vec<Value> {
    let events = running.events().into_iter();
    events.filter(|event| event["event"] == "JOB_EXECUTED").collect()
}

/// Waits for an execution after the store was replaced.
fn wait_for_execution_after_replacement(running: &mut Running) {
    let replaced =
        running.wait_for("the replacement", |event| event["event"] == "JOBSTORE_REPLACED");
    assert!(replaced["reason"].is_string(), "{replaced}");
    wait_for("an execution after that", || {
        let events = running.events();
        let mut after = events.iter().skip_while(|event| event["event"] != "JOBSTORE_REPLACED");
        after.any(|event| event["event"] == "JOB_EXECUTED").then_some(())
    });
}

#[test]
fn a_replaced_database_runs_no_fire_time_twice() {
    let place = Place::new();
    place.write("jobs.toml", &format!("{SQLITE}{TICK}"));
    let mut first = place.start("first");
    first.wait_for_job("JOB_EXECUTED", "tick");
    let copy = place.path("copy");
    place.database().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let before = executed(&first).len();
    // As the guide says: the log of the replaced file must not get into the new one.
    for log in ["jobs.sqlite-wal", "jobs.sqlite-shm"] {
        fs::remove_file(place.path(log)).unwrap();
    }
    fs::rename(&copy, place.path("jobs.sqlite")).unwrap();
    let mut second = place.start("second");
    second.wait_for_start();
    first.wait_for("the replacement", |event| event["event"] == "JOBSTORE_REPLACED");
    first.wait_for_log("was replaced by another file");
    wait_for("some fires", || {
        (executed(&first).len() + executed(&second).len() >= before + 3).then_some(())
    });
    first.drain();
    second.drain();
    let all: Vec<Value> = executed(&first).into_iter().chain(executed(&second)).collect();
    let times: BTreeSet<&str> =
        all.iter().filter_map(|event| event["scheduled_run_time"].as_str()).collect();
    assert_eq!(times.len(), all.len(), "a fire ran twice: {all:?}");
    let check: String =
        place.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_deleted_database_gets_the_jobs_of_the_file_again() {
    let place = Place::new();
    place.write("jobs.toml", &format!("{SQLITE}{TICK}"));
    let mut running = place.start("run");
    running.wait_for_job("JOB_EXECUTED", "tick");
    fs::remove_file(place.path("jobs.sqlite")).unwrap();
    wait_for_execution_after_replacement(&mut running);
    running.wait_for_log("was deleted or moved away");
    running.wait_for_log("applied again: 1 added");
    assert_eq!(place.show("tick")["status"], "scheduled");
    running.drain();
}

/// Runs a command as a user who can't write there.
fn read(place: &Place, args: &[&str]) -> (bool, String, String) {
    let mut command = place.command(&[&["jobs", "--config", "jobs.toml"], args].concat());
    if rustix::process::getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// Removes all rights to write there, or restores those of the owner.
fn set_writable(place: &Place, is_writable: bool) {
    let (folder, file) = if is_writable { (0o755, 0o644) } else { (0o555, 0o444) };
    for entry in fs::read_dir(place.path(".")).unwrap() {
        fs::set_permissions(entry.unwrap().path(), Permissions::from_mode(file)).unwrap();
    }
    fs::set_permissions(place.path("."), Permissions::from_mode(folder)).unwrap();
}

fn names(place: &Place) -> BTreeSet<String> {
    let entries = fs::read_dir(place.path(".")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn assert_readable(place: &Place, name: &str) {
    for args in [&["list"][..], &["show", "backup"], &["export"]] {
        let (success, out, error) = read(place, args);
        assert!(success && out.contains("backup"), "{name}: {args:?}: {out}{error}");
        // The last changes are only in the write-ahead log.
        assert_eq!(args[0] == "list", out.contains("Renamed  -"), "{name}: {out}");
    }
    let (success, _, error) = read(place, &["pause", "backup"]);
    assert!(!success && error.contains("can't be"), "{name}: {error}");
}

#[test]
fn reading_commands_need_no_write_access() {
    let place = Place::new();
    place.write("jobs.toml", &format!("{SQLITE}{NEVER}"));
    let mut running = place.start("run");
    running.wait_for_start();
    place.jobs(&["modify", "backup", "--name", "Renamed", "--next-run-time", "none"]).success();
    set_writable(&place, false);
    assert_readable(&place, "while it runs");
    running.signal(Signal::KILL);
    running.ended();
    assert!(place.exists("jobs.sqlite-wal"));
    assert_readable(&place, "killed");
    set_writable(&place, true);
    fs::remove_file(place.path("jobs.sqlite-shm")).unwrap();
    set_writable(&place, false);
    let before = names(&place);
    assert_readable(&place, "with a log alone");
    assert_eq!(names(&place), before);
    set_writable(&place, true);
    // The last writer removes the write-ahead log.
    place.jobs(&["pause", "backup"]).success();
    assert!(!place.exists("jobs.sqlite-wal"));
    set_writable(&place, false);
    let before = names(&place);
    assert_readable(&place, "closed");
    assert_eq!(names(&place), before);
    set_writable(&place, true);
}

#[test]
fn reading_commands_create_no_database() {
    let place = Place::new();
    place.write("jobs.toml", &SQLITE.replace("jobs.sqlite", "no/such/jobs.sqlite"));
    let listed = place.jobs(&["list"]).success();
    assert_eq!(listed.stdout(), "No jobs.\n");
    assert!(
        listed.stderr().contains("does not exist, so there are no jobs"),
        "{}",
        listed.stderr()
    );
    assert!(place.jobs(&["show", "a"]).failure().contains("`a`"));
    assert!(!place.exists("no"));
}

/// A Redis server without persistence.
struct Redis {
    server: Child,
    port: u16,
}

impl Redis {
    fn start(port: u16) -> Self {
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed; `cargo xtask test` does that");
        let redis = Self { server, port };
        wait_for("the server", || redis.say("PING").filter(|answer| answer.contains("PONG")));
        redis
    }

    fn say(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = [0; 256];
        let read = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..read]).into_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn redis_place(jobs: &str) -> (Place, Redis) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let place = Place::new();
    let store = format!(
        "timezone = 'UTC'\njobstore_retry_interval = 0.2\n[jobstores.default]\ntype = 'redis'\n\
         url = 'redis://127.0.0.1:{port}'\n"
    );
    place.write("jobs.toml", &format!("{store}{jobs}"));
    (place, Redis::start(port))
}

#[test]
fn a_redis_restarted_empty_gets_the_jobs_of_the_file_again() {
    let (place, redis) = redis_place(TICK);
    let mut running = place.start("run");
    running.wait_for_job("JOB_EXECUTED", "tick");
    let port = redis.port;
    drop(redis);
    running.wait_for("the outage", |event| event["event"] == "JOBSTORE_ERROR");
    let _redis = Redis::start(port);
    wait_for_execution_after_replacement(&mut running);
    running.wait_for_log("applied again: 1 added");
    running.drain();
}

#[test]
fn a_full_redis_can_be_read() {
    let (place, redis) = redis_place("");
    let add = ["add", "--id", "a", "--func", "command", "--kwargs", r#"{"argv": ["true"]}"#];
    place.jobs(&[&add[..], &["--next-run-time", "none"]].concat()).success();
    assert!(redis.say("CONFIG SET maxmemory 1").unwrap().contains("OK"));
    for args in [&["list"][..], &["show", "a"], &["export"]] {
        assert!(place.jobs(args).success().stdout().contains('a'));
    }
    let refused = place.jobs(&["add", "--func", "command", "--kwargs", r#"{"argv": ["true"]}"#]);
    assert!(refused.failure().contains("temporarily refused the call"));
}
