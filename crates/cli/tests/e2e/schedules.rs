//! Warnings about schedules that never fire, and errors about invalid ones.

use std::process::Stdio;

use crate::program::{Place, wait_for};

const NEVER: &str = "[[jobs]]\nid = 'a'\nfunc = 'log'\nkwargs.message = 'x'\ntrigger = { type = 'cron', crontab = '0 0 31 2 *' }\n";
const APART: &str = "[[jobs]]\nid = 'b'\nfunc = 'log'\nkwargs.message = 'x'\n\
    trigger = { type = 'and', triggers = [{ type = 'interval', hours = 2 }, { type = 'cron', day_of_week = 'sat,sun' }] }\n";

#[test]
fn validate_and_run_warn_of_schedules_that_never_fire() {
    let place = Place::with_jobs(&format!("{NEVER}{APART}"));
    let checked = place.run(&["validate", "jobs.toml"]).success();
    assert!(checked.stdout().starts_with("ok: 2 jobs"), "{}", checked.stdout());
    let warnings = checked.stderr();
    for expected in [
        "warning: jobs.toml: jobs[0] \"a\": cron[month='2', day='31', ",
        "never fires: nothing in the calendar matches all of month='2', day='31'",
        "warning: jobs.toml: jobs[1] \"b\": and[interval[2:00:00], cron[day_of_week='sat,sun']] never fires: ",
        "interval[2:00:00] needs a `start_date` at which the others fire",
    ] {
        assert!(warnings.contains(expected), "{expected}: {warnings}");
    }
    let mut running = place.start("run");
    running.wait_for_start();
    running.wait_for_log("jobs[0] \"a\": cron[");
    running.wait_for_log("needs a `start_date`");
    running.drain();
}

#[test]
fn validate_warns_of_schedules_that_have_ended() {
    let place = Place::with_jobs(
        "[[jobs]]\nid = 'a'\nfunc = 'log'\nkwargs.message = 'x'\ntrigger = { type = 'date', run_date = 2020-01-01 }\n",
    );
    let warnings = place.run(&["validate", "jobs.toml"]).success().stderr();
    assert!(warnings.contains("date[2020-01-01 00:00:00 UTC] has ended"), "{warnings}");
}

#[test]
fn add_and_modify_warn_of_schedules_that_never_fire() {
    let place = Place::with_jobs("");
    let args = ["add", "--id", "a", "--func", "log", "--kwargs", "{\"message\": \"x\"}", "--cron"];
    let added = place.jobs(&[&args[..], &["0 0 31 2 *"]].concat()).success();
    assert!(added.stderr().contains("never fires: nothing in the calendar"), "{}", added.stderr());
    let modified = place.jobs(&["modify", "a", "--cron", "0 0 30 2 *"]).success();
    assert!(modified.stderr().contains("day='30'"), "{}", modified.stderr());
    let modified = place.jobs(&["modify", "a", "--cron", "0 0 28 2 *"]).success();
    assert_eq!(modified.stderr(), "");
    let next = place.run(&["next", "--cron", "0 0 31 2 *"]).success();
    assert!(next.stderr().contains("never fires"), "{}", next.stderr());
}

#[test]
fn run_before_the_date_keeps_the_date() {
    let place = Place::with_jobs("");
    let date = r#"{"type": "date", "run_date": "2098-01-01"}"#;
    let args = [
        "add",
        "--id",
        "a",
        "--func",
        "log",
        "--kwargs",
        "{\"message\": \"x\"}",
        "--trigger",
        date,
    ];
    place.jobs(&args).success();
    let mut running = place.start("run");
    running.wait_for_start();
    place.jobs(&["run", "a"]).success();
    running.wait_for_job("JOB_EXECUTED", "a");
    running.drain();
    assert_eq!(place.show("a")["next_run_time"], "2098-01-01T00:00:00+00:00");
}

#[test]
fn errors_about_triggers_show_the_correct_form() {
    let place = Place::new();
    let job =
        |rest: &str| format!("[[jobs]]\nid = 'a'\nfunc = 'log'\nkwargs.message = 'x'\n{rest}\n");
    let cases = [
        (
            job("trigger = '*/5 * * * *'"),
            "is a crontab line, not the name of a trigger; expected a table with `type` \"cron\"",
        ),
        (job("trigger = { type = 'cron', weekday = 'mon' }"), "did you mean `day_of_week`?"),
        (job("trigger = { type = 'cron', crontab = '0 0 * * 7' }"), "Sunday is `sun`"),
        (
            job("trigger = 'cron'\nhour = 3"),
            "`hour` is an option of the trigger; move it into the table `trigger`, beside `type = \"cron\"`",
        ),
        (
            job("minutes = 3"),
            "`minutes` is an option of a trigger; move it into a table `trigger` with a `type`, such as \"interval\"",
        ),
        (job("triger = 'cron'"), "did you mean `trigger`?"),
        (
            job("trigger = { type = 'interval', seconds = 1e308 }"),
            "seconds: 1e308 is too long a time",
        ),
        (
            job("trigger = { type = 'cron', hour = '99999999999999999999' }"),
            "the last value (99999999999999999999)",
        ),
        (job("max_instances = 99999999999999999999"), "99999999999999999999"),
    ];
    for (text, expected) in cases {
        place.write("jobs.toml", &text);
        let error = place.run(&["validate", "jobs.toml"]).failure();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.len() < 500, "{error}");
    }
}

#[test]
fn errors_quote_yaml_and_json_values_as_written() {
    let place = Place::new();
    let yaml = |value: &str| {
        format!(
            "jobs:\n- id: a\n  func: log\n  kwargs: {{message: x}}\n  trigger: {{type: cron}}\n  max_instances: {value}\n"
        )
    };
    let json = r#"{"jobs": [{"id": "a", "func": "log", "kwargs": {"message": "x"}, "max_instances": 99999999999999999999}]}"#;
    let cases = [
        (
            "jobs.yaml",
            yaml("*/5"),
            "in YAML, text that begins with `*` or `&` needs quotes, such as \"*/5\"",
        ),
        (
            "jobs.yaml",
            "jobs:\n- {id: a, trigger: {type: cron, minute: */5}}\n".to_owned(),
            "needs quotes, such as",
        ),
        (
            "jobs.yaml",
            "jobs:\n- {id: a, trigger: {type: cron, minute: *}}\n".to_owned(),
            "needs quotes, such as",
        ),
        ("jobs.yaml", yaml("99999999999999999999"), "99999999999999999999"),
        ("jobs.json", json.to_owned(), "the number 99999999999999999999 is too large"),
    ];
    for (name, text, expected) in cases {
        place.write(name, &text);
        let error = place.run(&["validate", name]).failure();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let trigger = r#"{"type": "calendarinterval", "days": 99999999999999999999}"#;
    let error = place.run(&["next", "--trigger", trigger]).failure();
    assert!(error.contains("the number 99999999999999999999 is too large"), "{error}");
}

#[test]
fn rejects_a_count_of_zero() {
    let usage = Place::new().run(&["next", "--cron", "* * * * *", "--count", "0"]);
    assert_eq!(usage.code(), Some(2));
    assert!(usage.stderr().contains("--count"), "{}", usage.stderr());
}

/// Fifty million fire times would take minutes and gigabytes, but the first ones are printed at once.
#[test]
fn prints_fire_times_as_they_are_computed() {
    for json in [false, true] {
        let place = Place::new();
        let mut command = place.command(&["next", "--cron", "* * * * *", "--count", "50000000"]);
        if json {
            command.arg("--json");
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut start = [0; 4096];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut start).unwrap();
        // The program ends when its reader closes the pipe.
        drop(child.stdout.take());
        let status = wait_for("the end of the program", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}
