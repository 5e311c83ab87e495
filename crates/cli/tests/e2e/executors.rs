//! Every executor runs the job functions, and their log appears.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::Value;

use crate::program::{Place, wait_for};

/// Answers requests until the test program ends. Returns its address.
fn listener() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            // The client may have closed the connection.
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    address
}

/// The names of all executors that this build links.
fn executors() -> Vec<String> {
    let plugins = Place::new().run(&["plugins", "--json"]).success().json();
    let executors = plugins["plugins"].as_array().unwrap().iter();
    let executors = executors.filter(|plugin| plugin["kind"] == "executor");
    executors.map(|plugin| plugin["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn log_and_output_of_jobs_appear_on_every_executor() {
    let address = listener();
    let executors = executors();
    for known in ["debug", "loop", "may", "processpool", "smol", "threadpool", "tokio"] {
        assert!(executors.iter().any(|executor| executor == known), "{known}: {executors:?}");
    }
    for executor in executors {
        let place = Place::with_jobs(&format!(
            "[executors.default]\ntype = '{executor}'\n\
             [[jobs]]\nid = 'logs'\nfunc = 'log'\nmisfire_grace_time = 'none'\n\
             kwargs = {{ message = 'a line of a job', level = 'warn' }}\n\
             [[jobs]]\nid = 'prints'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
             kwargs.shell = 'echo to stdout; echo to stderr >&2'\n\
             [[jobs]]\nid = 'fails'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
             kwargs.shell = 'echo broken >&2; exit 3'\n\
             [[jobs]]\nid = 'asks'\nfunc = 'http'\nmisfire_grace_time = 'none'\n\
             kwargs.url = 'http://{address}/'\n\
             [[jobs]]\nid = 'asks nobody'\nfunc = 'http'\nmisfire_grace_time = 'none'\n\
             kwargs.url = 'http://127.0.0.1:1/'\n"
        ));
        let mut running = place.start("run");
        running.wait_for_job("JOB_EXECUTED", "logs");
        running.wait_for_job("JOB_EXECUTED", "prints");
        let asked = running.wait_for_job("JOB_EXECUTED", "asks");
        assert_eq!(asked["retval"]["body"], "hello", "{executor}");
        let failed = running.wait_for_job("JOB_ERROR", "fails");
        assert_eq!(failed["exception"], "/bin/sh exited with status 3: broken", "{executor}");
        running.wait_for_job("JOB_ERROR", "asks nobody");
        running.drain();
        let log = running.log();
        for line in [
            "WARN apscheduler::log: a line of a job job_id=\"logs\"",
            "apscheduler::command: to stdout job_id=\"prints\" stream=\"stdout\"",
            "apscheduler::command: to stderr job_id=\"prints\" stream=\"stderr\"",
        ] {
            assert_eq!(log.matches(line).count(), 1, "{executor}: {line}: {log}");
        }
        for job in ["fails", "asks nobody"] {
            let told = log.lines().any(|line| line.contains("ERROR") && line.contains(job));
            assert!(told, "{executor}: {job}: {log}");
        }
    }
}

#[test]
fn worker_processes_follow_rust_log() {
    let place = Place::with_jobs(
        "[executors.default]\ntype = 'processpool'\n\
         [[jobs]]\nid = 'logs'\nfunc = 'log'\nmisfire_grace_time = 'none'\nkwargs.message = 'loud'\n\
         [[jobs]]\nid = 'prints'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
         kwargs.shell = 'echo quiet'\n",
    );
    let mut command = place.command(&["run", "jobs.toml", "--events", "run.jsonl"]);
    command.env("RUST_LOG", "info,apscheduler::command=off");
    let mut running = place.spawn("run", &mut command);
    let done = |event: &Value, id: &str| event["event"] == "JOB_EXECUTED" && event["job_id"] == id;
    wait_for("both jobs", || {
        let events = running.events();
        let all = ["logs", "prints"].iter().all(|id| events.iter().any(|event| done(event, id)));
        all.then_some(())
    });
    running.drain();
    assert!(running.log().contains("loud"), "{}", running.log());
    assert!(!running.log().contains("quiet"), "{}", running.log());
}
