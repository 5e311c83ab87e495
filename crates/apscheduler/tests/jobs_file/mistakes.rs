//! Errors in a file.

use apscheduler::ErrorKind;
use apscheduler::file::JobsFile;

use crate::bench::{Bench, EVERY_MINUTE};

#[test]
fn errors_name_file_and_key_and_change_nothing() {
    let bench = Bench::new();
    bench.apply(EVERY_MINUTE);
    let job = |rest: &str| format!("[[jobs]]\nid = 'b'\n{rest}");
    let cases = [
        (
            "timezone = 'Mars/Olympus'".to_owned(),
            "jobs.toml: timezone: unknown time zone `Mars/Olympus`",
        ),
        ("a = = 1".to_owned(), "jobs.toml: line 1, column 5: "),
        ("jobss = []".to_owned(), "jobs.toml: unknown key `jobss`; did you mean `jobs`?"),
        ("[[jobs]]\nfunc = 'tick'".to_owned(), "jobs.toml: jobs[0]: `id` is missing"),
        ("[[jobs]]\nid = 5".to_owned(), "jobs.toml: jobs[0]: id: expected text, found 5"),
        (job(""), "jobs.toml: jobs[0] \"b\": `func` is missing"),
        (
            job("fun = 'tick'"),
            "jobs.toml: jobs[0] \"b\": unknown option `fun`; did you mean `func`?",
        ),
        (
            job("func = 'tock'"),
            "jobs.toml: jobs[0] \"b\": func: no function is registered as `tock`; did you mean `tick`?",
        ),
        (
            job("func = 'greet'"),
            "jobs.toml: jobs[0] \"b\": args: function `greet`: the following arguments",
        ),
        (job("func = 'command'\nkwargs = {}"), "jobs.toml: jobs[0] \"b\": "),
        (
            job("func = 'tick'\ntrigger = 'corn'"),
            "jobs[0] \"b\": trigger: unknown trigger `corn`; did you mean `cron`?",
        ),
        (
            job("func = 'tick'\ntrigger = { hour = 3 }"),
            "jobs[0] \"b\": trigger: a trigger needs `type`",
        ),
        (
            job("func = 'tick'\ntrigger = { type = 'cron', hour = 24 }"),
            "jobs[0] \"b\": trigger `cron`",
        ),
        (
            job("func = 'tick'\ncoalesce = 'perhaps'"),
            "jobs[0] \"b\": coalesce: expected true or false, or \"latest\"",
        ),
        (
            job("func = 'tick'\nmax_instances = 0"),
            "jobs[0] \"b\": `max_instances` must be a positive number",
        ),
        (
            job("func = 'tick'\nmisfire_grace_time = 0"),
            "jobs[0] \"b\": `misfire_grace_time` must be a positive number",
        ),
        (
            job("func = 'tick'\nnext_run_time = 'soon'"),
            "jobs[0] \"b\": next_run_time: invalid date `soon`",
        ),
        (
            job("func = 'tick'\njobstore = 'othr'"),
            "jobs[0] \"b\": jobstore: unknown alias `othr`; did you mean `other`?",
        ),
        (
            job("func = 'tick'\nexecutor = 'x'"),
            "jobs[0] \"b\": executor: unknown alias `x`; executors of this file: default",
        ),
        (
            job("func = 'tick'\nreplace_existing = false"),
            "jobs[0] \"b\": replace_existing: can't be false",
        ),
        (
            job("func = 'tick'\n[[jobs]]\nid = 'b'\nfunc = 'tick'"),
            "jobs[1] \"b\": jobs[0] has the same id",
        ),
        (
            job("func = '${NO_SUCH_VARIABLE}'"),
            "jobs[0].func: the environment variable `NO_SUCH_VARIABLE` is not set",
        ),
    ];
    for (text, expected) in cases {
        let mistake = bench.mistake(&text);
        assert!(mistake.contains(expected), "{text}\n{mistake}");
        assert!(mistake.starts_with("jobs.toml: "), "{mistake}");
    }
    assert_eq!(bench.ids(), ["default/a"]);
}

#[test]
fn reports_all_errors() {
    let bench = Bench::new();
    let text = "[[jobs]]\nid = 'a'\nfunc = 'nope'\n[[jobs]]\nid = 'b'\nfunc = 'tick'\n[[jobs]]\nid = 'c'\nfunc = 'tick'\ntrigger = 'x'";
    let errors = bench.load(text).unwrap().check(&bench.scheduler);
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 2);
    assert!(
        errors[0].contains("jobs[0] \"a\": func: ")
            && errors[1].contains("jobs[2] \"c\": trigger: "),
        "{errors:?}"
    );
}

#[test]
fn errors_name_unreadable_files() {
    let bench = Bench::new();
    let error = JobsFile::load(bench.path("none.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.chain().contains("none.toml`: No such file"), "{}", error.chain());
    std::fs::write(bench.path("jobs.ini"), "").unwrap();
    let error = JobsFile::load(bench.path("jobs.ini")).unwrap_err();
    assert!(error.to_string().contains("jobs.ini: unknown extension `.ini`"), "{error}");
}

#[test]
fn load_config_needs_no_variables_of_jobs() {
    let bench = Bench::new();
    std::fs::write(
        bench.path("jobs.yaml"),
        "timezone: Asia/Tokyo\njobs:\n- id: a\n  func: ${NO_SUCH_VARIABLE}",
    )
    .unwrap();
    let config = JobsFile::load_config(bench.path("jobs.yaml")).unwrap();
    assert_eq!(config.timezone_or_local().unwrap().to_string(), "Asia/Tokyo");
    assert!(JobsFile::load(bench.path("jobs.yaml")).is_err());
}
