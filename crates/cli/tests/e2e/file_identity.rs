//! The identity of a jobs file: deployments, two services on one database, `--against-store`, and stores in memory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Place, Running};

fn job(id: &str, trigger: &str) -> String {
    format!(
        "[[jobs]]\nid = '{id}'\nfunc = 'command'\nkwargs.argv = ['true']\ntrigger = {trigger}\n"
    )
}

const DAILY: &str = "{ type = 'interval', hours = 24 }";

/// A place whose `jobs.toml` has only a job store, for `apscheduler jobs`.
fn place() -> Place {
    Place::with_jobs("")
}

fn text(place: &Place, jobs: &str) -> String {
    let database = place.path("jobs.sqlite");
    format!(
        "timezone = 'UTC'\n[jobstores.default]\ntype = 'sqlite'\nurl = 'sqlite:///{}'\n{jobs}",
        database.display(),
    )
}

fn write(place: &Place, path: &str, name: Option<&str>, jobs: &str) {
    let path = place.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let name = name.map(|name| format!("name = '{name}'\n")).unwrap_or_default();
    fs::write(path, format!("{name}{}", text(place, jobs))).unwrap();
}

fn command(place: &Place, name: &str, file: &str) -> Command {
    let events = place.path(&format!("{name}.jsonl"));
    place.command(&["run", file, "--events", events.to_str().unwrap()])
}

fn start(place: &Place, name: &str, path: &str) -> Running {
    let mut running =
        place.spawn(name, &mut command(place, name, place.path(path).to_str().unwrap()));
    running.wait_for_start();
    running
}

/// Runs a file, stops it, and returns its log.
fn run(place: &Place, name: &str, path: &str) -> String {
    let mut running = start(place, name, path);
    running.drain();
    running.log()
}

fn relink(link: &Path, to: &str) {
    let _ = fs::remove_file(link);
    symlink(to, link).unwrap();
}

fn ids(place: &Place) -> Vec<String> {
    let mut ids: Vec<String> =
        place.list().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn next(place: &Place, id: &str) -> Value {
    place.show(id)["next_run_time"].clone()
}

/// Changes jobs as if another host had applied them.
fn from_host(place: &Place, host: &str, only: &[&str]) {
    let database = place.database();
    for id in only {
        let changed = database
            .execute(
                "update apscheduler_jobs set job_state = json_set(job_state, '$.origin.host', ?1), \
                 revision = revision + 1 where id = ?2",
                (host, id),
            )
            .unwrap();
        assert_eq!(changed, 1);
    }
}

/// All records in the database.
fn dump(place: &Place) -> Vec<(String, Option<i64>, i64, String)> {
    let database = place.database();
    let mut rows = database
        .prepare("select id, next_run_time, revision, job_state from apscheduler_jobs order by id")
        .unwrap();
    rows.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn a_moved_link_keeps_unchanged_jobs_and_removes_missing_ones() {
    let place = place();
    write(
        &place,
        "releases/1/jobs.toml",
        None,
        &[job("a", DAILY), job("b", DAILY), job("c", DAILY)].concat(),
    );
    write(&place, "releases/2/jobs.toml", None, &[job("a", DAILY), job("b", DAILY)].concat());
    relink(&place.path("current"), "releases/1");
    run(&place, "first", "current/jobs.toml");
    place.jobs(&["pause", "b"]).success();
    let before = next(&place, "a");
    relink(&place.path("current"), "releases/2");
    let log = run(&place, "second", "current/jobs.toml");
    assert!(log.contains("0 added, 0 changed, 2 unchanged, 1 removed"), "{log}");
    assert_eq!(next(&place, "a"), before);
    assert_eq!(place.show("b")["status"], "paused");
    assert_eq!(ids(&place), ["a", "b"]);
}

#[test]
fn a_relative_path_in_a_linked_directory_is_not_resolved() {
    let place = place();
    write(&place, "releases/1/jobs.toml", None, &[job("a", DAILY), job("b", DAILY)].concat());
    write(&place, "releases/2/jobs.toml", None, &job("a", DAILY));
    for (name, release) in [("first", "releases/1"), ("second", "releases/2")] {
        relink(&place.path("current"), release);
        let mut command = command(&place, name, "jobs.toml");
        command.current_dir(place.path("current")).env("PWD", place.path("current"));
        let mut running = place.spawn(name, &mut command);
        running.wait_for_start();
        running.drain();
    }
    assert_eq!(ids(&place), ["a"]);
    assert_eq!(place.show("a")["origin"], json!(place.path("current/jobs.toml")));
}

#[test]
fn a_mounted_config_map_keeps_its_jobs_when_its_link_changes() {
    let place = place();
    write(&place, "etc/..2027_01/jobs.toml", None, &[job("a", DAILY), job("b", DAILY)].concat());
    write(&place, "etc/..2027_02/jobs.toml", None, &job("a", DAILY));
    relink(&place.path("etc/..data"), "..2027_01");
    relink(&place.path("etc/jobs.toml"), "..data/jobs.toml");
    run(&place, "first", "etc/jobs.toml");
    let before = next(&place, "a");
    relink(&place.path("etc/..data"), "..2027_02");
    fs::remove_dir_all(place.path("etc/..2027_01")).unwrap();
    let log = run(&place, "second", "etc/jobs.toml");
    assert!(log.contains("0 added, 0 changed, 1 unchanged, 1 removed"), "{log}");
    assert_eq!(next(&place, "a"), before);
}

#[test]
fn a_named_file_keeps_its_jobs_across_paths_and_hosts() {
    let place = place();
    let jobs = [job("a", DAILY), job("b", DAILY)].concat();
    write(&place, "1/jobs.toml", Some("shop"), &jobs);
    run(&place, "first", "1/jobs.toml");
    from_host(&place, "pod-1", &["a", "b"]);
    let before = next(&place, "a");
    write(&place, "2/jobs.toml", Some("shop"), &job("a", DAILY));
    let log = run(&place, "second", "2/jobs.toml");
    assert!(log.contains("0 added, 0 changed, 1 unchanged, 1 removed"), "{log}");
    assert!(
        log.contains("1 job no longer in the file will be removed, last applied from ")
            && log.contains("on pod-1: `b`"),
        "{log}"
    );
    assert_eq!(next(&place, "a"), before);
}

#[test]
fn two_services_at_one_path_on_one_database_do_not_remove_each_others_jobs() {
    let place = place();
    write(&place, "app/jobs.toml", None, &[job("a", DAILY), job("b", DAILY)].concat());
    run(&place, "first", "app/jobs.toml");
    from_host(&place, "pod-1", &["a", "b"]);
    // The other service, at the same path in its own container.
    write(&place, "app/jobs.toml", None, &job("c", DAILY));
    let log = run(&place, "second", "app/jobs.toml");
    assert_eq!(ids(&place), ["a", "b", "c"]);
    assert!(
        log.contains("2 jobs of a jobs file at ")
            && log.contains("on the host pod-1")
            && log.contains("give it a `name`"),
        "{log}"
    );
    // With names there are no warnings.
    write(&place, "app/jobs.toml", Some("third"), &job("d", DAILY));
    write(&place, "more/jobs.toml", Some("fourth"), &job("e", DAILY));
    run(&place, "third", "app/jobs.toml");
    for (name, path) in [("fourth", "more/jobs.toml"), ("fifth", "app/jobs.toml")] {
        let log = run(&place, name, path);
        assert!(log.contains("0 removed"), "{log}");
    }
    assert!(ids(&place).ends_with(&["d".to_owned(), "e".to_owned()]));
}

#[test]
fn one_name_for_two_files_is_refused_and_nothing_is_changed() {
    let place = place();
    write(&place, "1/jobs.toml", Some("shop"), &job("a", DAILY));
    write(&place, "2/jobs.toml", Some("shop"), &job("b", DAILY));
    write(&place, "3/jobs.toml", Some("billing"), &[job("a", DAILY), job("c", DAILY)].concat());
    run(&place, "first", "1/jobs.toml");
    let before = dump(&place);
    let two = place.path("2/jobs.toml");
    let error = place.run(&["run", two.to_str().unwrap()]).failure();
    assert!(
        error.contains("another jobs file with the name `shop`") && error.contains("1/jobs.toml"),
        "{error}"
    );
    let three = place.path("3/jobs.toml");
    let error = place.run(&["run", three.to_str().unwrap()]).failure();
    for part in ["3/jobs.toml: jobs[0] \"a\"", "`shop` (", "this file has the name `billing`"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(dump(&place), before);
    // `--against-store` reports the same.
    let dry = place.run(&["validate", three.to_str().unwrap(), "--against-store", "--json"]);
    assert_eq!(dry.code(), Some(1));
    assert_eq!(dry.json()["jobs"][0]["action"], "refuse");
    // `--take-over` overrides it.
    let mut command = command(&place, "taken", two.to_str().unwrap());
    let mut running = place.spawn("taken", command.arg("--take-over"));
    running.wait_for_start();
    running.drain();
    assert_eq!(ids(&place), ["b"]);
}

#[test]
fn against_store_shows_changes_and_writes_nothing() {
    let place = place();
    let jobs = |jobs: &[String]| write(&place, "jobs.toml", None, &jobs.concat());
    jobs(&[job("come", DAILY)]);
    let dry = place.run(&["validate", "jobs.toml", "--against-store"]).success();
    assert!(dry.stdout().contains("1 to add, 0 to change"), "{}", dry.stdout());
    assert!(!place.exists("jobs.sqlite"), "a store that is not there is not made");
    jobs(&[job("keep", DAILY), job("change", DAILY), job("leave", DAILY)]);
    run(&place, "first", "jobs.toml");
    jobs(&[
        job("keep", DAILY),
        job("change", DAILY).replace("['true']", "['false']"),
        job("come", "{ type = 'date', run_date = 2090-01-01 }"),
    ]);
    let before = dump(&place);
    let dry = place.run(&["validate", "jobs.toml", "--against-store"]).success();
    let out = dry.stdout();
    let line = |id: &str| out.lines().find(|line| line.contains(id)).unwrap().to_owned();
    assert!(line("keep ").starts_with("keep"), "{out}");
    assert!(
        line("change ").contains("kwargs: {\"argv\":[\"true\"]} -> {\"argv\":[\"false\"]}"),
        "{out}"
    );
    assert!(line("come ").contains("2090-01-01 00:00:00 UTC"), "{out}");
    assert!(line("leave ").starts_with("remove"), "{out}");
    assert!(
        out.ends_with("1 to add, 1 to change, 1 to keep, 1 to remove, 0 ended, 0 refused\n"),
        "{out}"
    );
    let shown = place.run(&["validate", "jobs.toml", "--against-store", "--json"]).success().json();
    assert_eq!(shown["jobs"][1]["changes"][0]["key"], "kwargs");
    assert_eq!(shown["jobs"][0]["next_run_time"], next(&place, "keep"));
    assert_eq!(dump(&place), before);
    let log = run(&place, "second", "jobs.toml");
    assert!(log.contains("1 added, 1 changed, 1 unchanged, 1 removed"), "{log}");
    assert!(place.run(&["validate", "jobs.toml", "--json"]).stderr().contains("--against-store"));
}

#[test]
fn next_run_times_survive_restarts_with_every_trigger() {
    let place = place();
    let triggers = [
        ("date", "{ type = 'date', run_date = 2090-01-01 }"),
        ("interval", DAILY),
        ("cron", "{ type = 'cron', hour = 3 }"),
        ("calendarinterval", "{ type = 'calendarinterval', days = 2 }"),
        (
            "and",
            "{ type = 'and', triggers = [{ type = 'cron', hour = 3 }, { type = 'cron', hour = 3, day = 1 }] }",
        ),
        (
            "or",
            "{ type = 'or', triggers = [{ type = 'interval', hours = 24 }, { type = 'date', run_date = 2090-01-01 }] }",
        ),
    ];
    let all: String = triggers.iter().map(|(id, trigger)| job(id, trigger)).collect();
    write(&place, "jobs.toml", None, &all);
    run(&place, "first", "jobs.toml");
    let times = || triggers.map(|(id, _)| next(&place, id));
    let before = times();
    assert!(before.iter().all(Value::is_string), "{before:?}");
    let unchanged = |name: &str, path: &str| {
        let log = run(&place, name, path);
        assert!(log.contains("0 added, 0 changed, 6 unchanged, 0 removed"), "{log}");
        assert_eq!(times(), before, "{name}");
    };
    unchanged("again", "jobs.toml");
    let reversed: Vec<String> =
        triggers.iter().rev().map(|(id, trigger)| job(id, trigger)).collect();
    write(&place, "jobs.toml", None, &reversed.join("# the same in another order\n"));
    unchanged("comments", "jobs.toml");
    write(&place, "moved/jobs.toml", None, &all);
    unchanged("path", "moved/jobs.toml");
    from_host(&place, "pod-1", &triggers.map(|(id, _)| id));
    unchanged("host", "moved/jobs.toml");
    write(&place, "moved/jobs.toml", Some("shop"), &all);
    unchanged("name", "moved/jobs.toml");
}

#[test]
fn stores_in_memory_can_not_be_changed() {
    let place = Place::new();
    place.write(
        "jobs.toml",
        "[jobstores.db]\ntype = 'sqlite'\nurl = 'sqlite:///jobs.sqlite'\n\
         [jobstores.fast]\ntype = 'memory'\n[jobstores.brief]\ntype = 'sqlite'\npath = ':memory:'\n",
    );
    let add = [
        "add",
        "--id",
        "hi",
        "--func",
        "command",
        "--kwargs",
        r#"{"argv": ["true"]}"#,
        "--cron",
        "0 0 1 1 *",
    ];
    place.jobs(&[&add[..], &["--jobstore", "db"]].concat()).success();
    place.jobs(&["export", "jobs.json", "--jobstore", "db"]).success();
    for store in [None, Some("fast"), Some("brief"), Some("default")] {
        let with = |args: &[&str]| {
            let store = store.map(|store| vec!["--jobstore", store]).unwrap_or_default();
            place.jobs(&[args, &store].concat())
        };
        let mut refused = vec![with(&add), with(&["import", "jobs.json"])];
        if store.is_some() {
            refused
                .extend(["pause", "resume", "run", "remove"].map(|command| with(&[command, "hi"])));
            refused.push(with(&["modify", "hi", "--name", "x"]));
        }
        for refused in refused {
            let error = refused.failure();
            for part in ["changes would be lost when this command ends", "`--jobstore db`"] {
                assert!(error.contains(part), "{store:?}: {error}");
            }
        }
    }
    // Without `--jobstore`, commands find the job in its store.
    place.jobs(&["pause", "hi"]).success();
    assert_eq!(place.list().len(), 1);
    // `validate` warns of jobs that will be lost.
    let config = fs::read_to_string(place.path("jobs.toml")).unwrap();
    place.write("jobs.toml", &format!("{config}{}", job("a", DAILY)));
    let warned = place.run(&["validate", "jobs.toml"]).success().stderr();
    assert!(warned.contains("1 job without a `jobstore` is kept in memory"), "{warned}");
}
