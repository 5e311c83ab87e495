//! Failures at run time: each has one clear error or event, other jobs continue, and no record is lost.
//!
//! Errors in a jobs file are in `validate`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::program::{Place, wait_for};

const OFTEN: &str = "[[jobs]]\nid = 'often'\nfunc = 'command'\nkwargs.argv = ['true']\n\
    trigger = { type = 'interval', seconds = 0.1 }\n";

#[test]
fn errors_name_a_store_that_can_not_be_opened() {
    let place = Place::new();
    let store =
        |url: &str| format!("[jobstores.default]\ntype = 'sqlalchemy'\nurl = '{url}'\n{OFTEN}");
    fs::create_dir_all(place.path("directory")).unwrap();
    for (url, path) in [
        ("sqlite:///no/such/directory/jobs.sqlite", "no/such/directory"),
        ("sqlite:///directory", "directory"),
    ] {
        place.write("jobs.toml", &store(url));
        let error = place.run(&["run", "jobs.toml"]).failure();
        let line = error.lines().find(|line| line.starts_with("error: jobs.toml: ")).unwrap();
        assert!(line.contains("job store `default` can't start") && line.contains(path), "{error}");
    }
    // Not an SQLite file.
    place.write(
        "other.sqlite",
        "this is a text, and a long one, that has nothing to do with a database",
    );
    place.write("jobs.toml", &store("sqlite:///other.sqlite"));
    let error = place.run(&["run", "jobs.toml"]).failure();
    assert!(error.contains("other.sqlite"), "{error}");
    assert!(fs::read_to_string(place.path("other.sqlite")).unwrap().starts_with("this is a text"));
}

#[test]
fn errors_name_an_event_file_that_can_not_be_written() {
    let place = Place::with_jobs(OFTEN);
    for target in ["no/such/directory/events.jsonl", "."] {
        let error = place.run(&["run", "jobs.toml", "--events", target]).failure();
        assert!(
            error.starts_with(&format!(
                "error: --events: can't write to the file `{target}`\n  caused by: "
            )),
            "{error}"
        );
    }
    assert!(!place.exists("jobs.sqlite"));
}

#[test]
fn jobs_continue_when_events_can_not_be_written() {
    let place = Place::with_jobs(
        &OFTEN.replace("kwargs.argv = ['true']", "kwargs.shell = 'echo x >> ran'"),
    );
    let mut child = place
        .command(&["run", "jobs.toml", "--events", "/dev/full"])
        .stderr(fs::File::create(place.path("log")).unwrap())
        .spawn()
        .unwrap();
    wait_for("runs", || {
        (fs::read_to_string(place.path("ran")).ok()?.lines().count() > 3).then_some(())
    });
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let log = fs::read_to_string(place.path("log")).unwrap();
    assert_eq!(log.matches("can't write events to `/dev/full`").count(), 1, "{log}");
}

#[test]
fn errors_name_a_read_only_database() {
    let place = Place::with_jobs(OFTEN);
    let mut running = place.start("first");
    running.wait_for_start();
    running.drain();
    for file in ["jobs.sqlite", "jobs.sqlite-wal", "jobs.sqlite-shm"] {
        if place.exists(file) {
            fs::set_permissions(place.path(file), fs::Permissions::from_mode(0o444)).unwrap();
        }
    }
    if fs::OpenOptions::new().write(true).open(place.path("jobs.sqlite")).is_ok() {
        return; // root may write everything
    }
    let error = place.run(&["run", "jobs.toml"]).failure();
    assert!(error.contains("jobs.sqlite"), "{error}");
}

/// The stored record of a job.
fn record(place: &Place, id: &str) -> (Option<i64>, Vec<u8>) {
    let query = "SELECT next_run_time, CAST(job_state AS BLOB) FROM apscheduler_jobs WHERE id = ?";
    place.database().query_row(query, [id], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn due_often(place: &Place, id: &str) {
    let trigger = r#"{"type": "interval", "seconds": 0.1}"#;
    place
        .jobs(&[
            "add",
            "--id",
            id,
            "--func",
            "command",
            "--kwargs",
            r#"{"argv": ["true"]}"#,
            "--trigger",
            trigger,
        ])
        .success();
}

#[test]
fn a_corrupted_record_is_broken_and_other_jobs_continue() {
    let place = Place::with_jobs(OFTEN);
    let garbage: [(&str, &[u8]); 4] = [
        ("text", b"not JSON at all"),
        ("empty", b""),
        ("bytes", b"\xff\x00\xfe"),
        ("fields", br#"{"version": 1, "id": "fields"}"#),
    ];
    for (id, _) in garbage {
        due_often(&place, id);
    }
    let database = place.database();
    for (id, state) in garbage {
        let update = "UPDATE apscheduler_jobs SET job_state = ?2 WHERE id = ?1";
        assert_eq!(database.execute(update, rusqlite::params![id, state]).unwrap(), 1);
    }
    drop(database);
    let before: Vec<_> = garbage.iter().map(|(id, _)| record(&place, id)).collect();

    let mut running = place.start("run");
    for (id, _) in garbage {
        let event = running.wait_for_job("JOB_BROKEN", id);
        assert!(event["reason"].as_str().unwrap().starts_with(&format!("job `{id}`: ")), "{event}");
    }
    running.wait_for_job("JOB_EXECUTED", "often");
    // It is listed, with the reason.
    let listed = place.list();
    for (id, _) in garbage {
        let job = listed.iter().find(|job| job["id"] == id).unwrap();
        assert_eq!(job["status"], "broken");
        assert!(job["reason"].is_string());
    }
    assert!(
        place.jobs(&["list"]).success().stdout().contains("broken: the stored state is not a job")
    );
    let events = running.drain();
    for (id, _) in garbage {
        let told = events
            .iter()
            .filter(|event| event["event"] == "JOB_BROKEN" && event["job_id"] == id)
            .count();
        assert_eq!(told, 1, "{id}");
    }
    let after: Vec<_> = garbage.iter().map(|(id, _)| record(&place, id)).collect();
    assert_eq!(before, after);
}

#[test]
fn a_job_of_the_file_replaces_its_broken_record() {
    let place = Place::with_jobs(OFTEN);
    let mut running = place.start("first");
    running.wait_for_start();
    running.drain();
    place.database().execute("UPDATE apscheduler_jobs SET job_state = 'x'", []).unwrap();
    let mut running = place.start("second");
    running.wait_for_job("JOB_EXECUTED", "often");
    assert!(running.log().contains("replaces a broken record"), "{}", running.log());
    running.drain();
}

#[test]
fn a_job_with_a_missing_function_runs_after_it_is_repaired() {
    let place = Place::with_jobs(OFTEN);
    due_often(&place, "moved");
    let mut export = place.jobs(&["export"]).success().json();
    place.jobs(&["remove", "moved"]).success();
    // As written by another program with other functions.
    export["jobs"][0]["state"]["func"] = json!("shop::orders::ship");
    place.write("export.json", &export.to_string());
    place.jobs(&["import", "export.json"]).success();

    let mut running = place.start("first");
    let event = running.wait_for_job("JOB_BROKEN", "moved");
    assert!(
        event["reason"]
            .as_str()
            .unwrap()
            .contains("no function is registered as `shop::orders::ship`"),
        "{event}"
    );
    running.wait_for_job("JOB_EXECUTED", "often");
    // After a manual repair of the record the job runs again, without a restart.
    let update = "UPDATE apscheduler_jobs SET job_state = replace(job_state, 'shop::orders::ship', 'command') WHERE id = 'moved'";
    assert_eq!(place.database().execute(update, []).unwrap(), 1);
    running.wait_for_job("JOB_RESTORED", "moved");
    running.wait_for_job("JOB_SUBMITTED", "moved");
    running.drain();
}

#[test]
fn failing_jobs_are_reported_and_other_jobs_continue() {
    let place = Place::with_jobs(&format!(
        "{OFTEN}\
         [[jobs]]\nid = 'missing'\nfunc = 'command'\nmisfire_grace_time = 'none'\nkwargs.argv = ['no-such-program-here']\n\
         [[jobs]]\nid = 'nowhere'\nfunc = 'command'\nmisfire_grace_time = 'none'\nkwargs = {{ argv = ['true'], cwd = 'nowhere' }}\n\
         [[jobs]]\nid = 'slow'\nfunc = 'command'\nmisfire_grace_time = 'none'\nkwargs = {{ argv = ['sleep', '60'], timeout = 0.5 }}\n"
    ));
    let mut running = place.start("run");
    let exception = |event: Value| event["exception"].as_str().unwrap().to_owned();
    assert_eq!(
        exception(running.wait_for_job("JOB_ERROR", "missing")),
        "can't run no-such-program-here: program not found"
    );
    assert_eq!(
        exception(running.wait_for_job("JOB_ERROR", "nowhere")),
        "can't run true: cwd: the directory `nowhere` does not exist"
    );
    assert_eq!(
        exception(running.wait_for_job("JOB_ERROR", "slow")),
        "sleep took longer than 0.5 s and was ended by TERM"
    );
    running.wait_for_job("JOB_EXECUTED", "often");
    running.drain();
}
