//! The cases.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::Program;

/// Returns a job that runs repeatedly.
fn greet(id: &str) -> Value {
    let trigger = json!({"type": "interval", "seconds": 0.05});
    json!({"id": id, "func": "web::greet", "kwargs": {"name": "Ada"}, "trigger": trigger})
}

/// Returns a job that does not run during a test.
fn later(id: &str) -> Value {
    let trigger =
        json!({"type": "date", "run_date": "2099-01-01 09:00:00", "timezone": "Europe/Helsinki"});
    json!({"id": id, "func": "web::greet", "kwargs": {"name": "Ada"}, "trigger": trigger})
}

fn nap(seconds: f64) -> Value {
    json!({"id": "nap", "func": "web::nap", "args": [seconds]})
}

fn error(body: &Value) -> &str {
    body["error"].as_str().unwrap()
}

fn count(outcomes: &Value) -> usize {
    outcomes.as_array().unwrap().len()
}

pub(crate) fn a_job_is_added_and_runs(path: &str) {
    let server = Program::start(path);
    assert_eq!(server.get("/jobs"), (200, json!([])));
    let (status, job) = server.post("/jobs", &greet("greet"));
    assert_eq!((status, &job["id"]), (201, &json!("greet")));
    let outcomes = server.ask_until("/outcomes", |outcomes| count(outcomes) >= 3);
    for outcome in outcomes.as_array().unwrap() {
        assert_eq!(outcome["event"], "JOB_EXECUTED");
        assert_eq!(outcome["job_id"], "greet");
        assert_eq!(outcome["retval"], "hello, Ada");
    }
    let (status, jobs) = server.get("/jobs");
    assert_eq!((status, count(&jobs)), (200, 1));
    assert_eq!(jobs[0]["trigger"], "interval[0:00:00.050000]");
}

pub(crate) fn a_job_is_paused_resumed_and_removed(path: &str) {
    let server = Program::start(path);
    let shown = |next_run_time: Value| {
        json!({
            "id": "later",
            "name": "web::greet",
            "trigger": "date[2099-01-01 09:00:00 EET]",
            "next_run_time": next_run_time,
        })
    };
    let waiting = shown(json!("2099-01-01T09:00:00+02:00"));
    assert_eq!(server.post("/jobs", &later("later")), (201, waiting.clone()));
    assert_eq!(server.post("/jobs/later/pause", &json!({})), (200, shown(Value::Null)));
    assert_eq!(server.get("/jobs"), (200, json!([shown(Value::Null)])));
    assert_eq!(server.post("/jobs/later/resume", &json!({})), (200, waiting.clone()));
    assert_eq!(server.get("/jobs/later"), (200, waiting));
    assert_eq!(server.delete("/jobs/later"), (204, Value::Null));
    assert_eq!(server.get("/jobs"), (200, json!([])));
}

/// There is one scheduler, however many workers the server has.
pub(crate) fn every_worker_sees_all_jobs(path: &str) {
    let server = Program::start(path);
    for number in 0..10 {
        server.post("/jobs", &later(&number.to_string()));
    }
    for _ in 0..20 {
        let (_, jobs) = server.get("/jobs");
        assert_eq!(count(&jobs), 10);
    }
}

pub(crate) fn errors_show_what_is_expected(path: &str) {
    let server = Program::start(path);
    for (request, message) in [
        (json!([1]), "the request: expected an object with the keys of a job"),
        (json!({"id": "a"}), "the request: `func` is missing"),
        (json!({"func": "web::greet", "triger": "date"}), "did you mean `trigger`?"),
        (json!({"func": "web::gret"}), "did you mean `web::greet`?"),
        (json!({"func": "web::greet"}), "`name`"),
        (json!({"func": "command", "kwargs": {"argv": ["date"]}}), "`command`"),
        (
            json!({"func": "web::greet", "kwargs": {"name": "Ada"}, "trigger": {"type": "cron", "hour": 25}}),
            "hour",
        ),
    ] {
        let (status, body) = server.post("/jobs", &request);
        assert_eq!(status, 400, "{request}: {body}");
        assert!(error(&body).contains(message), "{request}: {body}");
    }
    assert_eq!(server.get("/jobs"), (200, json!([])));
    server.post("/jobs", &later("later"));
    let (status, body) = server.post("/jobs", &later("later"));
    assert_eq!(status, 409);
    assert_eq!(error(&body), "job `later`: a job with this id exists already");
}

pub(crate) fn an_unknown_id_is_not_found(path: &str) {
    let server = Program::start(path);
    for (status, body) in [
        server.get("/jobs/nobody"),
        server.delete("/jobs/nobody"),
        server.post("/jobs/nobody/pause", &json!({})),
        server.post("/jobs/nobody/resume", &json!({})),
    ] {
        assert_eq!(status, 404, "{body}");
        assert!(error(&body).starts_with("job `nobody`"), "{body}");
    }
}

pub(crate) fn a_stop_lets_running_jobs_end(path: &str) {
    let mut server = Program::start(path);
    server.post("/jobs", &greet("greet"));
    server.post("/jobs", &nap(1.0));
    assert_eq!(server.line(), "a nap begins");
    server.signal(Signal::TERM);
    let (status, lines) = server.ended();
    assert_eq!(lines, ["a nap ends", "all jobs have ended"]);
    assert_eq!(status.code(), Some(0));
}

pub(crate) fn an_interrupt_stops_the_server_too(path: &str) {
    let server = Program::start(path);
    server.post("/jobs", &later("later"));
    server.signal(Signal::INT);
    let (status, lines) = server.ended();
    assert_eq!((status.code(), lines), (Some(0), vec!["all jobs have ended".to_owned()]));
}
