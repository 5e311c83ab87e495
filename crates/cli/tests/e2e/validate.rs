//! `apscheduler validate`.

use crate::program::Place;

const GOOD: &str = "[[jobs]]\nid = 'a'\nfunc = 'command'\nkwargs.argv = ['true']\ntrigger = { type = 'cron', hour = 3 }\n";

#[test]
fn accepts_every_format_without_starting_anything() {
    let place = Place::with_jobs(GOOD);
    assert_eq!(
        place.run(&["validate", "jobs.toml"]).success().stdout(),
        "ok: 1 job; job stores: default; executors: default (thread pool); time zone: UTC\n"
    );
    place.write(
        "jobs.yaml",
        "timezone: UTC\njobstores:\n  default: {type: sqlite, url: 'sqlite:///jobs.sqlite'}\njobs:\n\
         - id: a\n  func: command\n  kwargs: {argv: ['true']}\n  trigger: {type: cron, hour: 3}\n",
    );
    place.run(&["validate", "jobs.yaml"]).success();
    place.write(
        "jobs.json",
        r#"{"apscheduler.timezone": "UTC", "apscheduler.jobstores.default": {"type": "sqlite", "url": "sqlite:///jobs.sqlite"},
            "jobs": [{"id": "a", "func": "command", "kwargs": {"argv": ["true"]}, "trigger": "cron"}]}"#,
    );
    place.run(&["validate", "jobs.json"]).success();
    assert!(!place.exists("jobs.sqlite"));
}

#[test]
fn accepts_the_example() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/jobs.toml");
    let place = Place::new();
    assert!(place.run(&["validate", example]).success().stdout().starts_with("ok: "));
}

#[test]
fn errors_name_the_file_and_the_key() {
    let place = Place::new();
    let job = |rest: &str| format!("[[jobs]]\nid = 'b'\nfunc = 'command'\n{rest}\n");
    let argv = "kwargs.argv = ['true']\n";
    let cases = [
        // Misspelt keys.
        (
            "timezon = 'UTC'".to_owned(),
            "unknown key `timezon`; did you mean `timezone`? known keys: ",
        ),
        (
            "[job_defaults]\ncoalese = true".to_owned(),
            "job_defaults: unknown option `coalese`; did you mean `coalesce`?",
        ),
        (
            "[executors.default]\ntype = 'threadpool'\nmax_worker = 1".to_owned(),
            "executors.default: executor `threadpool`: unknown option `max_worker`; did you mean `max_workers`?",
        ),
        (
            job(&format!("{argv}triger = 'cron'")),
            "jobs[0] \"b\": unknown option `triger`; did you mean `trigger`?",
        ),
        (
            job("kwargs.argvs = ['true']"),
            "jobs[0] \"b\": kwargs: function `command`: unknown option `argvs`; did you mean `argv`?",
        ),
        // Unknown plugins.
        (
            "[jobstores.default]\ntype = 'sqlit'".to_owned(),
            "jobstores.default: unknown job store `sqlit`; did you mean `sqlite`?",
        ),
        (
            "[executors.default]\ntype = 'threadpol'".to_owned(),
            "executors.default: unknown executor `threadpol`; did you mean `threadpool`?",
        ),
        (
            job(&format!("{argv}trigger = 'corn'")),
            "jobs[0] \"b\": trigger: unknown trigger `corn`; did you mean `cron`?",
        ),
        // Wrong types.
        (
            "jobstore_retry_interval = 'soon'".to_owned(),
            "jobstore_retry_interval: expected a number of seconds, or text such as \"5s\" or \"1h 30m\", found text \"soon\"",
        ),
        (
            "[executors.default]\ntype = 'threadpool'\nmax_workers = 'many'".to_owned(),
            "executors.default: executor `threadpool`: max_workers: expected a whole number, found text \"many\"",
        ),
        ("jobs = 5".to_owned(), "jobs: expected a list of tables"),
        (
            job(&format!("{argv}max_instances = 'two'")),
            "jobs[0] \"b\": max_instances: expected a whole number",
        ),
        (
            job("kwargs.argv = 'true'"),
            "jobs[0] \"b\": kwargs: function `command`: argv: expected a list",
        ),
        // Bad zones and fields.
        (
            "timezone = 'Europe/Helsinky'".to_owned(),
            "timezone: unknown time zone `Europe/Helsinky`; did you mean `Europe/Helsinki`?",
        ),
        (
            job(&format!("{argv}trigger = {{ type = 'cron', timezone = 'Mars/Olympus' }}")),
            "unknown time zone `Mars/Olympus`",
        ),
        (
            job(&format!("{argv}trigger = {{ type = 'cron', minute = '61' }}")),
            "jobs[0] \"b\": trigger `cron`: minute: ",
        ),
        (
            job(&format!("{argv}trigger = {{ type = 'cron', crontab = '* * *' }}")),
            "jobs[0] \"b\": trigger `cron`: ",
        ),
        // Two jobs with one id.
        (format!("{GOOD}{GOOD}"), "jobs[1] \"a\": jobs[0] has the same id in the same job store"),
        // Functions, aliases and variables that are not there.
        (
            "[[jobs]]\nid = 'b'\nfunc = 'comand'".to_owned(),
            "jobs[0] \"b\": func: no function is registered as `comand`; did you mean `command`?",
        ),
        (
            job(&format!("{argv}jobstore = 'archive'")),
            "jobs[0] \"b\": jobstore: unknown alias `archive`; job stores of this file: default",
        ),
        (
            job("kwargs.argv = ['${NO_SUCH_VARIABLE}']"),
            "jobs[0].kwargs.argv[0]: the environment variable `NO_SUCH_VARIABLE` is not set",
        ),
        // The text itself.
        ("[[jobs]]\nid = 'b\n".to_owned(), "line 2, column 8: "),
    ];
    for (text, expected) in cases {
        place.write("jobs.toml", &text);
        let error = place.run(&["validate", "jobs.toml"]).failure();
        assert!(error.starts_with("error: jobs.toml: "), "{error}");
        assert!(error.contains(expected), "expected {expected}\n{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        // `run` says the same, and does not start.
        if expected.contains("did you mean") {
            assert!(place.run(&["run", "jobs.toml"]).failure().contains(expected));
        }
    }
}

#[test]
fn reports_all_errors_in_jobs() {
    let place = Place::new();
    place.write(
        "jobs.toml",
        &format!("[[jobs]]\nid = 'x'\nfunc = 'nope'\n{GOOD}[[jobs]]\nid = 'y'\nfunc = 'command'\n"),
    );
    let error = place.run(&["validate", "jobs.toml"]).failure();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    assert!(lines[0].contains("jobs[0] \"x\"") && lines[1].contains("jobs[2] \"y\""), "{error}");
}

#[test]
fn errors_name_unreadable_files() {
    let place = Place::new();
    place.write("jobs.ini", "");
    assert!(
        place
            .run(&["validate", "jobs.ini"])
            .failure()
            .contains("jobs.ini: unknown extension `.ini`; expected `.toml`")
    );
    let error = place.run(&["validate", "none.toml"]).failure();
    assert!(
        error.contains("can't read the file `none.toml`\n  caused by: No such file"),
        "{error}"
    );
    assert_eq!(place.run(&["validate"]).code(), Some(2));
}
