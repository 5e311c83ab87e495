//! Policies of jobs: retries, runs after a crash, limits in the cluster.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::program::{Place, Running, wait_for};

const SQLITE: &str =
    "timezone = 'UTC'\nlease = 1\n[jobstores.default]\ntype = 'sqlite'\npath = 'jobs.sqlite'\n";

fn job(id: &str, shell: &str, policies: &str) -> String {
    format!(
        "[[jobs]]\nid = '{id}'\nfunc = 'command'\nkwargs.shell = '''{shell}'''\nmisfire_grace_time = 'none'\n{policies}\n"
    )
}

/// The records of a job, those of the earliest attempts first.
fn attempts(place: &Place, id: &str) -> Vec<(u64, String)> {
    let args = ["runs", "--config", "jobs.toml", "list", "--json", id];
    let Value::Array(runs) = place.run(&args).success().json() else { panic!("a list") };
    let attempt =
        |run: &Value| (run["attempt"].as_u64().unwrap(), run["state"].as_str().unwrap().to_owned());
    runs.iter().rev().map(attempt).collect()
}

fn states(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(attempt, state)| (*attempt, (*state).to_owned())).collect()
}

#[test]
fn a_command_that_fails_is_tried_again() {
    let place = Place::new();
    let shell =
        "echo $APSCHEDULER_ATTEMPT $APSCHEDULER_FENCE >> tries; test $APSCHEDULER_ATTEMPT -ge 3";
    let retry = "retry = { max_attempts = 5, delay = 0.2 }";
    place.write("jobs.toml", &format!("{SQLITE}{}", job("flaky", shell, retry)));
    let mut running = place.start("run");
    running.wait_for_job("JOB_EXECUTED", "flaky");
    let errors = running.drain();
    let errors = errors.iter().filter(|event| event["event"] == "JOB_ERROR");
    assert_eq!(errors.map(|error| &error["attempt"]).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(attempts(&place, "flaky"), states(&[(1, "failed"), (2, "failed"), (3, "ok")]));
    let tries = fs::read_to_string(place.path("tries")).unwrap();
    let tries: Vec<&str> = tries.lines().collect();
    assert_eq!(tries.len(), 3);
    assert!(tries[0].ends_with(".1") && tries[2].ends_with(".3"), "{tries:?}");
}

#[test]
fn a_retry_outlives_the_scheduler() {
    let place = Place::new();
    let retry = "retry = { max_attempts = 2, delay = 1 }";
    let shell = "echo >> tries; test $(wc -l < tries) -ge 2";
    place.write("jobs.toml", &format!("{SQLITE}{}", job("flaky", shell, retry)));
    let mut first = place.start("first");
    first.wait_for_job("JOB_ERROR", "flaky");
    first.drain();
    assert_eq!(attempts(&place, "flaky"), states(&[(1, "failed"), (2, "waiting")]));
    let mut second = place.start("second");
    second.wait_for_job("JOB_EXECUTED", "flaky");
    second.drain();
    assert_eq!(attempts(&place, "flaky"), states(&[(1, "failed"), (2, "ok")]));
}

#[test]
fn a_run_of_a_killed_scheduler_is_run_again_if_its_job_says_so() {
    let place = Place::new();
    let shell = "echo $APSCHEDULER_ATTEMPT >> tries; test $APSCHEDULER_ATTEMPT -ge 2 || sleep 60";
    let jobs =
        [job("again", shell, "on_crash = 'rerun'"), job("once", "echo >> once; sleep 60", "")];
    place.write("jobs.toml", &format!("{SQLITE}{}", jobs.concat()));
    let mut first = place.start("first");
    let has_begun = || (place.exists("tries") && place.exists("once")).then_some(());
    wait_for("both jobs to begin", has_begun);
    first.kill();
    let mut second = place.start("second");
    second.wait_for_job("JOB_LOST", "once");
    second.wait_for_job("JOB_EXECUTED", "again");
    second.drain();
    assert_eq!(attempts(&place, "again"), states(&[(1, "lost"), (2, "ok")]));
    assert_eq!(attempts(&place, "once"), states(&[(1, "lost")]));
    assert_eq!(fs::read_to_string(place.path("tries")).unwrap(), "1\n2\n");
    assert_eq!(fs::read_to_string(place.path("once")).unwrap().lines().count(), 1);
}

#[test]
fn a_limit_holds_in_the_cluster() {
    let place = Place::new();
    // Two instances at once would see the folder of the other.
    let shell = "mkdir busy || touch overlap; sleep 0.7; rmdir busy; echo >> done";
    let policies = "overlap_scope = 'cluster'\ntrigger = { type = 'interval', seconds = 0.2 }";
    place.write("jobs.toml", &format!("{SQLITE}{}", job("alone", shell, policies)));
    let mut schedulers: Vec<Running> =
        ["first", "second", "third"].iter().map(|name| place.start(name)).collect();
    let done = || fs::read_to_string(place.path("done")).unwrap_or_default().lines().count();
    wait_for("some runs", || (done() >= 5).then_some(()));
    let mut hosts = BTreeSet::new();
    for running in &mut schedulers {
        let events = running.drain();
        hosts.extend(events.iter().filter_map(|event| event["owner"]["pid"].as_u64()));
    }
    assert!(!place.exists("overlap"), "two instances ran at once");
    assert!(hosts.len() > 1, "several schedulers have claimed: {hosts:?}");
    let skipped = attempts(&place, "alone").iter().filter(|(_, state)| state == "skipped").count();
    assert!(skipped > 0);
}

#[test]
fn wrong_policies_are_explained() {
    let place = Place::new();
    let cases = [
        ("retyr = 3", "unknown option `retyr`; did you mean `retry`?"),
        ("retry = 1", "`max_attempts` must be at least 2"),
        ("retry = { max_attempts = 3, dealy = 1 }", "did you mean `delay`?"),
        ("overlap = 'queue'", "expected \"skip\", \"buffer_one\""),
        ("catchup_limit = 5", "set `coalesce = false`"),
        ("overlap = 'allow'\noverlap_scope = 'cluster'", "contradicts it"),
        ("deadline = 0", "deadline: expected a positive number of seconds, found 0"),
        ("on_crash = 'retry'", "expected \"lost\", \"rerun\""),
    ];
    for (policies, expected) in cases {
        place.write("jobs.toml", &format!("{SQLITE}{}", job("a", "true", policies)));
        let error = place.run(&["validate", "jobs.toml"]).failure();
        assert!(error.contains(expected), "{policies}: {error}");
    }
    place.write("jobs.toml", SQLITE);
    let add = ["jobs", "add", "--config", "jobs.toml", "--id", "a", "--func", "command"];
    let add =
        [&add[..], &["--kwargs", "{\"shell\": \"true\"}", "--retry", "{\"max_attempts\": 4}"]];
    place.run(&[&add.concat()[..], &["--next-run-time", "2090-01-01"]].concat()).success();
    assert_eq!(place.show("a")["retry"]["max_attempts"], 4);
    let modify = ["jobs", "modify", "--config", "jobs.toml", "a", "--retry", "none"];
    place.run(&modify).success();
    assert_eq!(place.show("a")["retry"], Value::Null);
}
