//! Jobs that run after others.

use serde_json::Value;

use crate::program::{Place, wait_for};

const SQLITE: &str =
    "timezone = 'UTC'\nlease = 1\n[jobstores.default]\ntype = 'sqlite'\npath = 'jobs.sqlite'\n";

/// A job that does not run at a time, and writes its id down.
fn job(id: &str, schedule: &str) -> String {
    format!(
        "[[jobs]]\nid = '{id}'\nfunc = 'command'\nkwargs.shell = 'echo {id} >> ran; test {id} != bad'\n{schedule}\n"
    )
}

const NEVER: &str = "trigger = { type = 'cron', year = 2090 }";

fn place(jobs: &[String]) -> Place {
    let place = Place::new();
    place.write("jobs.toml", &format!("{SQLITE}{}", jobs.concat()));
    place
}

fn ok(place: &Place, job: &str) -> Vec<Value> {
    let args = ["runs", "list", job, "--config", "jobs.toml", "--state", "ok", "--json"];
    let Value::Array(runs) = place.run(&args).success().json() else { panic!("a list") };
    runs
}

#[test]
fn jobs_of_a_file_run_one_after_the_other() {
    let place = place(&[
        job("extract", NEVER),
        job("report", "after = 'extract'"),
        job("mail", "after = ['report', { job = 'bad', on = 'failed' }]"),
        job("bad", "after = [{ job = 'extract', on = 'any' }]"),
    ]);
    let mut running = place.start("run");
    running.wait_for_start();
    let listed = place.list();
    let report = listed.iter().find(|job| job["id"] == "report").unwrap();
    assert_eq!((&report["status"], &report["next_run_time"]), (&"scheduled".into(), &Value::Null));
    place.jobs(&["run", "extract"]).success();
    wait_for("the last ones", || (ok(&place, "mail").len() == 2).then_some(()));
    assert_eq!(ok(&place, "report").len(), 1);
    running.drain();
    let ran = std::fs::read_to_string(place.path("ran")).unwrap();
    assert!(ran.starts_with("extract\n"), "{ran}");
    assert_eq!(ran.lines().count(), 5, "{ran}");
}

#[test]
fn nothing_is_followed_twice_or_never_when_the_scheduler_is_killed() {
    let place = place(&[
        job(
            "extract",
            "trigger = { type = 'interval', seconds = 0.2 }\nmisfire_grace_time = 'none'",
        ),
        job("report", "after = 'extract'\non_crash = 'rerun'"),
    ]);
    for name in ["first", "second", "third"] {
        let mut running = place.start(name);
        running.wait_for_job("JOB_EXECUTED", "report");
        running.kill();
    }
    let mut running = place.start("last");
    running.wait_for_start();
    place.jobs(&["pause", "extract"]).success();
    let all = || {
        let (extracts, reports) = (ok(&place, "extract").len(), ok(&place, "report").len());
        (extracts == reports).then_some(())
    };
    // Ends of a scheduler that was killed are found within a minute.
    wait_for("each to be followed", all);
    running.drain();
    let mut times: Vec<String> =
        ok(&place, "report").iter().map(|run| run["scheduled_run_time"].to_string()).collect();
    let count = times.len();
    times.sort();
    times.dedup();
    assert_eq!(times.len(), count, "each once");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let circle = place(&[job("a", "after = 'b'"), job("b", "after = 'a'")]);
    let mut running = circle.start("run");
    assert!(!running.ended().success());
    assert!(running.log().contains("in a circle: b -> a -> b"), "{}", running.log());
    let word = place(&[job("a", "after = { job = 'b', on = 'done' }")]);
    let refused = word.run(&["validate", "jobs.toml"]).failure();
    assert!(
        refused.contains("jobs[0].on: unknown value `done`; known values: any, failed, ok"),
        "{refused}"
    );
    let itself = place(&[job("a", "after = 'a'")]).run(&["validate", "jobs.toml"]).failure();
    assert!(itself.contains("a job can't follow itself"), "{itself}");
}
