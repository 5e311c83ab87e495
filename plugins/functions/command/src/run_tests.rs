use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::*;

fn labels() -> RunLabels {
    RunLabels {
        job_id: "backup".into(),
        job_name: "nightly backup".into(),
        jobstore: "default".into(),
        scheduled_run_time: "2027-01-01T03:00:00+00:00".into(),
        run_id: new_run_id(),
        fence: Fence::new(7, 2),
    }
}

fn new_run_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("test{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))
}

fn run_json(kwargs: Value) -> JobResult {
    run_until(&CancellationToken::new(), kwargs)
}

fn run_until(token: &CancellationToken, kwargs: Value) -> JobResult {
    run(&labels(), &serde_json::from_value(kwargs).unwrap(), token)
}

fn message(kwargs: Value) -> String {
    run_json(kwargs).unwrap_err().to_string()
}

/// Whether a process is running. A zombie is not.
fn runs(pid_file: &Path) -> bool {
    let pid = fs::read_to_string(pid_file).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

#[test]
fn returns_status_and_duration() {
    let value = run_json(json!({"argv": ["true"]})).unwrap();
    assert_eq!(value["status"], 0);
    assert!(value["duration"].as_f64().unwrap() >= 0.0);
    assert_eq!(value.get("output"), None);
}

#[test]
fn returns_the_end_of_the_output() {
    let value = run_json(json!({"shell": "echo one; echo two; echo; echo three >&2"})).unwrap();
    let mut lines: Vec<&str> = value["output"].as_str().unwrap().lines().collect();
    // Each stream is in order. How the two are mixed depends on when they are read.
    lines.retain(|line| *line != "three");
    assert_eq!(lines.join("\n").trim_end(), "one\ntwo");
    assert!(value["output"].as_str().unwrap().contains("three"));
    let value = run_json(json!({"shell": "seq 1 100000"})).unwrap();
    let output = value["output"].as_str().unwrap();
    assert!(output.ends_with("\n99999\n100000"));
    assert!(output.len() > 16_000 && output.len() <= 16 * 1024, "{}", output.len());
}

#[test]
fn argv_is_passed_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    run_json(json!({
        "argv": ["sh", "-c", "printf '%s|' \"$@\" > out", "sh", "a b", "$HOME", ";"],
        "cwd": directory.path(),
    }))
    .unwrap();
    let written = fs::read_to_string(directory.path().join("out")).unwrap();
    assert_eq!(written, "a b|$HOME|;|");
}

#[test]
fn the_environment_has_the_job_and_the_given_variables() {
    let directory = tempfile::tempdir().unwrap();
    run_json(json!({
        "shell": "echo \"$APSCHEDULER_JOB_ID,$APSCHEDULER_JOB_NAME,$APSCHEDULER_JOBSTORE,\
                  $APSCHEDULER_SCHEDULED_RUN_TIME,$GREETING,$PORT,${PATH:+path}\" > out",
        "cwd": directory.path(),
        "env": {"GREETING": "hello", "PORT": 8080},
    }))
    .unwrap();
    assert_eq!(
        fs::read_to_string(directory.path().join("out")).unwrap(),
        "backup,nightly backup,default,2027-01-01T03:00:00+00:00,hello,8080,path\n"
    );
}

#[test]
fn standard_input_is_empty() {
    run_json(json!({"argv": ["cat"]})).unwrap();
}

#[test]
fn a_nonzero_status_is_an_error_with_the_end_of_standard_error() {
    let error =
        run_json(json!({"shell": "echo out; echo first >&2; echo 'disk full' >&2; exit 3"}))
            .unwrap_err();
    assert_eq!(error.message(), "/bin/sh exited with status 3: disk full");
    assert_eq!(error.trace(), Some("the end of its standard error:\nfirst\ndisk full"));
    assert_eq!(message(json!({"argv": ["false"]})), "false exited with status 1");
}

#[test]
fn a_signal_is_an_error() {
    assert_eq!(message(json!({"shell": "kill -9 $$"})), "/bin/sh was ended by signal 9");
}

#[test]
fn names_missing_programs_and_directories() {
    assert_eq!(
        message(json!({"argv": ["no-such-program-here", "-x"]})),
        "can't run no-such-program-here: program not found"
    );
    assert_eq!(
        message(json!({"argv": ["true"], "cwd": "/no/such/directory"})),
        "can't run true: cwd: the directory `/no/such/directory` does not exist"
    );
    let error = message(json!({"argv": ["/etc/passwd"]}));
    assert!(error.starts_with("can't run /etc/passwd: Permission denied"), "{error}");
}

#[test]
fn a_timeout_sends_term_to_the_group() {
    let directory = tempfile::tempdir().unwrap();
    let error = message(json!({
        "shell": "sleep 60 & echo $! > grandchild; wait",
        "cwd": directory.path(),
        "timeout": 1,
        "kill_after": 60,
    }));
    assert_eq!(error, "/bin/sh took longer than 1 s and was ended by TERM");
    assert!(!runs(&directory.path().join("grandchild")));
}

#[test]
fn a_program_that_ignores_term_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let error = message(json!({
        "shell": "trap '' TERM; echo $$ > child; echo stubborn >&2; while :; do sleep 60; done",
        "cwd": directory.path(),
        "timeout": 1,
        "kill_after": 0.2,
    }));
    assert_eq!(error, "/bin/sh took longer than 1 s and was ended by KILL: stubborn");
    assert!(!runs(&directory.path().join("child")));
}

#[test]
fn a_grandchild_that_ignores_term_is_killed_with_the_group() {
    let directory = tempfile::tempdir().unwrap();
    // The leader exits at once. Its child does not, and holds no pipe.
    let error = message(json!({
        "shell": "(trap '' TERM; while :; do sleep 60; done) >/dev/null 2>&1 & echo $! > grandchild; wait",
        "cwd": directory.path(),
        "timeout": 1,
        "kill_after": 0.3,
    }));
    assert_eq!(error, "/bin/sh took longer than 1 s and was ended by TERM");
    let grandchild = directory.path().join("grandchild");
    let patience = Instant::now() + Duration::from_secs(10);
    while runs(&grandchild) {
        assert!(Instant::now() < patience, "the grandchild lives");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_background_process_does_not_delay_the_job() {
    let begun = Instant::now();
    run_json(json!({"shell": "sleep 30 & exit 0"})).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn large_output_does_not_block() {
    let error =
        run_json(json!({"shell": "yes | head -c 1000000; yes e | head -c 1000000 >&2; exit 1"}))
            .unwrap_err();
    assert!(error.trace().unwrap().len() < 5000);
}

/// Runs a program and cancels it after it has created `file`.
fn cancelled_after(file: &Path, kwargs: Value) -> JobResult {
    let token = CancellationToken::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let patience = Instant::now() + Duration::from_secs(30);
            while !file.exists() && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(5));
            }
            token.cancel();
        });
        run_until(&token, kwargs)
    })
}

#[test]
fn a_cancelled_run_ends_its_program_and_is_an_error_whatever_its_status() {
    let directory = tempfile::tempdir().unwrap();
    let error = cancelled_after(
        &directory.path().join("began"),
        json!({
            "shell": "trap 'exit 0' TERM; echo >began; while :; do sleep 0.01; done",
            "cwd": directory.path(),
            "kill_after": 600,
        }),
    );
    let error = error.unwrap_err().to_string();
    // The shell may add a message of its own.
    assert!(error.starts_with("/bin/sh was cancelled and ended by TERM"), "{error}");
}

#[test]
fn a_cancelled_run_kills_a_program_that_ignores_term() {
    let directory = tempfile::tempdir().unwrap();
    let error = cancelled_after(
        &directory.path().join("began"),
        json!({
            "shell": "trap '' TERM; echo $$ >child; echo >began; while :; do sleep 600; done",
            "cwd": directory.path(),
            "kill_after": 0.2,
        }),
    );
    assert_eq!(error.unwrap_err().to_string(), "/bin/sh was cancelled and ended by KILL");
    assert!(!runs(&directory.path().join("child")));
}

#[test]
fn nothing_is_started_for_a_cancelled_run() {
    let token = CancellationToken::new();
    token.cancel();
    let error = run_until(&token, json!({"argv": ["true"]})).unwrap_err();
    assert_eq!(error.to_string(), "true was cancelled before it started");
}

#[test]
#[cfg(target_os = "linux")]
fn a_timeout_ends_daemons_too() {
    let directory = tempfile::tempdir().unwrap();
    let error = message(json!({
        "shell": "setsid sh -c 'sleep 600 >/dev/null 2>&1 & echo $! >daemon' & \
                  until [ -s daemon ]; do sleep 0.01; done; sleep 600",
        "cwd": directory.path(),
        "timeout": 3,
        "kill_after": 600,
    }));
    assert_eq!(error, "/bin/sh took longer than 3 s and was ended by TERM");
    assert!(!runs(&directory.path().join("daemon")));
}

#[test]
fn explains_scripts_that_can_not_be_executed() {
    let directory = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let crlf = script("crlf", "#!/bin/sh\r\nexit 0\r\n");
    let by_env = script("by-env", "#!/usr/bin/env sh\r\nexit 0\r\n");
    let gone = script("gone", "#!/opt/no/python3 -u\n");
    let carriage_return = "ends with a carriage return (CRLF)";
    let interpreter = "the interpreter `/opt/no/python3` of";
    let relative = json!({"argv": ["./gone"], "cwd": directory.path()});
    let in_path = json!({"argv": ["gone"], "env": {"PATH": directory.path()}});
    for (kwargs, expected) in [
        (json!({"argv": [crlf]}), carriage_return),
        (json!({"argv": [by_env]}), carriage_return),
        (json!({"shell": by_env.to_string_lossy()}), carriage_return),
        (json!({"shell": format!("{} -x", gone.display())}), interpreter),
        (json!({"argv": [gone]}), interpreter),
        (relative, interpreter),
        (in_path, interpreter),
    ] {
        let error = message(kwargs.clone());
        assert!(error.contains(expected), "{kwargs}: {error}");
        assert!(!error.contains("program not found"), "{error}");
    }
}

#[test]
fn output_is_appended_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let script = json!({
        "shell": "echo to stdout; echo to stderr >&2",
        "cwd": folder.path(), "stdout": "out.log", "stderr": place("err.log"), "umask": "077",
    });
    for times in 1..=2 {
        let value = run_json(script.clone()).unwrap();
        assert_eq!(value.get("output"), None, "it is in the files");
        assert_eq!(fs::read_to_string(place("out.log")).unwrap(), "to stdout\n".repeat(times));
        assert_eq!(fs::read_to_string(place("err.log")).unwrap(), "to stderr\n".repeat(times));
    }
    assert_eq!(fs::metadata(place("out.log")).unwrap().permissions().mode() & 0o777, 0o600);
    // Rotation: the file is moved away, and the next run makes a new one.
    fs::rename(place("out.log"), place("out.log.1")).unwrap();
    run_json(script).unwrap();
    assert_eq!(fs::read_to_string(place("out.log")).unwrap(), "to stdout\n");
    // Both in one file, and one of the two.
    let one =
        json!({"shell": "echo a; echo b >&2", "stdout": place("one"), "stderr": place("one")});
    run_json(one).unwrap();
    assert_eq!(fs::read_to_string(place("one")).unwrap(), "a\nb\n");
    let value = run_json(json!({"shell": "echo a; echo b >&2", "stderr": place("two")})).unwrap();
    assert_eq!(value["output"], "a");
    let error = message(json!({"argv": ["true"], "stdout": place("no/such/folder")}));
    assert!(error.starts_with("can't run true: stdout: can't append to the file `"), "{error}");
    assert!(error.ends_with("No such file or directory (os error 2)"), "{error}");
}

#[test]
fn the_umask_is_that_of_the_program_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mask = |kwargs: Value| run_json(kwargs).unwrap()["output"].clone();
    assert_eq!(mask(json!({"shell": "umask", "umask": "0027"})), "0027");
    let argv = json!({"argv": ["sh", "-c", "umask; echo \"$1\"", "sh", "a b"], "umask": "070"});
    assert_eq!(mask(argv), "0070\na b");
    let file = folder.path().join("file");
    run_json(json!({"argv": ["touch", &file], "umask": "077"})).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_ne!(mask(json!({"shell": "umask"})), "0070");
    let error = message(json!({"argv": ["no-such-program"], "umask": "077"}));
    assert!(error.starts_with("no-such-program exited with status 127"), "{error}");
    assert_eq!(message(json!({"shell": "exit 3", "umask": "077"})), "/bin/sh exited with status 3");
}

#[test]
fn niceness_is_that_of_everything_that_the_program_starts() {
    let own = rustix::process::getpriority_process(None).unwrap();
    let wanted = (own + 5).min(19);
    // The program waits until it has been set: a shell of its own asks then.
    let shell = format!("until [ \"$(nice)\" = {wanted} ]; do sleep 0.01; done; sh -c 'nice'");
    let value = run_json(json!({"shell": shell, "nice": wanted, "timeout": 10})).unwrap();
    assert_eq!(value["output"], wanted.to_string());
}

#[test]
fn another_user_needs_the_right_to_change_it() {
    let check = |user: &str| {
        let kwargs = json!({"shell": "true", "user": user});
        serde_json::from_value::<CommandOptions>(kwargs).map_err(|error| error.to_string())
    };
    let error = check("no-such-user").unwrap_err();
    assert!(error.contains("user: this system has no user `no-such-user`"), "{error}");
    let own = rustix::process::geteuid();
    assert!(check(&own.as_raw().to_string()).is_ok(), "that of this process, by its number");
    if own.is_root() {
        let shell = "id -un; echo $HOME $USER $LOGNAME; id -G";
        let value = run_json(json!({"shell": shell, "user": "nobody", "env": {"LOGNAME": "x"}}));
        let value = value.unwrap();
        let lines: Vec<&str> = value["output"].as_str().unwrap().lines().collect();
        assert_eq!(lines[0], "nobody");
        assert!(lines[1].ends_with(" nobody x"), "the variables of the job win: {lines:?}");
        assert_eq!(lines[2].split(' ').count(), 1, "the groups of root are gone: {lines:?}");
    } else {
        let error = check("root").unwrap_err();
        assert!(error.contains("has no right to run programs as `root`"), "{error}");
    }
}

#[test]
fn who_is_not_root_may_not_change_the_user_or_raise_the_priority() {
    // Run again as another user, by this test program itself, so that both cases are tested.
    const VARIABLE: &str = "APSCHEDULER_TEST_UNPRIVILEGED";
    if std::env::var_os(VARIABLE).is_some() {
        for (kwargs, expected) in [
            (
                json!({"shell": "true", "user": "root"}),
                "user: this process runs as `nobody` and has no right",
            ),
            (json!({"shell": "true", "nice": -5}), "nice: this process has the niceness"),
        ] {
            let error = serde_json::from_value::<CommandOptions>(kwargs).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        return;
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: it needs root to become another user");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // A place that others may read.
    let program = folder.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for path in [folder.path(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let name = "run::tests::who_is_not_root_may_not_change_the_user_or_raise_the_priority";
    let value = run_json(json!({
        "argv": [&program, "--exact", name, "--nocapture"],
        "cwd": "/", "user": "nobody", "env": {VARIABLE: "1"},
    }));
    let output = value.unwrap()["output"].as_str().unwrap().to_owned();
    assert!(output.contains("1 passed"), "{output}");
}
