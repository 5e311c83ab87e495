//! What survives a restart of `apscheduler run`.

use serde_json::Value;

use crate::program::Place;

fn job(id: &str, rest: &str) -> String {
    format!("[[jobs]]\nid = '{id}'\nfunc = 'command'\n{rest}\n")
}

/// Starts the jobs file and stops it.
fn run(place: &Place, name: &str) -> Vec<Value> {
    let mut running = place.start(name);
    running.wait_for_start();
    running.drain()
}

fn next(place: &Place, id: &str) -> String {
    place.show(id)["next_run_time"].as_str().unwrap().to_owned()
}

#[test]
fn an_unchanged_job_keeps_its_next_run_time() {
    // A new interval without a start date would begin at each start.
    let hourly =
        job("hourly", "kwargs.argv = ['true']\ntrigger = { type = 'interval', hours = 1 }");
    let place = Place::with_jobs(&hourly);
    run(&place, "first");
    let first = next(&place, "hourly");
    run(&place, "second");
    assert_eq!(next(&place, "hourly"), first);
    // Changed arguments keep it, a changed trigger does not.
    place.write_jobs(&hourly.replace("'true'", "'false'"));
    run(&place, "third");
    assert_eq!(next(&place, "hourly"), first);
    assert_eq!(place.show("hourly")["kwargs"]["argv"][0], "false");
    place.write_jobs(&hourly.replace("hours = 1", "hours = 2"));
    run(&place, "fourth");
    assert_ne!(next(&place, "hourly"), first);
}

#[test]
fn a_paused_job_stays_paused() {
    let place = Place::with_jobs(&job("a", "kwargs.argv = ['true']\ntrigger = 'cron'"));
    run(&place, "first");
    place.jobs(&["pause", "a"]).success();
    let events = run(&place, "second");
    assert!(!events.iter().any(|event| event["event"] == "JOB_SUBMITTED"), "{events:?}");
    assert_eq!(place.show("a")["status"], "paused");
}

#[test]
fn removes_only_jobs_that_are_no_longer_in_the_file() {
    let hourly = "kwargs.argv = ['true']\ntrigger = { type = 'interval', hours = 1 }";
    let place = Place::with_jobs(&format!("{}{}", job("stays", hourly), job("leaves", hourly)));
    run(&place, "first");
    place
        .jobs(&[
            "add",
            "--id",
            "by-hand",
            "--func",
            "command",
            "--kwargs",
            r#"{"argv": ["true"]}"#,
            "--cron",
            "0 0 1 1 *",
        ])
        .success();
    place.write_jobs(&job("stays", hourly));
    let events = run(&place, "second");
    let removed = events.iter().find(|event| event["event"] == "JOB_REMOVED").unwrap();
    assert_eq!(removed["job_id"], "leaves");
    let ids: Vec<String> =
        place.list().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["stays", "by-hand"]);
}

#[test]
fn a_date_job_runs_once_across_restarts() {
    let place = Place::with_jobs("");
    // Soon, but late enough for the start of the program.
    let output = place.run(&[
        "next",
        "--trigger",
        r#"{"type": "interval", "seconds": 2}"#,
        "--count",
        "1",
        "--json",
    ]);
    let soon = output.success().json()["fires"][0].as_str().unwrap().to_owned();
    place.write_jobs(&job(
        "once",
        &format!("misfire_grace_time = 'none'\nkwargs.shell = 'echo ran >> ran'\ntrigger = {{ type = 'date', run_date = '{soon}' }}"),
    ));
    let mut running = place.start("first");
    running.wait_for_job("JOB_EXECUTED", "once");
    running.drain();
    for name in ["second", "third"] {
        let mut running = place.start(name);
        running.wait_for_start();
        assert!(
            running.log().contains("not adding the job: the schedule has ended"),
            "{}",
            running.log()
        );
        let events = running.drain();
        assert!(!events.iter().any(|event| event["job_id"] == "once"), "{events:?}");
    }
    assert_eq!(std::fs::read_to_string(place.path("ran")).unwrap(), "ran\n");
}

#[test]
fn missed_jobs_run_late_within_the_grace_time() {
    let trigger = "kwargs.argv = ['true']\ntrigger = { type = 'cron', year = 2090 }";
    let place = Place::with_jobs(&format!(
        "{}{}",
        job("may", &format!("misfire_grace_time = 'none'\n{trigger}")),
        job("may-not", trigger)
    ));
    run(&place, "first");
    // The scheduler was down for years.
    for id in ["may", "may-not"] {
        place.jobs(&["modify", id, "--next-run-time", "2020-01-01T00:00:00Z"]).success();
    }
    let mut running = place.start("second");
    let executed = running.wait_for_job("JOB_EXECUTED", "may");
    assert_eq!(executed["scheduled_run_time"], "2020-01-01T00:00:00+00:00");
    let missed = running.wait_for_job("JOB_MISSED", "may-not");
    assert_eq!(missed["reason"], "the scheduler was not running then");
    running.drain();
}
