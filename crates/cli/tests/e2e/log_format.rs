//! `--log-format json`.

use serde_json::Value;

use crate::program::Place;

fn lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    text.lines().map(parse).collect()
}

const TALKS: &str = "[[jobs]]\nid = 'talks'\nfunc = 'command'\nmisfire_grace_time = 'none'\n\
    kwargs.shell = 'echo one; echo two >&2; exit 3'\n";

#[test]
fn every_line_of_run_is_json_also_those_of_worker_processes() {
    for executor in ["threadpool", "processpool"] {
        let place = Place::with_jobs(&format!("[executors.default]\ntype = '{executor}'\n{TALKS}"));
        let args = ["run", "jobs.toml", "--events", "run.jsonl", "--log-format", "json"];
        let mut running = place.spawn("run", &mut place.command(&args));
        running.wait_for_job("JOB_ERROR", "talks");
        running.drain();
        let lines = lines(&running.log());
        for line in &lines {
            let mut keys: Vec<&String> = line.as_object().unwrap().keys().collect();
            keys.sort();
            assert_eq!(keys, ["fields", "level", "message", "target", "time"]);
        }
        let output = lines.iter().find(|line| line["message"] == "one").unwrap();
        assert_eq!(output["target"], "apscheduler::command");
        assert_eq!(output["fields"]["job_id"], "talks");
        assert_eq!(output["fields"]["stream"], "stdout");
        assert!(lines.iter().any(|line| line["level"] == "ERROR"), "{lines:?}");
    }
}

#[test]
fn errors_and_warnings_of_commands_are_json_too() {
    let place = Place::with_jobs("[[jobs]]\nid = 'a'\nfunc = 'lag'\n");
    let mut command = place.command(&["validate", "jobs.toml"]);
    let output = command.env("APSCHEDULER_LOG_FORMAT", "json").output().unwrap();
    let errors = lines(std::str::from_utf8(&output.stderr).unwrap());
    assert_eq!((errors.len(), &errors[0]["level"]), (1, &Value::from("ERROR")));
    let message = errors[0]["message"].as_str().unwrap();
    assert!(message.starts_with("jobs.toml: jobs[0] \"a\": func: "), "{message}");
    let error = place.run(&["validate", "no.toml", "--log-format", "json"]).failure();
    let error = &lines(&error)[0];
    assert_eq!(error["message"], "can't read the file `no.toml`");
    assert!(error["fields"]["causes"][0].as_str().unwrap().contains("No such file"), "{error}");
    let error = place.run(&["validate", "no.toml", "--log-format", "xml"]);
    assert_eq!(error.code(), Some(2));
    assert!(error.stderr().contains("possible values: text, json"), "{}", error.stderr());
}
