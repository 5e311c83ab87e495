//! Backfills, runs that are cancelled, and records that are removed.

use apscheduler::time::{Clock as _, SystemClock, Zone};
use serde_json::Value;

use crate::program::{Place, wait_for};

const SQLITE: &str = "timezone = 'UTC'\nlease = 1\nretention = { ok_age = '2 days', keep_last = 1 }\n\
                      [jobstores.default]\ntype = 'sqlite'\npath = 'jobs.sqlite'\n";

/// A job that is due each hour, and writes down the run times that it runs.
fn place(shell: &str) -> Place {
    let place = Place::new();
    place.write(
        "jobs.toml",
        &format!(
            "{SQLITE}[[jobs]]\nid = 'report'\nfunc = 'command'\nkwargs.shell = '{shell}'\n\
             trigger = {{ type = 'cron', minute = 0 }}\n"
        ),
    );
    place
}

fn hours_ago(hours: u64) -> String {
    Zone::UTC.iso(SystemClock.now() - std::time::Duration::from_secs(hours * 3600))
}

fn records(place: &Place, state: &str) -> Vec<Value> {
    let args = ["runs", "list", "--config", "jobs.toml", "--state", state, "--json"];
    let Value::Array(runs) = place.run(&args).success().json() else { panic!("a list") };
    runs
}

#[test]
fn a_range_of_the_past_runs() {
    let place = place("echo $APSCHEDULER_SCHEDULED_RUN_TIME >> ran");
    let mut running = place.start("run");
    running.wait_for_start();
    let from = hours_ago(5);
    let args = ["backfill", "report", "--from", &from, "--max-active", "2"];
    let plan = place.jobs(&[&args[..], &["--dry-run", "--json"]].concat()).success().json();
    assert_eq!((plan["runs"].as_array().unwrap().len(), &plan["left"]), (5, &0.into()));
    assert!(records(&place, "waiting").is_empty());
    let done = place.jobs(&args).success().stdout();
    assert!(done.contains("5 runs wait; 0 run times are left as they are."), "{done}");
    wait_for("all to run", || (records(&place, "ok").len() == 5).then_some(()));
    let again = place.jobs(&args).success().stdout();
    assert_eq!(again, "Nothing to run: 5 run times of the range ran, or are about to.\n");
    running.drain();
    assert_eq!(std::fs::read_to_string(place.path("ran")).unwrap().lines().count(), 5);

    let pruned = place.run(&["runs", "prune", "--config", "jobs.toml", "--ok-age", "0.001"]);
    assert_eq!(pruned.success().stdout(), "removed 4 records\n");
    assert_eq!(records(&place, "ok").len(), 1, "the last one is kept");
}

#[test]
fn a_backfill_survives_a_kill_of_the_scheduler() {
    let place = place("sleep 0.3");
    let mut running = place.start("first");
    running.wait_for_start();
    place.jobs(&["backfill", "report", "--from", &hours_ago(6)]).success();
    wait_for("the second run", || (!records(&place, "ok").is_empty()).then_some(()));
    running.kill();
    let mut running = place.start("second");
    running.wait_for_start();
    let ended = || records(&place, "ok").len() + records(&place, "lost").len();
    wait_for("all to end", || (ended() == 6).then_some(()));
    assert!(records(&place, "lost").len() <= 1);
    running.drain();
}

#[test]
fn runs_are_cancelled_in_another_process() {
    let place = place("sleep 60");
    let mut running = place.start("run");
    running.wait_for_start();
    let plan = ["backfill", "report", "--from", &hours_ago(4), "--json"];
    let plan = place.jobs(&plan).success().json();
    let run = wait_for("the first run", || records(&place, "claimed").pop());
    let cancel = ["runs", "--config", "jobs.toml", "cancel"];
    let backfill = plan["id"].as_str().unwrap();
    let rest = place.run(&[&cancel[..], &["--backfill", backfill]].concat()).success().stdout();
    assert_eq!(rest, "3 runs that had not begun were cancelled\n");
    let id = run["run_id"].as_str().unwrap();
    let asked = place.run(&[&cancel[..], &[id, "--json"]].concat()).success().json();
    assert_eq!(asked[0]["outcome"], "asked");
    wait_for("it to end", || (records(&place, "cancelled").len() == 4).then_some(()));
    running.drain();
    let refused = place.run(&[&cancel[..], &[id]].concat()).failure();
    assert!(refused.contains("has ended as cancelled"), "{refused}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = place("true");
    let mut running = place.start("run");
    running.wait_for_start();
    running.drain();
    let misspelt = place.jobs(&["backfill", "reprot", "--from", "2027-01-01"]).failure();
    assert!(misspelt.contains("did you mean `report`?"), "{misspelt}");
    let early = place.jobs(&["backfill", "report", "--from", "2020-01-01"]).failure();
    assert!(early.contains("are kept for 2 days"), "{early}");
    let word = ["backfill", "report", "--from", "2020-01-01", "--reprocess", "fail"];
    let word = place.jobs(&word).stderr();
    assert!(word.contains("[possible values: none, failed, all]"), "{word}");
    let nothing = place.run(&["runs", "cancel", "--config", "jobs.toml"]).stderr();
    assert!(nothing.contains("--backfill"), "{nothing}");
    place.write("wrong.toml", "retention = { ok_agee = 3 }\n");
    let wrong = place.run(&["validate", "wrong.toml"]).failure();
    assert!(wrong.contains("did you mean `ok_age`?"), "{wrong}");
}
