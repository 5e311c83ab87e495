//! SIGHUP and `--watch` of `apscheduler run`: a changed jobs file is applied while the program runs.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Place, Running, wait_for};

fn job(id: &str, message: &str, trigger: &str) -> String {
    format!(
        "[[jobs]]\nid = '{id}'\nfunc = 'log'\nkwargs.message = '{message}'\ntrigger = {trigger}\n"
    )
}

const DAILY: &str = "{ type = 'interval', hours = 24 }";
const OFTEN: &str = "{ type = 'interval', seconds = 0.05 }";
const YEARLY: &str = "{ type = 'cron', month = 1, day = 1 }";

fn start(place: &Place) -> Running {
    let mut running = place.start("run");
    running.wait_for_start();
    running
}

/// Sends SIGHUP, and waits for a line of the log that was not there before.
fn reload(running: &Running, line: &str) {
    let count = running.log().matches(line).count();
    running.signal(Signal::HUP);
    wait_for(line, || (running.log().matches(line).count() > count).then_some(()));
}

fn ids(place: &Place) -> Vec<String> {
    let mut ids: Vec<String> =
        place.list().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn jobs_are_added_changed_and_removed() {
    let place = Place::with_jobs(
        &[
            job("kept", "x", DAILY),
            job("changed", "before", DAILY),
            job("moved", "x", DAILY),
            job("gone", "x", OFTEN),
        ]
        .concat(),
    );
    let mut running = start(&place);
    running.wait_for_job("JOB_EXECUTED", "gone");
    place.jobs(&["pause", "kept"]).success();
    let before = |id: &str| place.show(id)["next_run_time"].clone();
    let (kept, changed, moved) = (before("kept"), before("changed"), before("moved"));
    place.write_jobs(
        &[
            job("kept", "x", DAILY),
            job("changed", "after", DAILY),
            job("moved", "x", YEARLY),
            job("new", "x", OFTEN),
        ]
        .concat(),
    );
    reload(&running, "reloaded: 1 added, 2 changed, 1 unchanged, 1 removed");
    assert_eq!(ids(&place), ["changed", "kept", "moved", "new"]);
    assert_eq!(before("kept"), kept, "it stays paused");
    assert_eq!(
        (before("changed"), &place.show("changed")["kwargs"]["message"]),
        (changed, &Value::from("after"))
    );
    assert_ne!(before("moved"), moved, "a new trigger has a new next run time");
    running.wait_for_job("JOB_EXECUTED", "new");
    // The same file again changes nothing.
    reload(&running, "reloaded: 0 added, 0 changed, 4 unchanged, 0 removed");
    let history = place.jobs(&["history", "changed"]).success().stdout();
    assert!(history.contains("jobs file "), "{history}");
    running.drain();
}

#[test]
fn a_file_with_an_error_leaves_everything_as_it_was() {
    let place = Place::with_jobs(&job("a", "x", DAILY));
    let mut running = start(&place);
    place.write("stores.toml", &fs::read_to_string(place.path("jobs.toml")).unwrap());
    let stored =
        || place.run(&["jobs", "--config", "stores.toml", "list", "--json"]).success().json();
    let before = stored();
    for (text, expected) in [
        ("[[jobs]\n".to_owned(), "jobs.toml: "),
        (
            format!("[[jobs]]\nid = 'b'\nfunc = 'lag'\ntrigger = {DAILY}\n"),
            "jobs.toml: jobs[0] \"b\": func: ",
        ),
        (
            [job("b", "x", DAILY), job("c", "x", "{ type = 'cron', hour = 25 }")].concat(),
            "jobs.toml: jobs[1] \"c\": trigger `cron`: ",
        ),
    ] {
        place.write_jobs(&text);
        reload(&running, "the jobs file was not reloaded, and nothing has changed: ");
        let log = running.log();
        assert!(log.lines().next_back().unwrap().contains(expected), "{log}");
        assert_eq!(stored(), before);
    }
    fs::remove_file(place.path("jobs.toml")).unwrap();
    reload(&running, "nothing has changed: can't read the file `jobs.toml`");
    // It can be mended.
    place.write_jobs(&job("b", "x", OFTEN));
    reload(&running, "reloaded: 1 added, 0 changed, 0 unchanged, 1 removed");
    running.wait_for_job("JOB_EXECUTED", "b");
    running.drain();
}

#[test]
fn a_job_without_a_trigger_runs_again_only_if_it_has_changed() {
    let once = |message: &str| {
        format!("[[jobs]]\nid = 'once'\nfunc = 'log'\nkwargs.message = '{message}'\n")
    };
    let place = Place::with_jobs(&once("first"));
    let mut running = start(&place);
    running.wait_for_job("JOB_EXECUTED", "once");
    let runs = |running: &Running| {
        let executed =
            |event: &&Value| event["event"] == "JOB_EXECUTED" && event["job_id"] == "once";
        running.events().iter().filter(executed).count()
    };
    place.write_jobs(&format!("{}{}", once("first"), job("other", "x", DAILY)));
    reload(&running, "reloaded: 1 added, 0 changed, 0 unchanged, 0 removed, 1 ended");
    assert_eq!(runs(&running), 1);
    place.write_jobs(&once("second"));
    reload(&running, "reloaded: 1 added, 0 changed, 0 unchanged, 1 removed");
    wait_for("the second run", || (runs(&running) == 2).then_some(()));
    running.drain();
}

#[test]
fn settings_of_the_scheduler_take_effect_at_the_next_start() {
    let place = Place::with_jobs(&job("a", "x", DAILY));
    let mut running = start(&place);
    let before = fs::read_to_string(place.path("jobs.toml")).unwrap();
    let other = before.replace("'UTC'", "'Europe/Helsinki'").replace("jobs.sqlite", "other.sqlite");
    place.write("jobs.toml", &format!("{other}{}", job("b", "x", DAILY)));
    let warning = "changes of `jobstores`, `timezone` are not applied";
    reload(&running, "reloaded: 1 added, 0 changed, 1 unchanged, 0 removed");
    assert!(running.log().contains(warning), "{}", running.log());
    assert!(!place.exists("other.sqlite"));
    // A job in a store that is new is an error, and the warning explains it.
    place.write_jobs(&format!(
        "[jobstores.new]\ntype = 'memory'\n{}jobstore = 'new'\n",
        job("c", "x", DAILY)
    ));
    reload(
        &running,
        "nothing has changed: jobs.toml: jobs[0] \"c\": jobstore: unknown alias `new`",
    );
    assert!(running.log().contains("changes of `jobstores` are not applied"), "{}", running.log());
    // As it was: no warning.
    place.write("jobs.toml", &before);
    let warnings = running.log().matches("are not applied").count();
    reload(&running, "reloaded: 0 added, 0 changed, 1 unchanged, 1 removed");
    assert_eq!(running.log().matches("are not applied").count(), warnings);
    running.drain();
}

#[test]
fn a_file_with_another_name_is_refused_as_at_a_start() {
    let place = Place::new();
    place.write_jobs(&job("a", "x", DAILY));
    let unnamed = fs::read_to_string(place.path("jobs.toml")).unwrap();
    place.write("jobs.toml", &format!("name = 'shop'\n{unnamed}"));
    let mut running = start(&place);
    place.write("jobs.toml", &format!("name = 'billing'\n{unnamed}{}", job("b", "x", DAILY)));
    reload(&running, "nothing has changed: jobs.toml: jobs[0] \"a\": a job with this id");
    assert_eq!(ids(&place), ["a"]);
    running.drain();
}

#[test]
fn watch_applies_edits_of_any_kind() {
    let place = Place::with_jobs(&job("a", "x", DAILY));
    let mut running = place.spawn(
        "run",
        &mut place.command(&["run", "jobs.toml", "--watch", "--events", "run.jsonl"]),
    );
    running.wait_for_start();
    // In place.
    place.write_jobs(&job("b", "x", DAILY));
    running.wait_for_job("JOB_ADDED", "b");
    running.wait_for_log("jobs.toml: the file has changed");
    // As editors do.
    let text = fs::read_to_string(place.path("jobs.toml")).unwrap();
    place.write("jobs.toml~new", &text.replace("'b'", "'c'"));
    fs::rename(place.path("jobs.toml~new"), place.path("jobs.toml")).unwrap();
    running.wait_for_job("JOB_ADDED", "c");
    running.wait_for_job("JOB_REMOVED", "b");
    // With an error.
    place.write("jobs.toml", "timezone = ");
    running.wait_for_log("the jobs file was not reloaded, and nothing has changed: jobs.toml: ");
    place.write("jobs.toml", &text);
    assert_eq!(ids(&place), ["c"]);
    running.drain();
}

#[test]
fn a_reload_waits_for_a_store_that_is_busy() {
    let place = Place::with_jobs(&job("a", "x", DAILY));
    let mut running = start(&place);
    let database = place.database();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    place.write_jobs(&job("b", "x", OFTEN));
    running.signal(Signal::HUP);
    running.wait_for_log("SIGHUP: reading the jobs file again");
    // The program still reacts.
    running.signal(Signal::USR1);
    running.wait_for_log("SIGUSR1 is ignored");
    std::thread::sleep(Duration::from_millis(50));
    database.execute_batch("ROLLBACK").unwrap();
    running.wait_for_job("JOB_EXECUTED", "b");
    running.drain();
}
