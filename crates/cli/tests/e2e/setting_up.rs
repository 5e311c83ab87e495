//! `apscheduler init`, `completions` and `man`.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::Place;

#[test]
fn the_starter_file_is_valid_and_runs() {
    let place = Place::new();
    let wrote = place.run(&["init"]).success().stdout();
    assert_eq!(wrote, "wrote jobs.toml; run it with `apscheduler run jobs.toml`\n");
    let valid = place.run(&["validate", "jobs.toml"]).success();
    assert!(valid.stdout().starts_with("ok: 1 job; job stores: default; "), "{}", valid.stdout());
    assert_eq!(valid.stderr(), "");
    let mut running = place.start("run");
    running.wait_for_start();
    place.jobs(&["run", "hello"]).success();
    running.wait_for_job("JOB_EXECUTED", "hello");
    running.drain();
    assert!(running.log().contains("hello from apscheduler"));
}

#[test]
fn what_is_commented_out_is_valid_too() {
    let place = Place::new();
    place.run(&["init"]).success();
    let text = fs::read_to_string(place.path("jobs.toml")).unwrap();
    // Code has a bracket, or a key before a `=`.
    let is_code = |line: &str| {
        let key = line.split_once(" = ").map_or(line, |(key, _)| key);
        line.starts_with('[')
            || (line != key && key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if is_code(code) => format!("{code}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    place.write("jobs.toml", &all);
    let valid = place.run(&["validate", "jobs.toml"]).success().stdout();
    assert_eq!(
        valid,
        "ok: 4 jobs; job stores: default; executors: default; time zone: Europe/Helsinki\n"
    );
}

#[test]
fn an_existing_file_is_overwritten_only_by_force() {
    let place = Place::new();
    place.write("mine.toml", "# mine\n");
    let error = place.run(&["init", "mine.toml"]).failure();
    assert!(error.contains("the file `mine.toml` exists; use `--force`"), "{error}");
    assert_eq!(fs::read_to_string(place.path("mine.toml")).unwrap(), "# mine\n");
    place.run(&["init", "mine.toml", "--force"]).success();
    let text = fs::read_to_string(place.path("mine.toml")).unwrap();
    assert!(text.contains("apscheduler run mine.toml"), "it names the file: {text}");
    let error = place.run(&["init", "jobs.yaml"]).failure();
    assert!(
        error.contains("is TOML, so its name has to end with `.toml`; found `jobs.yaml`"),
        "{error}"
    );
    let error = place.run(&["init", "no/folder.toml"]).failure();
    assert!(error.contains("can't write the file `no/folder.toml`"), "{error}");
}

#[test]
fn shells_understand_their_completions() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).success().stdout();
        assert!(script.contains("backfill") && script.contains("take-over"), "{shell}: {script}");
        place.write(shell, &script);
    }
    let checked = Command::new("bash").arg("-n").arg(place.path("bash")).status().unwrap();
    assert!(checked.success());
    assert_eq!(place.run(&["completions", "tcsh"]).code(), Some(2));
    // A reader that closes early, such as `head`, is no error.
    let mut child = place.command(&["completions", "zsh"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let place = Place::new();
    let page = place.run(&["man"]).success().stdout();
    for part in [".TH apscheduler 1", "Exit status:", "apscheduler\\-run(1)"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    place.run(&["man", "--dir", "share/man1"]).success();
    for page in ["apscheduler.1", "apscheduler-run.1", "apscheduler-jobs-backfill.1"] {
        let text = fs::read_to_string(place.path("share/man1").join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
}

#[test]
fn exit_statuses_are_as_documented() {
    let place = Place::with_jobs("");
    let help = place.run(&["--help"]).success().stdout();
    for documented in
        ["0           success", "1           failure", "2           wrong usage", "128 + N"]
    {
        assert!(help.contains(documented), "{help}");
    }
    let code = |args: &[&str]| place.run(args).code();
    assert_eq!(code(&["jobs", "--config", "jobs.toml", "list"]), Some(0));
    assert_eq!(code(&["jobs", "--config", "jobs.toml", "pause", "nobody"]), Some(1));
    assert_eq!(code(&["validate", "no.toml"]), Some(1));
    assert_eq!(code(&["jobs", "frobnicate"]), Some(2));
    assert_eq!(code(&["run"]), Some(2), "the file is missing");
    assert_eq!(code(&["next", "--cron", "* * * * *", "--count", "many"]), Some(2));
    // One of several has failed.
    let job = ["jobs", "--config", "jobs.toml", "add", "--id", "a", "--func", "log"];
    place
        .run(&[&job[..], &["--kwargs", r#"{"message": "x"}"#, "--cron", "0 0 1 1 *"]].concat())
        .success();
    assert_eq!(code(&["jobs", "--config", "jobs.toml", "pause", "a", "nobody"]), Some(1));
    let status: Value = place.show("a")["status"].clone();
    assert_eq!(status, "paused", "the other one was paused");
}
