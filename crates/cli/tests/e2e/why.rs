//! `apscheduler why`: why a job ran, or did not.

use serde_json::Value;

use crate::program::{Place, wait_for};

const NIGHTLY: &str = "[[jobs]]\nid = 'backup'\nfunc = 'command'\nkwargs.shell = 'true'\n\
    trigger = { type = 'cron', hour = 3 }\n";

/// A job that fires each second.
const SECONDLY: &str = "[[jobs]]\nid = 'tick'\nfunc = 'command'\nkwargs.shell = 'exit 3'\n\
    trigger = { type = 'cron', second = '*' }\n";

fn why(place: &Place, args: &[&str]) -> Value {
    let args = [&["why", "--config", "jobs.toml", "--json"], args].concat();
    place.run(&args).success().json()
}

fn text(place: &Place, args: &[&str]) -> String {
    place.run(&[&["why", "--config", "jobs.toml"], args].concat()).success().stdout()
}

fn runs(place: &Place, args: &[&str]) -> Vec<Value> {
    let args = [&["runs", "--config", "jobs.toml", "list", "--json"], args].concat();
    let Value::Array(runs) = place.run(&args).success().json() else { panic!("a list") };
    runs
}

/// Returns whether a piece of evidence of this kind has this text.
fn has(why: &Value, kind: &str, text: &str) -> bool {
    let evidence = why["evidence"].as_array().unwrap();
    let mut of_kind = evidence.iter().filter(|evidence| evidence["kind"] == kind);
    of_kind.any(|evidence| evidence["text"].as_str().unwrap().contains(text))
}

#[test]
fn a_run_that_failed_says_how() {
    let place = Place::with_jobs(SECONDLY);
    let mut running = place.start("run");
    running.wait_for_job("JOB_ERROR", "tick");
    let run = wait_for("the record", || runs(&place, &["tick", "--state", "failed"]).pop());
    // Also while the scheduler runs.
    let time = run["scheduled_run_time"].as_str().unwrap();
    let failed = why(&place, &["tick", time]);
    assert_eq!(failed["verdict"], "failed", "{failed}");
    assert_eq!((&failed["run_id"], &failed["owner"]), (&run["run_id"], &run["owner"]));
    assert!(failed["answer"].as_str().unwrap().contains(" failed: "), "{failed}");
    let next = why(&place, &["tick"]);
    assert!(["will_run", "due"].contains(&next["verdict"].as_str().unwrap()), "{next}");
    assert!(has(&next, "scheduler", " has processed jobs since "), "{next}");
    running.drain();

    // As lists show the time.
    let shown = time.replace('T', " ").replace("+00:00", "");
    let told = text(&place, &["tick", &shown]);
    assert!(told.starts_with("`tick` ran at "), "{told}");
    assert!(told.contains("\nverdict     failed\n") && told.contains("\nrun time    "), "{told}");
    assert!(told.contains(run["run_id"].as_str().unwrap()), "{told}");
}

#[test]
fn a_time_without_a_scheduler_names_when_there_was_none() {
    let place = Place::with_jobs(SECONDLY);
    let mut first = place.start("first");
    let last = first.wait_for_job("JOB_ERROR", "tick");
    first.drain();
    let next = why(&place, &["tick"]);
    assert_eq!(next["verdict"], "no_scheduler", "{next}");
    assert!(next["answer"].as_str().unwrap().contains("no scheduler has been running since "));
    assert!(has(&next, "scheduler", ", when it was shut down"), "{next}");

    // A run time that the next scheduler finds.
    let due = wait_for("a run time", || {
        let next = why(&place, &["tick"]);
        (next["run_time"].as_str()? > last["scheduled_run_time"].as_str()?)
            .then(|| next["run_time"].as_str().unwrap().to_owned())
    });
    wait_for("the run time to pass", || {
        (why(&place, &["tick"])["answer"].as_str()?.contains(" is due since ")).then_some(())
    });
    let asked = why(&place, &["tick", &due]);
    assert_eq!(asked["verdict"], "no_scheduler", "{asked}");
    let mut second = place.start("second");
    wait_for("the record", || {
        let asked = why(&place, &["tick", &due]);
        asked["run_id"].is_string().then_some(())
    });
    second.drain();
}

#[test]
fn a_scheduler_that_was_killed_ended_at_its_last_sign_of_life() {
    let place = Place::new();
    let store =
        "timezone = 'UTC'\nlease = 1\n[jobstores.default]\ntype = 'sqlite'\npath = 'jobs.sqlite'\n";
    place.write("jobs.toml", &format!("{store}{NIGHTLY}"));
    let mut running = place.start("run");
    running.wait_for_start();
    wait_for("the record of its start", || {
        (why(&place, &["backup"])["verdict"] == "will_run").then_some(())
    });
    running.kill();
    wait_for("the lease to end", || {
        (why(&place, &["backup"])["verdict"] == "no_scheduler").then_some(())
    });
    let next = why(&place, &["backup"]);
    assert!(has(&next, "scheduler", "gave its last sign of life at"), "{next}");
}

#[test]
fn a_pause_and_a_removal_are_told_with_who_did_it() {
    let place = Place::with_jobs(NIGHTLY);
    let mut running = place.start("run");
    running.wait_for_start();
    running.drain();
    place
        .jobs(&["pause", "backup", "--note", "the disk is full", "--until", "2090-01-02"])
        .success();
    let paused = why(&place, &["backup"]);
    assert_eq!(paused["verdict"], "paused", "{paused}");
    let answer = paused["answer"].as_str().unwrap();
    assert!(
        answer.contains(" until 2090-01-02 00:00:00 UTC: the disk is full; it runs next at"),
        "{answer}"
    );
    assert_eq!(why(&place, &["backup", "2090-01-01 03:00:00"])["verdict"], "paused");
    let between = why(&place, &["backup", "2090-01-05 04:30:00"]);
    assert_eq!(between["verdict"], "not_planned", "{between}");
    assert_eq!(between["planned_after"], "2090-01-06T03:00:00+00:00");
    let long_ago = why(&place, &["backup", "2001-01-01 03:00:00"]);
    assert_eq!(long_ago["verdict"], "not_yet_added", "{long_ago}");
    assert!(long_ago["answer"].as_str().unwrap().contains("jobs file jobs.toml"), "{long_ago}");

    place.jobs(&["remove", "backup"]).success();
    let removed = why(&place, &["backup"]);
    assert_eq!(removed["verdict"], "removed", "{removed}");
    assert!(has(&removed, "change", "removed by "), "{removed}");
}

#[test]
fn mistakes_say_what_would_be_right() {
    let place = Place::with_jobs(NIGHTLY);
    let mut running = place.start("run");
    running.wait_for_start();
    running.drain();
    let fails =
        |args: &[&str]| place.run(&[&["why", "--config", "jobs.toml"], args].concat()).failure();
    let misspelt = fails(&["backap"]);
    assert!(misspelt.contains("no job has the id `backap`; did you mean `backup`?"), "{misspelt}");
    assert!(fails(&["backup", "yesterday"]).contains("TIME: invalid date `yesterday`; expected"));
    assert!(fails(&["backup", "--jobstore", "disk"]).contains("unknown job store `disk`"));
    let help = place.run(&["why", "--help"]).success().stdout();
    assert!(help.contains("Verdicts:") && help.contains("no_scheduler"), "{help}");
}
