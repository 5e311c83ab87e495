//! `apscheduler runs`: what became of runs, as the stores record it.

use serde_json::Value;

use crate::program::{Place, wait_for};

const SQLITE: &str =
    "timezone = 'UTC'\nlease = 1\n[jobstores.default]\ntype = 'sqlite'\npath = 'jobs.sqlite'\n";

const NEVER: &str = "trigger = { type = 'cron', year = 2090 }\n";

fn job(id: &str, shell: &str) -> String {
    format!(
        "[[jobs]]\nid = '{id}'\nfunc = 'command'\nkwargs.shell = '{shell}'\nmisfire_grace_time = 'none'\n"
    )
}

fn runs(place: &Place, args: &[&str]) -> Vec<Value> {
    let args = [&["runs", "--config", "jobs.toml", "list", "--json"], args].concat();
    let Value::Array(runs) = place.run(&args).success().json() else { panic!("a list") };
    runs
}

#[test]
fn runs_are_listed_and_shown() {
    let place = Place::new();
    let jobs = [job("works", "echo done"), job("fails", "echo no >&2; exit 3")].concat();
    place.write("jobs.toml", &format!("{SQLITE}{jobs}"));
    let mut running = place.start("run");
    running.wait_for_job("JOB_EXECUTED", "works");
    let failed = running.wait_for_job("JOB_ERROR", "fails");
    wait_for("the records", || (runs(&place, &[]).len() == 2).then_some(()));
    running.drain();

    let run = runs(&place, &["fails"]).remove(0);
    assert_eq!((&run["state"], &run["jobstore"]), (&"failed".into(), &"default".into()));
    assert_eq!(run["run_id"], failed["run_id"]);
    assert!(run["error"].as_str().unwrap().contains('3'), "{run}");
    assert_eq!(runs(&place, &["--state", "ok"])[0]["job_id"], "works");
    assert_eq!(runs(&place, &["--limit", "1"]).len(), 1);

    let table = place.run(&["runs", "--config", "jobs.toml", "list"]).success().stdout();
    assert!(table.starts_with("RUN "), "{table}");
    assert!(table.contains(" failed ") && table.contains(" ok "), "{table}");
    let id = run["run_id"].as_str().unwrap();
    let shown = place.run(&["runs", "--config", "jobs.toml", "show", id]).success().stdout();
    assert!(shown.contains("state: failed\n") && shown.contains(id), "{shown}");
}

#[test]
fn errors_say_what_would_be_right() {
    let place = Place::new();
    place.write("jobs.toml", &format!("{SQLITE}{}{NEVER}", job("backup", "true")));
    let mut running = place.start("run");
    running.wait_for_start();
    running.drain();
    let fails = |args: &[&str]| {
        let finished = place.run(&[&["runs", "--config", "jobs.toml"], args].concat());
        assert_ne!(finished.code(), Some(0));
        finished.stderr()
    };
    assert!(fails(&["show", "backup"]).contains("`backup` is not the id of a run"));
    let unknown = fails(&["show", "019a9d20-2c7b-7abc-9def-000000000001"]);
    assert!(unknown.contains("there is no record of the run 019a9d20"), "{unknown}");
    assert!(
        fails(&["list", "--state", "fine"])
            .contains("[possible values: waiting, claimed, running, ok, failed")
    );
    assert!(fails(&["list", "backap"]).contains("did you mean `backup`?"));
}

#[test]
fn a_run_of_a_killed_scheduler_is_lost() {
    let place = Place::new();
    place.write(
        "jobs.toml",
        &format!("{SQLITE}{}", job("long", "test -e began && exit; touch began; sleep 60")),
    );
    let mut first = place.start("first");
    wait_for("the job to begin", || place.exists("began").then_some(()));
    assert_eq!(runs(&place, &["--state", "claimed"])[0]["job_id"], "long");
    first.kill();
    let mut second = place.start("second");
    let lost = second.wait_for_job("JOB_LOST", "long");
    second.wait_for_log("is dead: it gave no sign of life for 1 s");
    second.drain();
    let run = runs(&place, &["--state", "lost"]).remove(0);
    assert_eq!((&run["state"], &run["run_id"]), (&"lost".into(), &lost["run_id"]));
    assert_eq!(run["owner"], lost["owner"]["id"]);
}

#[test]
fn history_limits_what_is_recorded() {
    for (history, expected) in [("off", 0), ("failures", 1), ("all", 2)] {
        let place = Place::new();
        let jobs = [job("works", "true"), job("fails", "exit 3")].concat();
        place.write("jobs.toml", &format!("history = '{history}'\n{SQLITE}{jobs}"));
        let mut running = place.start("run");
        running.wait_for_job("JOB_EXECUTED", "works");
        running.wait_for_job("JOB_ERROR", "fails");
        // A shutdown writes what waits.
        running.drain();
        assert_eq!(runs(&place, &[]).len(), expected, "{history}");
    }
    let place = Place::new();
    place.write("jobs.toml", &format!("history = 'some'\n{SQLITE}"));
    let error = place.run(&["validate", "jobs.toml"]).failure();
    assert!(error.contains("history: ") && error.contains("failures"), "{error}");
}
