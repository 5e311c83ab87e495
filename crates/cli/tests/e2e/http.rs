//! The HTTP API of `apscheduler run`.

use std::fs;

use serde_json::Value;

use crate::program::{Place, Running, wait_for};

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

const JOB: &str = "[[jobs]]\nid = 'a/b'\nfunc = 'log'\nkwargs.message = 'x'\n\
    trigger = { type = 'interval', hours = 1 }\n";

/// Returns the address that the log names.
pub(crate) fn address(running: &Running) -> String {
    wait_for("the address", || {
        let log = running.log();
        let (_, rest) = log.split_once("the HTTP API is at ")?;
        rest.split_once(char::is_whitespace).map(|(address, _)| address.to_owned())
    })
}

fn started(place: &Place, http: &str) -> (Running, String) {
    place.write_jobs(&format!("[http]\nlisten = '127.0.0.1:0'\n{http}{JOB}"));
    let running = place.start("run");
    let address = address(&running);
    (running, address)
}

pub(crate) fn ask(method: &str, url: &str, token: Option<&str>) -> (u16, Value) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = agent.run(request.body(()).unwrap()).unwrap();
    let body = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[test]
fn without_tokens_one_may_look_from_this_machine() {
    let place = Place::new();
    let (mut running, api) = started(&place, "");
    let (status, jobs) = ask("GET", &format!("{api}/jobs"), None);
    assert_eq!((status, &jobs["items"][0]["id"]), (200, &Value::from("a/b")), "{jobs}");
    let (status, problem) = ask("POST", &format!("{api}/jobs/default:a%2Fb/run"), None);
    assert_eq!(status, 403, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("does not have the right `run`"));
    running.drain();
}

#[test]
fn a_token_has_its_rights() {
    let place = Place::new();
    let token = format!(
        "[[http.tokens]]\nname = 'ada'\ntoken = '{SECRET}'\nrights = ['view', 'run', 'pause']\n"
    );
    let (mut running, api) = started(&place, &token);
    let job = format!("{api}/jobs/default:a%2Fb");
    assert_eq!(ask("GET", &job, None).0, 401);
    let (status, run) = ask("POST", &format!("{job}/run"), Some(SECRET));
    assert_eq!(status, 202, "{run}");
    let run = format!("{api}/runs/{}", run["run_id"].as_str().unwrap());
    wait_for("the end of the run", || {
        let (_, run) = ask("GET", &run, Some(SECRET));
        (run["attempts"][0]["state"] == "ok").then_some(())
    });
    let (status, paused) = ask("POST", &format!("{job}/pause"), Some(SECRET));
    assert_eq!((status, &paused["status"]), (200, &Value::from("paused")));
    assert_eq!(ask("DELETE", &job, Some(SECRET)).0, 403);
    running.drain();
    assert!(!fs::read_to_string(place.path("run.log")).unwrap().contains(SECRET));
}

#[test]
fn wrong_options_are_errors() {
    let place = Place::new();
    for (http, expected) in [
        (
            "listen = '0.0.0.0:8080'",
            "http: others can reach 0.0.0.0:8080, and there are no `tokens`",
        ),
        ("lisen = '127.0.0.1:1'", "http: unknown option `lisen`; did you mean `listen`?"),
    ] {
        place.write_jobs(&format!("[http]\n{http}\n{JOB}"));
        for command in ["run", "validate"] {
            let error = place.run(&[command, "jobs.toml"]).failure();
            assert!(error.contains(expected), "{error}");
        }
    }
    assert!(!place.exists("jobs.sqlite"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    place.write_jobs(&format!("[http]\nlisten = '{address}'\n{JOB}"));
    let error = place.run(&["run", "jobs.toml"]).failure();
    assert!(error.contains(&format!("http: can't listen at {address}")), "{error}");
}
