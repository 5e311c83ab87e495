//! Runs that are asked for in one process, and that run in another one.

use serde_json::Value;

use crate::program::{Place, wait_for};

/// A sign of life, with which a scheduler looks for what is asked of it, comes every sixth of a lease.
const SQLITE: &str =
    "timezone = 'UTC'\nlease = 1\n[jobstores.default]\ntype = 'sqlite'\npath = 'jobs.sqlite'\n";

/// A job that is not due.
fn job(id: &str, shell: &str) -> String {
    format!(
        "[[jobs]]\nid = '{id}'\nfunc = 'command'\nkwargs.shell = '{shell}'\ntrigger = {{ type = 'cron', year = 2090 }}\n"
    )
}

fn place(jobs: &[String]) -> Place {
    let place = Place::new();
    place.write("jobs.toml", &format!("{SQLITE}{}", jobs.concat()));
    place
}

fn runs(place: &Place, args: &[&str]) -> Vec<Value> {
    let args = [&["runs", "--config", "jobs.toml", "list", "--json"], args].concat();
    let Value::Array(runs) = place.run(&args).success().json() else { panic!("a list") };
    runs
}

fn of_runs(place: &Place, args: &[&str]) -> crate::program::Finished {
    place.run(&[&["runs", "--config", "jobs.toml"], args].concat())
}

/// Waits until the latest record of a job is in this state.
fn wait_for_state(place: &Place, job: &str, state: &str) -> Value {
    wait_for(&format!("{job} to be {state}"), || {
        runs(place, &[job]).into_iter().next().filter(|run| run["state"] == state)
    })
}

/// The id of the run that `jobs run` prints.
fn run_now(place: &Place, id: &str) -> String {
    let stdout = place.jobs(&["run", id]).success().stdout();
    let run = stdout.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(stdout, format!("{id} is due now, as the run {run}\n"));
    run
}

#[test]
fn a_job_runs_now_in_another_process() {
    let place = place(&[job("report", "echo ran >> ran")]);
    let mut running = place.start("run");
    running.wait_for_start();
    let run = run_now(&place, "report");
    let executed = running.wait_for_job("JOB_EXECUTED", "report");
    assert_eq!(executed["run_id"], run.as_str());
    assert!(place.show("report")["next_run_time"].as_str().unwrap().starts_with("2090"));
    let record = wait_for_state(&place, "report", "ok");
    assert_eq!(record["run_id"], run.as_str());
    running.drain();
    assert_eq!(std::fs::read_to_string(place.path("ran")).unwrap(), "ran\n");
}

#[test]
fn a_run_that_nobody_could_run_waits_for_the_next_start() {
    let place = place(&[job("report", "true")]);
    let mut running = place.start("first");
    running.wait_for_start();
    running.drain();
    let run = run_now(&place, "report");
    let waiting = runs(&place, &["--state", "waiting"]).remove(0);
    assert_eq!(waiting["run_id"], run.as_str());
    let mut running = place.start("second");
    let executed = running.wait_for_job("JOB_EXECUTED", "report");
    assert_eq!(executed["run_id"], run.as_str());
    running.drain();
}

#[test]
fn a_run_that_failed_is_retried() {
    let place = place(&[job("report", "test -e fixed")]);
    let mut running = place.start("run");
    running.wait_for_start();
    let run = run_now(&place, "report");
    wait_for_state(&place, "report", "failed");
    place.write("fixed", "");
    let done = of_runs(&place, &["retry", &run]).success().stdout();
    assert_eq!(done, format!("the run {run} is due now\n"));
    let executed = running.wait_for_job("JOB_EXECUTED", "report");
    assert_eq!((&executed["run_id"], &executed["attempt"]), (&run.as_str().into(), &2.into()));
    wait_for_state(&place, "report", "ok");

    let refused = of_runs(&place, &["retry", &run]).failure();
    assert!(refused.contains("succeeded, so it need not be retried"), "{refused}");
    let again = of_runs(&place, &["retry", &run, "--even-if-ok", "--json"]).success().json();
    assert_eq!(again[0]["outcome"], "waiting");
    wait_for("the third attempt", || {
        let last = runs(&place, &["report"]).remove(0);
        (last["attempt"] == 3 && last["state"] == "ok").then_some(())
    });
    running.drain();
}
