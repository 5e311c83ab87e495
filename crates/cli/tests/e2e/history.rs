//! `apscheduler jobs history`: the runs of a job, and who changed it.

use serde_json::{Value, json};

use crate::program::{Place, wait_for};

const JOB: &str = "[[jobs]]\nid = 'backup'\nfunc = 'command'\nkwargs.shell = 'true'\nmisfire_grace_time = 'none'\n\
    trigger = { type = 'interval', hours = 1 }\n";

fn history(place: &Place, args: &[&str]) -> Vec<Value> {
    let args = [&["history", "--json"], args].concat();
    let Value::Array(records) = place.jobs(&args).success().json() else { panic!("a list") };
    records
}

/// Runs `apscheduler jobs` as this user.
fn jobs_as(place: &Place, user: &str, args: &[&str]) {
    let mut command = place.command(&[&["jobs", "--config", "jobs.toml"], args].concat());
    let output = command.env("SUDO_USER", user).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn runs_and_changes_are_in_one_history() {
    let place = Place::with_jobs(JOB);
    let mut running = place.start("run");
    running.wait_for_start();
    jobs_as(&place, "ada", &["modify", "backup", "--max-instances", "2"]);
    jobs_as(&place, "ada", &["run", "backup"]);
    running.wait_for_job("JOB_EXECUTED", "backup");
    running.drain();
    place.jobs(&["remove", "backup"]).success();

    let records = history(&place, &["backup"]);
    let of = |what: &str| -> &Value {
        let mut results = records.iter().map(|record| &record["result"]);
        results.find(|result| result["what"] == what).unwrap_or_else(|| panic!("{records:?}"))
    };
    let who = of("modified")["who"].as_str().unwrap();
    assert!(who.starts_with("ada via apscheduler@"), "{who}");
    assert!(
        of("added")["who"].as_str().unwrap().starts_with("jobs file jobs.toml via apscheduler@")
    );
    assert_eq!(of("removed")["before"]["max_instances"], 2);
    assert_eq!(records.iter().filter(|record| record["state"] == "ok").count(), 1);
    let modified =
        records.iter().find(|record| record["result"]["keys"] == json!(["max_instances"]));
    assert_eq!(modified.unwrap()["result"]["before"], json!({"max_instances": 1}));
    assert_eq!(records[0]["result"]["what"], "removed", "the latest first");

    let table = place.jobs(&["history", "backup"]).success().stdout();
    assert!(table.starts_with("RUN "), "{table}");
    assert!(table.contains(" ok ") && table.contains("ada via apscheduler@"), "{table}");
    assert_eq!(history(&place, &["backup", "--limit", "1"]).len(), 1);
    let misspelt = place.jobs(&["history", "backap"]).failure();
    assert!(misspelt.contains("no job has the id `backap`"), "{misspelt}");
}

#[test]
fn runs_do_not_list_changes_unless_asked() {
    let place = Place::with_jobs(JOB);
    let mut running = place.start("run");
    running.wait_for_start();
    let list = |args: &[&str]| {
        let args = [&["runs", "--config", "jobs.toml", "list", "--json"], args].concat();
        place.run(&args).success().json()
    };
    wait_for("the record", || {
        list(&["backup", "--state", "changed"]).as_array().filter(|all| !all.is_empty()).map(drop)
    });
    assert_eq!(list(&[]), json!([]));
    running.drain();
}
