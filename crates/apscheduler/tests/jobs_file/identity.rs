//! The identity of a jobs file and the ownership of stored jobs.

use std::path::Path;

use apscheduler::ErrorKind;
use apscheduler::file::{JobsFile, PlannedAction};
use apscheduler::job::{JobChanges, JobOrigin};
use chrono::TimeDelta;
use serde_json::json;

use crate::bench::{Bench, EVERY_MINUTE, counts};

const TWO: &str = "[[jobs]]\nid = 'a'\nfunc = 'tick'\ntrigger = 'interval'\n\
    [[jobs]]\nid = 'b'\nfunc = 'tick'\ntrigger = 'interval'\n";
const ONE: &str = "[[jobs]]\nid = 'a'\nfunc = 'tick'\ntrigger = 'interval'\n";

impl Bench {
    fn file_at(&self, path: &str, text: &str) -> JobsFile {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        JobsFile::load(path).unwrap()
    }

    fn origin(&self, id: &str) -> JobOrigin {
        self.job(id).origin().unwrap().clone()
    }

    /// Changes a job as if this host had applied it last.
    fn set_host(&self, id: &str, host: Option<&str>) {
        let origin = self.origin(id).host(host.map(str::to_owned));
        self.job(id).modify(&JobChanges::new().origin(origin)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_changed_link_is_the_same_file() {
    let bench = Bench::new();
    bench.file_at("releases/1/jobs.toml", TWO);
    bench.file_at("releases/2/jobs.toml", ONE);
    let link = bench.path("current");
    std::os::unix::fs::symlink("releases/1", &link).unwrap();
    let load = || JobsFile::load(link.join("jobs.toml")).unwrap();
    assert_eq!(counts(load().apply(&bench.scheduler).unwrap()), [2, 0, 0, 0, 0]);
    let first = bench.next("a");
    bench.clock.advance(TimeDelta::milliseconds(100));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("releases/2", &link).unwrap();
    assert_eq!(counts(load().apply(&bench.scheduler).unwrap()), [0, 0, 1, 1, 0]);
    assert_eq!(bench.next("a"), first);
    assert_eq!(bench.ids(), ["default/a"]);
}

#[test]
fn unchanged_jobs_at_another_path_keep_their_state() {
    let bench = Bench::new();
    assert_eq!(counts(bench.file_at("1/jobs.toml", TWO).apply(&bench.scheduler).unwrap())[0], 2);
    let next = bench.next("a");
    bench.job("b").pause().unwrap();
    bench.clock.advance(TimeDelta::milliseconds(100));
    let moved = bench.file_at("2/jobs.toml", TWO);
    let plan = moved.plan(&bench.scheduler).unwrap();
    let reason = plan.jobs()[0].reason.as_deref().unwrap();
    assert!(reason.contains("previously from") && reason.contains("1/jobs.toml"));
    assert_eq!(counts(moved.apply(&bench.scheduler).unwrap()), [0, 0, 2, 0, 0]);
    assert_eq!((bench.next("a"), bench.next("b")), (next, "Paused".to_owned()));
    // The file at the first path owns no jobs now, and removes none.
    assert_eq!(counts(bench.file_at("1/jobs.toml", "").apply(&bench.scheduler).unwrap()), [0; 5]);
    assert_eq!(counts(bench.file_at("2/jobs.toml", "").apply(&bench.scheduler).unwrap())[3], 2);
}

#[test]
fn warns_of_jobs_that_a_moved_file_leaves_behind() {
    let bench = Bench::new();
    bench.file_at("1/jobs.toml", TWO).apply(&bench.scheduler).unwrap();
    let plan = bench.file_at("2/jobs.toml", ONE).plan(&bench.scheduler).unwrap();
    let [warning] = plan.warnings() else { panic!("{:?}", plan.warnings()) };
    assert!(
        warning.starts_with("1 job of the jobs file ")
            && warning.contains("1/jobs.toml, whose other jobs are now in this file"),
        "{warning}"
    );
}

#[test]
fn jobs_of_the_same_path_on_another_host_are_left_alone() {
    let bench = Bench::new();
    bench.file_at("app/jobs.toml", TWO).apply(&bench.scheduler).unwrap();
    bench.set_host("a", Some("pod-1"));
    bench.set_host("b", Some("pod-1"));
    let next = bench.next("a");
    let here = bench.file_at("app/jobs.toml", ONE);
    let plan = here.plan(&bench.scheduler).unwrap();
    let [warning] = plan.warnings() else { panic!("{:?}", plan.warnings()) };
    for part in ["1 job of a jobs file at ", "on the host pod-1", "give it a `name`"] {
        assert!(warning.contains(part), "{warning}");
    }
    assert_eq!(counts(here.apply(&bench.scheduler).unwrap()), [0, 0, 1, 0, 0]);
    assert_eq!((bench.next("a"), bench.ids().len()), (next, 2));
    // `a` belongs to this host now.
    assert_ne!(bench.origin("a").host.as_deref(), Some("pod-1"));
    assert_eq!(counts(here.take_over(true).apply(&bench.scheduler).unwrap()), [0, 0, 1, 1, 0]);
}

#[test]
fn records_of_early_releases_match_by_path_and_are_not_removed() {
    let bench = Bench::new();
    let file = bench.file_at("app/jobs.toml", TWO);
    file.apply(&bench.scheduler).unwrap();
    let canonical = std::fs::canonicalize(bench.path("app/jobs.toml")).unwrap();
    for id in ["a", "b"] {
        let old = JobOrigin::new(canonical.to_string_lossy(), bench.origin(id).digest);
        bench.job(id).modify(&JobChanges::new().origin(old)).unwrap();
    }
    let next = bench.next("a");
    bench.clock.advance(TimeDelta::milliseconds(100));
    let file = bench.file_at("app/jobs.toml", ONE);
    let plan = file.plan(&bench.scheduler).unwrap();
    assert!(plan.warnings()[0].contains("on an unknown host"), "{:?}", plan.warnings());
    assert_eq!(counts(file.apply(&bench.scheduler).unwrap()), [0, 0, 1, 0, 0]);
    assert_eq!((bench.next("a"), bench.ids().len()), (next, 2));
    assert!(bench.origin("a").host.is_some());
}

#[test]
fn a_name_identifies_a_file_on_any_path_and_host() {
    let bench = Bench::new();
    let named = |text: &str| format!("name = 'shop'\n{text}");
    bench.file_at("1/jobs.toml", &named(TWO)).apply(&bench.scheduler).unwrap();
    bench.set_host("a", Some("pod-1"));
    bench.set_host("b", Some("pod-1"));
    let next = bench.next("a");
    bench.clock.advance(TimeDelta::milliseconds(100));
    let file = bench.file_at("2/jobs.toml", &named(ONE));
    let plan = file.plan(&bench.scheduler).unwrap();
    let [warning] = plan.warnings() else { panic!("{:?}", plan.warnings()) };
    assert!(warning.contains("last applied from ") && warning.contains("`b`"), "{warning}");
    assert_eq!(counts(file.apply(&bench.scheduler).unwrap()), [0, 0, 1, 1, 0]);
    assert_eq!(bench.next("a"), next);
    assert_eq!(bench.origin("a").name.as_deref(), Some("shop"));
}

#[test]
fn a_file_that_gets_a_name_keeps_its_jobs() {
    let bench = Bench::new();
    bench.file_at("jobs.toml", TWO).apply(&bench.scheduler).unwrap();
    let next = bench.next("a");
    let file = bench.file_at("jobs.toml", &format!("name = 'shop'\n{ONE}"));
    assert_eq!(counts(file.apply(&bench.scheduler).unwrap()), [0, 0, 1, 1, 0]);
    assert_eq!((bench.next("a"), bench.ids().len()), (next, 1));
}

#[test]
fn a_job_of_a_file_with_another_name_is_refused_and_nothing_is_changed() {
    let bench = Bench::new();
    let named = |name: &str, text: &str| format!("name = '{name}'\n{text}");
    bench.file_at("1/jobs.toml", &named("billing", ONE)).apply(&bench.scheduler).unwrap();
    bench
        .file_at(
            "2/jobs.toml",
            &named("shop", "[[jobs]]\nid = 'c'\nfunc = 'tick'\ntrigger = 'interval'\n"),
        )
        .apply(&bench.scheduler)
        .unwrap();
    let before = bench.ids();
    // `c` would be removed and `b` added, but `a` belongs to another file.
    for (file, is) in [
        (bench.file_at("2/jobs.toml", &named("shop", TWO)), "this file has the name `shop`"),
        (bench.file_at("3/jobs.toml", TWO), "this file has no `name`"),
    ] {
        let error = file.apply(&bench.scheduler).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        for part in
            ["jobs.toml: jobs[0] \"a\": ", "`billing` (", "1/jobs.toml on ", is, "another id"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(bench.ids(), before);
    }
    let file = bench.file_at("2/jobs.toml", &named("shop", TWO)).take_over(true);
    assert_eq!(counts(file.apply(&bench.scheduler).unwrap()), [1, 0, 1, 1, 0]);
    assert_eq!(bench.origin("a").name.as_deref(), Some("shop"));
}

#[test]
fn a_name_that_another_file_uses_is_refused() {
    let bench = Bench::new();
    let named = |text: &str| format!("name = 'shop'\n{text}");
    bench.file_at("1/jobs.toml", &named(TWO)).apply(&bench.scheduler).unwrap();
    let other = "[[jobs]]\nid = 'c'\nfunc = 'tick'\ntrigger = 'interval'\n";
    let file = bench.file_at("2/jobs.toml", &named(other));
    let error = file.apply(&bench.scheduler).unwrap_err().to_string();
    for part in ["another jobs file with the name `shop`", "1/jobs.toml", "`a`, `b`", "--take-over"]
    {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(bench.ids().len(), 2);
    // A file at the same place may change all of its jobs.
    let own = bench.file_at("1/jobs.toml", &named(other));
    assert_eq!(counts(own.apply(&bench.scheduler).unwrap()), [1, 0, 0, 2, 0]);
    bench.file_at("1/jobs.toml", &named(TWO)).apply(&bench.scheduler).unwrap();
    assert_eq!(counts(file.take_over(true).apply(&bench.scheduler).unwrap()), [1, 0, 0, 2, 0]);
}

#[test]
fn warns_of_a_changed_job_from_another_path_and_keeps_its_next_run_time() {
    let bench = Bench::new();
    bench.file_at("1/jobs.toml", EVERY_MINUTE).apply(&bench.scheduler).unwrap();
    bench.clock.advance(TimeDelta::seconds(30));
    let file = bench.file_at("2/jobs.toml", &EVERY_MINUTE.replace("\"you\"", "\"me\""));
    let plan = file.plan(&bench.scheduler).unwrap();
    assert!(plan.warnings()[0].contains("1/jobs.toml on "), "{:?}", plan.warnings());
    let change = &plan.jobs()[0].changes[..];
    assert_eq!(change.len(), 1);
    assert_eq!(
        (change[0].key, &change[0].before, &change[0].after),
        ("args", &json!(["you"]), &json!(["me"]))
    );
    assert_eq!(counts(file.apply(&bench.scheduler).unwrap()), [0, 1, 0, 0, 0]);
    assert_eq!(bench.next("a"), "2027-01-01T00:01:00+00:00");
}

#[test]
fn a_plan_has_all_changes_and_writes_nothing() {
    let bench = Bench::new();
    let job = |id: &str, trigger: &str| {
        format!("[[jobs]]\nid = '{id}'\nfunc = 'tick'\ntrigger = {trigger}\n")
    };
    let hourly = "{ type = 'interval', hours = 1 }";
    bench.apply(&[job("keep", hourly), job("change", hourly), job("leave", hourly)].concat());
    let before = bench.ids();
    let file = bench
        .load(
            &[
                job("keep", hourly),
                job("change", "{ type = 'cron', hour = 3 }"),
                job("come", hourly),
                job("over", "{ type = 'date', run_date = 2020-01-01 }"),
            ]
            .concat(),
        )
        .unwrap();
    let plan = file.plan(&bench.scheduler).unwrap();
    let actions: Vec<_> = plan.jobs().iter().map(|job| (job.id.as_str(), job.action)).collect();
    assert_eq!(
        actions,
        [
            ("keep", PlannedAction::Keep),
            ("change", PlannedAction::Change),
            ("come", PlannedAction::Add),
            ("over", PlannedAction::End),
            ("leave", PlannedAction::Remove),
        ]
    );
    assert_eq!(plan.jobs()[1].changes[0].key, "trigger");
    assert_eq!(bench.ids(), before);
    assert_eq!(counts(file.apply(&bench.scheduler).unwrap()), [1, 1, 1, 1, 1]);
}

#[test]
fn equivalent_entries_keep_the_next_run_time() {
    let open = [
        ("date", "{ type = 'date' }", "{type: date}"),
        ("interval", "{ type = 'interval', hours = 1 }", "{hours: 1.0, type: interval}"),
        ("cron", "{ type = 'cron', hour = 3 }", "{hour: '3', type: cron}"),
        (
            "calendarinterval",
            "{ type = 'calendarinterval', days = 2 }",
            "{days: 2, type: calendarinterval}",
        ),
        (
            "and",
            "{ type = 'and', triggers = [{ type = 'interval', hours = 1 }, { type = 'cron', minute = 0, start_date = 2027-01-01 00:00:00 }] }",
            "{triggers: [{hours: 1, type: interval}, {start_date: '2027-01-01 00:00:00', minute: '0', type: cron}], type: and}",
        ),
        (
            "or",
            "{ type = 'or', triggers = [{ type = 'interval', hours = 1 }, { type = 'cron' }] }",
            "{triggers: [{hours: 1, type: interval}, {type: cron}], type: or}",
        ),
        (
            "dated",
            "{ type = 'interval', hours = 1, start_date = 2027-01-01 00:30:00 }",
            "{start_date: 2027-01-01 00:30:00, hours: 1, type: interval}",
        ),
    ];
    for (id, toml, yaml) in open {
        let bench = Bench::new();
        let text = format!("[[jobs]]\nid = '{id}'\nfunc = 'tick'\ntrigger = {toml}\n");
        bench.file_at("1/jobs.toml", &text).apply(&bench.scheduler).unwrap();
        let (next, digest) = (bench.next(id), bench.origin(id).digest);
        bench.clock.advance(TimeDelta::milliseconds(1500));
        let same = |file: &JobsFile, what: &str| {
            assert_eq!(
                counts(file.apply(&bench.scheduler).unwrap()),
                [0, 0, 1, 0, 0],
                "{id}: {what}"
            );
            assert_eq!(bench.next(id), next, "{id}: {what}");
            assert_eq!(bench.origin(id).digest, digest, "{id}: {what}");
        };
        let shuffled = format!(
            "# told\n[[jobs]]\ntrigger  =  {toml} # told\nfunc = \"tick\"\n\nid = \"{id}\"\n"
        );
        same(&bench.file_at("1/jobs.toml", &shuffled), "comments and order");
        same(&bench.file_at("2/jobs.toml", &text), "path");
        bench.set_host(id, Some("pod-1"));
        same(&bench.file_at("2/jobs.toml", &text), "host");
        same(&bench.file_at("2/jobs.toml", &format!("name = 'shop'\n{text}")), "name");
        let yaml = format!("name: shop\njobs:\n- trigger: {yaml}\n  func: tick\n  id: {id}\n");
        same(&bench.file_at("3/jobs.yaml", &yaml), "YAML");
    }
}

#[test]
fn a_file_replaces_only_its_own_broken_records() {
    let bench = Bench::new();
    bench.scheduler.add_jobstore("text", apscheduler_testkit::TestStore::default()).unwrap();
    let job = |name: &str| {
        format!(
            "name = '{name}'\n[[jobs]]\nid = 'a'\nfunc = 'tick'\njobstore = 'text'\ntrigger = {{ type = 'interval', hours = 1 }}\n"
        )
    };
    bench.file_at("jobs.toml", &job("shop")).apply(&bench.scheduler).unwrap();
    let next = bench.next("a");
    let store = bench.scheduler.jobstore("text").unwrap();
    let mut record = store.lookup_job("a").unwrap().unwrap();
    let text = record.payload.as_text().unwrap().replace("\"tick\"", "\"gone\"");
    record.payload = apscheduler::store::JobPayload::Encoded(text.into());
    assert!(store.update_job(&record).unwrap());
    assert!(bench.job("a").broken().is_some());
    bench.clock.advance(TimeDelta::seconds(30));
    let other = bench.file_at("other.toml", &job("billing"));
    assert!(other.apply(&bench.scheduler).unwrap_err().to_string().contains("`shop` ("));
    assert!(Path::new(&bench.origin("a").file).ends_with("jobs.toml"));
    let own = bench.file_at("jobs.toml", &job("shop"));
    assert_eq!(counts(own.apply(&bench.scheduler).unwrap()), [1, 0, 0, 0, 0]);
    assert!(bench.job("a").broken().is_none());
    assert_eq!(bench.next("a"), next);
}

#[test]
fn warns_of_jobs_in_memory_beside_a_persistent_store() {
    let bench = Bench::new();
    let text = |store: &str| {
        format!("[jobstores.{store}]\ntype = 'sqlite'\nurl = 'sqlite:///x.sqlite'\n{ONE}")
    };
    let warnings = |text: &str| {
        let file = bench.load(text).unwrap();
        let scheduler = apscheduler::BackgroundScheduler::new();
        file.configure(&scheduler).unwrap();
        file.warnings(&scheduler)
    };
    let [warning] = &warnings(&text("db"))[..] else { panic!("no warning") };
    assert!(
        warning.contains("will not survive a restart") && warning.contains("jobstore = \"db\"")
    );
    assert!(warnings(&text("default")).is_empty());
    assert!(warnings(ONE).is_empty());
}

/// The digests that the first release wrote. If one changes, the jobs of all users get new next run times.
#[test]
fn digests_of_the_first_release_have_not_changed() {
    let written = [
        ("{ type = 'date', run_date = 2027-05-06 07:08:09 }", "54702ce539b26085-4e464349ef4d4b42"),
        ("{ type = 'interval', hours = 1 }", "392fa7bb2a90019c-9d44e004b4a9d2ef"),
        ("{ type = 'cron', hour = 3, minute = '*/5' }", "87ddc58cc9085c94-d8096a003c588307"),
        ("{ type = 'calendarinterval', days = 2 }", "9b3b337da86ac167-561257d49b43a0bc"),
        (
            "{ type = 'or', triggers = [{ type = 'interval', hours = 1 }, { type = 'cron' }] }",
            "be09917cc20a5472-390da0593017dec5",
        ),
        (
            "{ type = 'and', triggers = [{ type = 'cron', hour = 3 }, { type = 'cron', hour = 3, day = 1 }] }",
            "96adf9b1806f5eba-2730189d2fb7954d",
        ),
    ];
    for (trigger, digest) in written {
        let bench = Bench::new();
        bench.apply(&format!("[[jobs]]\nid = 'a'\nfunc = 'tick'\ntrigger = {trigger}\n"));
        assert_eq!(bench.origin("a").digest, digest, "{trigger}");
    }
    // These are written differently now, and still recognized.
    let early = [
        ("'cron'", "7f8e52b78a5df261-f73174d9d1a3abfe"),
        ("{ type = 'interval', hours = '1' }", "322cc3e06d4412c2-a8cccbb421392e95"),
    ];
    for (trigger, digest) in early {
        let bench = Bench::new();
        let text = format!("[[jobs]]\nid = 'a'\nfunc = 'tick'\ntrigger = {trigger}\n");
        bench.apply(&text);
        assert_ne!(bench.origin("a").digest, digest);
        let next = bench.next("a");
        let mut origin = bench.origin("a");
        digest.clone_into(&mut origin.digest);
        bench.job("a").modify(&JobChanges::new().origin(origin)).unwrap();
        bench.clock.advance(TimeDelta::seconds(30));
        assert_eq!(counts(bench.apply(&text)), [0, 0, 1, 0, 0], "{trigger}");
        assert_eq!(bench.next("a"), next);
    }
}
