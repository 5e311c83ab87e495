//! Damaged records are shown and can be repaired, and control characters are escaped.

use serde_json::{Value, json};

use crate::program::Place;

const JOBS: &str = "[[jobs]]\nid = 'a'\nfunc = 'command'\nkwargs.argv = ['true']\n\
    trigger = { type = 'cron', year = 2090 }\n\
    [[jobs]]\nid = 'b'\nfunc = 'command'\nkwargs.argv = ['true']\n\
    trigger = { type = 'cron', year = 2090 }\n";

fn damaged(sql: &str) -> Place {
    let place = Place::with_jobs(JOBS);
    let mut running = place.start("before");
    running.wait_for_start();
    running.drain();
    assert_eq!(place.database().execute(sql, []).unwrap(), 1);
    place
}

#[test]
fn modify_repairs_a_job_with_an_unknown_function() {
    let place = damaged(
        "UPDATE apscheduler_jobs SET job_state = json_set(job_state, '$.func', 'gone') WHERE id = 'a'",
    );
    assert_eq!(place.show("a")["status"], "broken");
    let error = place.jobs(&["modify", "a", "--name", "x"]).failure();
    assert!(error.contains("no function is registered as `gone`"), "{error}");
    place.jobs(&["modify", "a", "--func", "log", "--kwargs", r#"{"message": "hi"}"#]).success();
    let shown = place.show("a");
    assert_eq!((&shown["status"], &shown["func"]), (&json!("scheduled"), &json!("log")));
    place.jobs(&["run", "a"]).success();
    let mut running = place.start("after");
    running.wait_for_job("JOB_EXECUTED", "a");
    running.drain();
}

#[test]
fn modify_replaces_an_unreadable_job() {
    let place = damaged("UPDATE apscheduler_jobs SET job_state = 'nonsense' WHERE id = 'a'");
    let error = place.jobs(&["modify", "a", "--func", "log"]).failure();
    assert!(error.contains("give both its function and its trigger"), "{error}");
    place.jobs(&["pause", "a"]).success();
    assert_eq!(place.show("a")["state"], "nonsense", "a pause writes a time alone");
    let args =
        ["modify", "a", "--func", "log", "--kwargs", r#"{"message": "hi"}"#, "--cron", "0 3 * * *"];
    place.jobs(&args).success();
    assert_eq!(place.show("a")["status"], "scheduled");
}

#[test]
fn extreme_run_times_are_listed_and_exported() {
    for number in [i64::MIN, i64::MAX] {
        let place = damaged(&format!(
            "UPDATE apscheduler_jobs SET next_run_time = {number} WHERE id = 'a'"
        ));
        let list = place.list();
        let ids: Vec<&str> = list.iter().map(|job| job["id"].as_str().unwrap()).collect();
        assert_eq!(ids, if number < 0 { ["a", "b"] } else { ["b", "a"] });
        assert!(place.jobs(&["list"]).success().stdout().contains("command"));
        let export = place.jobs(&["export", "all.json"]).success();
        drop(export);
        let exported: Value =
            serde_json::from_str(&std::fs::read_to_string(place.path("all.json")).unwrap())
                .unwrap();
        assert_eq!(exported["jobs"].as_array().unwrap().len(), 2);
        place.jobs(&["remove", "a", "b"]).success();
        place.jobs(&["import", "all.json"]).success();
        assert_eq!(place.list().len(), 2);
        place.jobs(&["modify", "a", "--next-run-time", "2090-01-01"]).success();
        assert!(place.show("a")["next_run_time"].as_str().unwrap().starts_with("2090-01-01"));
    }
}

#[test]
fn modify_repairs_a_job_with_an_unknown_executor() {
    let place = damaged(
        "UPDATE apscheduler_jobs SET job_state = json_set(job_state, '$.executor', 'gone') WHERE id = 'a'",
    );
    let shown = place.show("a");
    assert_eq!((&shown["status"], &shown["executor"]), (&json!("broken"), &json!("gone")));
    assert!(
        shown["reason"].as_str().unwrap().contains("no executor has the alias `gone`"),
        "{shown}"
    );
    assert!(place.jobs(&["list"]).success().stdout().contains("broken: no executor has the alias"));
    place.jobs(&["modify", "a", "--executor", "default"]).success();
    assert_eq!(place.show("a")["status"], "scheduled");
}

#[test]
fn control_characters_are_escaped() {
    let id = "a\nb\u{1b}[31m";
    let place = Place::with_jobs("");
    let shell = r#"{"shell": "printf 'x\\033[2Jy\\n'; printf 'one\\033]0;t\\007' >&2; exit 3"}"#;
    let add = ["add", "--id", id, "--name", id, "--func", "command", "--kwargs", shell];
    let added = place.jobs(&[&add[..], &["--misfire-grace-time", "none"]].concat()).success();
    let listed = place.jobs(&["list"]).success();
    let shown = place.jobs(&["show", id]).success();
    let error = place.jobs(&["show", "a\nc\u{1b}[31m"]).failure();
    let mut running = place.start("run");
    running.wait_for_job("JOB_ERROR", id);
    running.drain();
    for text in [added.stdout(), listed.stdout(), shown.stdout(), error, running.log()] {
        assert!(text.contains(r"b\u{1b}[31m"), "{text}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with('b')), "{text:?}");
    }
    assert!(running.log().contains(r"x\u{1b}[2Jy"), "{}", running.log());
}

#[cfg(target_os = "linux")]
#[test]
fn warns_of_more_workers_than_the_system_allows() {
    let place =
        Place::with_jobs("[executors.default]\ntype = 'threadpool'\nmax_workers = 100000000\n");
    let mut running = place.start("run");
    running.wait_for_start();
    running.drain();
    let expected = "the executor `default` may start 100000000 threads or processes (max_workers), but this system gives";
    assert!(running.log().contains(expected), "{}", running.log());
}
