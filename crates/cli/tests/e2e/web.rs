//! `apscheduler web`: the HTTP API on shared stores, without running jobs.

use serde_json::Value;

use rustix::process::Signal;

use crate::http::{SECRET, address, ask};
use crate::program::{Place, Running, wait_for};

const HOURLY: &str = "[[jobs]]\nid = 'a'\nfunc = 'log'\nkwargs.message = 'x'\n\
    trigger = { type = 'interval', hours = 1 }\n";

fn token() -> String {
    let rights = "['view', 'run', 'pause', 'edit', 'remove', 'admin']";
    format!("[[http.tokens]]\nname = 'ada'\ntoken = '{SECRET}'\nrights = {rights}\n")
}

/// Starts `apscheduler web` on the store of the place. Returns the URL of the API.
fn web(place: &Place) -> (Running, String) {
    let store = std::fs::read_to_string(place.path("jobs.toml")).unwrap();
    let store = store.split("[[jobs]]").next().unwrap();
    // Its jobs are not read.
    place.write("web.toml", &format!("{store}{}[[jobs]]\nid = '${{NO_SUCH}}'\n", token()));
    let args = ["web", "--config", "web.toml", "--listen", "127.0.0.1:0"];
    let running = place.spawn("web", &mut place.command(&args));
    let api = address(&running);
    (running, api)
}

#[test]
fn changes_reach_the_scheduler_that_runs_the_jobs() {
    let place = Place::with_jobs(HOURLY);
    let mut running = place.start("run");
    running.wait_for_start();
    let (mut web, api) = web(&place);
    let job = format!("{api}/jobs/default:a");
    let (status, shown) = ask("GET", &job, Some(SECRET));
    assert_eq!((status, &shown["id"]), (200, &Value::from("a")), "{shown}");
    let (status, run) = ask("POST", &format!("{job}/run"), Some(SECRET));
    assert_eq!(status, 202, "{run}");
    let executed = running.wait_for_job("JOB_EXECUTED", "a");
    assert_eq!(executed["run_id"], run["run_id"]);
    assert_eq!(ask("POST", &format!("{job}/pause"), Some(SECRET)).0, 200);
    assert_eq!(place.show("a")["status"], "paused");
    wait_for("the record of the pause", || {
        place.jobs(&["history", "a"]).success().stdout().contains("ada").then_some(())
    });
    let (status, scheduler) = ask("GET", &format!("{api}/scheduler"), Some(SECRET));
    assert_eq!((status, &scheduler["state"]), (200, &Value::from("paused")));
    assert_eq!(scheduler["jobstores"], serde_json::json!(["default"]));
    web.signal(Signal::TERM);
    assert_eq!(web.ended().code(), Some(0), "{}", web.log());
    running.drain();
}

#[test]
fn it_never_runs_a_job() {
    let often = HOURLY.replace("hours = 1", "seconds = 0.1") + "misfire_grace_time = 'none'\n";
    let place = Place::with_jobs(&often);
    let mut running = place.start("run");
    running.wait_for_job("JOB_EXECUTED", "a");
    running.drain();
    let (mut web, api) = web(&place);
    let (status, problem) = ask("POST", &format!("{api}/scheduler/resume"), Some(SECRET));
    assert_eq!(status, 422, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("runs none"), "{problem}");
    let (status, run) = ask("POST", &format!("{api}/jobs/default:a/run"), Some(SECRET));
    assert_eq!(status, 202, "{run}");
    let before = place.show("a")["next_run_time"].clone();
    // Several signs of life and turns later, the job is still due, and the run still waits.
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(place.show("a")["next_run_time"], before);
    let run_id = run["run_id"].as_str().unwrap();
    let records = || place.run(&["runs", "show", run_id, "--json", "--config", "jobs.toml"]);
    let record = records().success().json();
    assert_eq!(record[0]["state"], "waiting", "{record}");
    web.signal(Signal::INT);
    assert_eq!(web.ended().code(), Some(0), "{}", web.log());
    assert!(!web.log().contains("job processing"), "{}", web.log());
    // A scheduler runs what was asked for.
    let mut running = place.start("again");
    wait_for("the run", || {
        let mut events = running.events().into_iter();
        events.find(|event| event["event"] == "JOB_EXECUTED" && event["run_id"] == run_id)
    });
    running.drain();
}

#[test]
fn stores_in_memory_and_open_doors_are_refused() {
    let place = Place::new();
    let refused = |text: &str, args: &[&str]| {
        place.write("web.toml", text);
        place.run(&[&["web", "--config", "web.toml"], args].concat()).failure()
    };
    let error = refused("timezone = 'UTC'\n", &["--listen", "127.0.0.1:0"]);
    assert!(error.contains("web.toml: jobstores: there is none"), "{error}");
    let memory = "[jobstores.default]\ntype = 'memory'\n";
    let error = refused(memory, &["--listen", "127.0.0.1:0"]);
    assert!(
        error.contains("web.toml: jobstores.default: this store keeps its jobs in memory"),
        "{error}"
    );
    let sqlite = "[jobstores.main]\ntype = 'sqlite'\npath = 'jobs.sqlite'\n";
    let error = refused(sqlite, &["--listen", "0.0.0.0:0"]);
    assert!(error.contains("web.toml: http: others can reach 0.0.0.0:0"), "{error}");
    let error = refused(sqlite, &["--listen", "8080"]);
    assert!(error.contains("such as \"127.0.0.1:8080\", found `8080`"), "{error}");
    assert_eq!(place.run(&["web"]).code(), Some(2), "the file is missing");
    // A store in memory that nobody configured is not there either.
    place.write("web.toml", sqlite);
    let args = ["web", "--config", "web.toml", "--listen", "127.0.0.1:0"];
    let mut web = place.spawn("web", &mut place.command(&args));
    let (_, scheduler) = ask("GET", &format!("{}/scheduler", address(&web)), None);
    assert_eq!(scheduler["jobstores"], serde_json::json!(["main"]));
    web.signal(Signal::TERM);
    assert_eq!(web.ended().code(), Some(0));
}
