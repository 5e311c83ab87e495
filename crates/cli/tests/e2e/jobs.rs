//! `apscheduler jobs`, also while `apscheduler run` has the stores open.

use std::time::Instant;

use serde_json::json;

use crate::program::{Place, wait_for};

const NEVER: &str = "[[jobs]]\nid = 'backup'\nname = 'Back up'\nfunc = 'command'\nmisfire_grace_time = 30\n\
    kwargs.shell = 'echo ran >> ran'\ntrigger = { type = 'cron', year = 2090 }\n";

/// A running scheduler notices changes within a second. The rest allows for a busy machine.
const NOTICED: u128 = 3000;

#[test]
fn a_running_scheduler_notices_changes() {
    let place = Place::with_jobs(NEVER);
    let mut running = place.start("run");
    running.wait_for_start();

    let begun = Instant::now();
    place.jobs(&["run", "backup"]).success();
    running.wait_for_job("JOB_EXECUTED", "backup");
    assert!(begun.elapsed().as_millis() < NOTICED, "{:?}", begun.elapsed());
    // Then the trigger applies again.
    wait_for("the next run time", || {
        place.show("backup")["next_run_time"]
            .as_str()
            .filter(|time| time.starts_with("2090"))
            .map(drop)
    });

    let begun = Instant::now();
    let kwargs = r#"{"shell": "echo by-hand >> ran"}"#;
    let added = place.jobs(&[
        "add",
        "--id",
        "by-hand",
        "--func",
        "command",
        "--kwargs",
        kwargs,
        "--misfire-grace-time",
        "none",
    ]);
    assert!(added.success().stdout().starts_with("added by-hand: command (trigger: date["));
    running.wait_for_job("JOB_EXECUTED", "by-hand");
    assert!(begun.elapsed().as_millis() < NOTICED, "{:?}", begun.elapsed());
    running.wait_for_job("JOB_REMOVED", "by-hand");
    assert_eq!(std::fs::read_to_string(place.path("ran")).unwrap(), "ran\nby-hand\n");

    // A paused job does not run, a resumed one does.
    place
        .jobs(&["modify", "backup", "--trigger", r#"{"type": "interval", "seconds": 3600}"#])
        .success();
    place.jobs(&["pause", "backup"]).success();
    assert_eq!(place.show("backup")["status"], "paused");
    assert!(place.jobs(&["resume", "backup"]).success().stdout().starts_with("resumed backup: "));
    assert_eq!(place.show("backup")["status"], "scheduled");
    place.jobs(&["remove", "backup"]).success();
    assert_eq!(place.list(), Vec::<serde_json::Value>::new());
    running.drain();
}

#[test]
fn jobs_are_listed_by_next_run_time() {
    let place = Place::with_jobs(NEVER);
    let add = |id: &str, rest: &[&str]| {
        let args = ["add", "--id", id, "--func", "command", "--kwargs", r#"{"argv": ["true"]}"#];
        place.jobs(&[&args, rest].concat()).success();
    };
    add("paused", &["--cron", "0 0 * * *", "--next-run-time", "none"]);
    add(
        "later",
        &["--trigger", r#"{"type": "date", "run_date": "2090-01-02"}"#, "--name", "Much later"],
    );
    add("sooner", &["--trigger", r#"{"type": "date", "run_date": "2090-01-01"}"#]);
    assert_eq!(
        place.jobs(&["list"]).success().stdout(),
        "ID      NAME        NEXT RUN                 TRIGGER                                                          STORE    STATUS\n\
         sooner  command     2090-01-01 00:00:00 UTC  date[2090-01-01 00:00:00 UTC]                                    default  scheduled\n\
         later   Much later  2090-01-02 00:00:00 UTC  date[2090-01-02 00:00:00 UTC]                                    default  scheduled\n\
         paused  command     -                        cron[month='*', day='*', day_of_week='*', hour='0', minute='0']  default  paused\n"
    );
    let job = &place.list()[1];
    assert_eq!(job["id"], "later");
    assert_eq!(job["next_run_time"], "2090-01-02T00:00:00+00:00");
    assert_eq!(job["trigger_config"]["type"], "date");
    let shown = place.jobs(&["show", "later"]).success().stdout();
    assert!(shown.contains("name                Much later\n"), "{shown}");
}

#[test]
fn modify_changes_all_options() {
    let place = Place::with_jobs("");
    let add = [
        "add",
        "--id",
        "a",
        "--func",
        "command",
        "--kwargs",
        r#"{"argv": ["true"]}"#,
        "--cron",
        "0 0 1 1 *",
    ];
    place.jobs(&add).success();
    assert!(place.jobs(&add).failure().contains("job `a`: a job with this id exists already"));
    place.jobs(&[&add[..], &["--replace", "--name", "Replaced"]].concat()).success();
    let options = [
        "--misfire-grace-time",
        "none",
        "--coalesce",
        "off",
        "--max-instances",
        "3",
        "--timeout",
        "2s 500ms",
    ];
    let modified = place
        .jobs(&[&["modify", "a", "--kwargs", r#"{"argv": ["false"]}"#], &options[..]].concat())
        .success();
    assert!(
        modified.stdout().starts_with("modified a: Replaced (trigger: cron["),
        "{}",
        modified.stdout()
    );
    let job = place.show("a");
    assert_eq!(job["kwargs"], json!({"argv": ["false"]}));
    assert_eq!(
        [&job["misfire_grace_time"], &job["coalesce"], &job["max_instances"], &job["timeout"]],
        [&json!(null), &json!(false), &json!(3), &json!(2.5)]
    );
    place
        .jobs(&["modify", "a", "--trigger", r#"{"type": "date", "run_date": "2090-05-05"}"#])
        .success();
    assert_eq!(place.show("a")["next_run_time"], "2090-05-05T00:00:00+00:00");
}

#[test]
fn jobs_are_exported_and_imported() {
    let place = Place::with_jobs(
        "[[jobs]]\nid = 'a'\nfunc = 'command'\nkwargs.argv = ['true']\ntrigger = 'cron'\n",
    );
    let mut running = place.start("run");
    running.wait_for_start();
    running.drain();
    place.jobs(&["pause", "a"]).success();
    let before = place.list();
    place.jobs(&["export", "jobs.json"]).success();
    assert_eq!(
        place.jobs(&["export"]).success().stdout(),
        std::fs::read_to_string(place.path("jobs.json")).unwrap()
    );
    assert!(
        place
            .jobs(&["import", "jobs.json"])
            .failure()
            .contains("job `a`: a job with this id exists already")
    );
    place.jobs(&["remove", "a"]).success();
    assert_eq!(
        place.jobs(&["import", "jobs.json"]).success().stdout(),
        "imported 1 job into default\n"
    );
    assert_eq!(place.list(), before);
    place.write("jobs.json", "{}");
    assert!(
        place
            .jobs(&["import", "jobs.json"])
            .failure()
            .contains("unrecognized version of the export")
    );
}

#[test]
fn errors_name_the_option() {
    let place = Place::with_jobs("");
    place
        .jobs(&[
            "add",
            "--id",
            "backup",
            "--func",
            "command",
            "--kwargs",
            r#"{"argv": ["true"]}"#,
            "--cron",
            "0 0 1 1 *",
        ])
        .success();
    let cases: [(&[&str], &str); 9] = [
        (
            &["show", "bakup"],
            "no job has the id `bakup`; did you mean `backup`? known jobs: backup",
        ),
        (&["remove", "x"], "no job has the id `x`"),
        (&["list", "--jobstore", "defalt"], "unknown job store `defalt`; did you mean `default`?"),
        (
            &["add", "--func", "comand"],
            "no function is registered as `comand`; did you mean `command`?",
        ),
        (
            &["add", "--func", "command", "--kwargs", "{}"],
            "`argv` (a program and its arguments) or `shell`",
        ),
        (
            &["add", "--func", "command", "--kwargs", "[1]"],
            "--kwargs: expected an object, found `[1]`",
        ),
        (&["add", "--func", "command", "--args", "x"], "--args: expected JSON, found `x`"),
        (&["modify", "backup"], "nothing to change"),
        (&["modify", "backup", "--cron", "61 * * * *"], "minute"),
    ];
    for (args, expected) in cases {
        let error = place.jobs(args).failure();
        assert!(error.starts_with("error: ") && error.contains(expected), "{error}");
    }
    assert!(
        place
            .run(&["jobs", "list"])
            .failure()
            .contains("use `--config FILE` or set the environment variable APSCHEDULER_CONFIG")
    );
    // An unknown id does not affect the other jobs.
    assert!(place.jobs(&["pause", "x", "backup"]).failure().contains("no job has the id `x`"));
    assert_eq!(place.show("backup")["status"], "paused");
}

#[test]
fn stores_in_memory_are_not_accessible() {
    let place = Place::new();
    place.write("jobs.toml", NEVER);
    let list = place.jobs(&["list"]).success();
    assert_eq!(list.stdout(), "No jobs.\n");
    assert!(
        list.stderr().contains("the job store `default` keeps its jobs in memory"),
        "{}",
        list.stderr()
    );
    assert!(
        place
            .jobs(&["pause", "backup"])
            .failure()
            .contains("changes would be lost when this command ends")
    );
}

#[test]
fn the_config_may_come_from_the_environment() {
    let place = Place::with_jobs("");
    let output =
        place.command(&["jobs", "list"]).env("APSCHEDULER_CONFIG", "jobs.toml").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "No jobs.\n");
}
