//! The database files: their contents, and failures.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use apscheduler_core::store::{
    ClaimOutcome, ClaimRequest, Claims, Decision, JobRecord, JobStore, NextRun, RunTimes,
};
use apscheduler_core::time::Timestamp;
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_sqlite::{PLUGIN, SqliteJobStore, SqliteOptions};
use apscheduler_testkit::stores::records::{Records, instant, second, state_number};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

/// A folder for a database.
struct Database {
    folder: TempDir,
}

impl Database {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("jobs.sqlite")
    }

    fn options(&self) -> SqliteOptions {
        SqliteOptions::default().path(self.path())
    }

    fn store(&self) -> SqliteJobStore {
        started(self.options())
    }

    /// Runs SQL on a separate connection, bypassing the store.
    fn execute_sql(&self, sql: &str) -> rusqlite::Result<()> {
        Connection::open(self.path())?.execute_batch(sql)
    }

    fn ask<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let connection = Connection::open(self.path()).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn started(options: SqliteOptions) -> SqliteJobStore {
    let store = SqliteJobStore::with_options(options).unwrap();
    store.start("default").unwrap();
    store
}

fn start_error(options: SqliteOptions) -> Error {
    SqliteJobStore::with_options(options).unwrap().start("default").unwrap_err()
}

fn add(store: &dyn JobStore, jobs: &[(&str, Option<Timestamp>)]) {
    let records = Records::of(store);
    store.add_jobs(jobs.iter().map(|(id, time)| records.new_record(*id, *time)).collect()).unwrap();
}

fn ids(store: &dyn JobStore) -> Vec<String> {
    store.get_jobs(None, 100).unwrap().iter().map(|record| record.id.to_string()).collect()
}

fn take(record: &JobRecord) -> Decision {
    let run_times = RunTimes::One(record.next_run_time.unwrap());
    Decision::Claim(ClaimOutcome::new(run_times, NextRun::At(second(1000))))
}

fn claim(
    store: &dyn JobStore,
    mut decide: impl FnMut(&JobRecord) -> Decision,
) -> Result<Claims, Error> {
    store.claim_due(&ClaimRequest::new(second(9), 10), &mut decide)
}

#[test]
fn tables_of_one_file_have_their_own_versions() {
    let database = Database::new();
    started(database.options());
    database.execute_sql("UPDATE apscheduler_meta SET version = 99").unwrap();
    let error = start_error(database.options());
    let expected = "the table `apscheduler_jobs` has the schema version 99, and this release knows versions up to 3";
    assert!(error.to_string().contains(expected), "{error}");
    started(database.options().tablename("others"));
}

#[test]
fn a_foreign_table_is_refused_in_any_case() {
    let database = Database::new();
    database.execute_sql("CREATE TABLE apscheduler_jobs (id, next_run_time, job_state)").unwrap();
    let error = start_error(database.options().tablename("APScheduler_Jobs"));
    assert!(error.to_string().contains("choose another `tablename`"), "{error}");
    started(database.options().tablename("rust_jobs"));
}

#[test]
fn several_tables_fit_into_one_file() {
    let database = Database::new();
    let names = ["apscheduler_jobs", "jobs", "my \"own\" jobs; --", "Задачи", "{due}", "select"];
    for name in names {
        let store = started(database.options().tablename(name));
        add(&store, &[("a", Some(second(1))), (name, None)]);
    }
    for name in names {
        let store = started(database.options().tablename(name));
        assert_eq!(ids(&store), ["a", name]);
        assert_eq!(claim(&store, take).unwrap().won.len(), 1);
        store.remove_all_jobs().unwrap();
        assert!(ids(&store).is_empty());
    }
    // SQLite compares names without regard to case.
    add(&started(database.options().tablename("JOBS")), &[("b", None)]);
    assert_eq!(ids(&started(database.options().tablename("jobs"))), ["b"]);
}

#[test]
fn a_name_used_by_another_object_is_refused() {
    let database = Database::new();
    started(database.options().tablename("jobs"));
    let error = start_error(database.options().tablename("jobs_readable"));
    assert!(error.to_string().contains("choose another `tablename`"), "{error}");
    started(database.options().tablename("more_due"));
    let error = start_error(database.options().tablename("more"));
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.chain().contains("more_due"), "{}", error.chain());
}

#[test]
fn a_broken_state_is_read_as_text() {
    for (broken, text) in [
        ("NULL", ""),
        ("''", ""),
        ("'{\"version\": 1, '", "{\"version\": 1, "),
        ("x'00ff'", "\0\u{fffd}"),
        ("CAST(x'7bff' AS TEXT)", "{\u{fffd}"),
        ("17", "17"),
        ("1.5", "1.5"),
    ] {
        let database = Database::new();
        let store = database.store();
        add(&store, &[("a", Some(second(1))), ("b", Some(second(2))), ("c", None)]);
        let sql = format!("UPDATE apscheduler_jobs SET job_state = {broken} WHERE id = 'a'");
        database.execute_sql(&sql).unwrap();
        assert_eq!(ids(&store), ["a", "b", "c"], "with {broken}");
        let found = store.lookup_job("a").unwrap().unwrap();
        assert_eq!(found.payload.as_text(), Some(text), "with {broken}");
        let mut seen = Vec::new();
        let claims = claim(&store, |record| {
            seen.push(record.payload.as_text().unwrap().to_owned());
            if &*record.id == "a" { Decision::Leave } else { take(record) }
        });
        assert_eq!(claims.unwrap().won.len(), 1, "with {broken}");
        assert_eq!(seen[0], text, "with {broken}");
        let is_there = database
            .ask::<bool>("SELECT EXISTS (SELECT 1 FROM apscheduler_jobs_readable WHERE id = 'a')");
        assert!(is_there, "the view shows it too");
        let repaired = found.with_payload(Records::of(&store).state(3));
        assert!(store.update_job(&repaired).unwrap());
        assert_eq!(state_number(&store.lookup_job("a").unwrap().unwrap().payload), 3);
    }
}

#[test]
fn a_broken_run_time_is_refused() {
    let database = Database::new();
    let store = database.store();
    add(&store, &[("a", Some(second(1)))]);
    for broken in ["'tomorrow'", "1.5", "x'00'"] {
        let sql = format!("UPDATE apscheduler_jobs SET next_run_time = {broken}");
        let error = database.execute_sql(&sql).unwrap_err().to_string();
        assert!(error.contains("a whole number of microseconds since 1970"), "{error}");
    }
    // Text that reads as a whole number is stored as one.
    database.execute_sql("UPDATE apscheduler_jobs SET next_run_time = '1000000'").unwrap();
    let found = store.lookup_job("a").unwrap().unwrap();
    assert_eq!(found.next_run_time, Some(instant("1970-01-01T00:00:01Z")));
}

/// Like damage by other tools, which bypass the check.
#[test]
fn a_broken_run_time_does_not_delay_other_jobs() {
    let database = Database::new();
    let store = database.store();
    let jobs = ["a", "b", "c", "d", "e", "f"].map(|id| (id, Some(second(1))));
    add(&store, &jobs);
    database
        .execute_sql(
            "PRAGMA ignore_check_constraints = ON;
             UPDATE apscheduler_jobs SET next_run_time = 'tomorrow' WHERE id = 'b';
             UPDATE apscheduler_jobs SET next_run_time = 0.5 WHERE id = 'c';
             UPDATE apscheduler_jobs SET next_run_time = x'00' WHERE id = 'd';
             UPDATE apscheduler_jobs SET next_run_time = NULL WHERE id = 'f';
             UPDATE apscheduler_jobs SET revision = 'x' WHERE id = 'e';",
        )
        .unwrap();
    for limit in 1..8 {
        let mut listed: Vec<JobRecord> = Vec::new();
        while let Some(page) =
            Some(store.get_jobs(listed.last().map(JobRecord::cursor).as_ref(), limit).unwrap())
                .filter(|page| !page.is_empty())
        {
            listed.extend(page);
        }
        let listed: Vec<_> =
            listed.iter().map(|record| (&*record.id, record.next_run_time.is_some())).collect();
        let expected =
            [("a", true), ("e", true), ("b", false), ("c", false), ("d", false), ("f", false)];
        assert_eq!(listed, expected, "by pages of {limit}");
    }
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(1)));
    let claims = claim(&store, take).unwrap().won;
    assert_eq!(claims.iter().map(|claim| &*claim.record.id).collect::<Vec<_>>(), ["a", "e"]);
    let found = store.lookup_job("b").unwrap().unwrap();
    assert!(store.update_job(&found.with_next_run_time(Some(second(5)))).unwrap());
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(5)));
}

#[test]
fn run_times_out_of_range_are_clamped() {
    let database = Database::new();
    let store = database.store();
    add(&store, &[("a", Some(second(1))), ("b", Some(second(1))), ("c", Some(second(1)))]);
    database
        .execute_sql(&format!(
            "UPDATE apscheduler_jobs SET next_run_time = {} WHERE id = 'a';
             UPDATE apscheduler_jobs SET next_run_time = {} WHERE id = 'b';",
            i64::MAX,
            -i64::MAX
        ))
        .unwrap();
    assert_eq!(ids(&store), ["b", "c", "a"]);
    assert_eq!(store.next_run_time(None).unwrap(), Some(Timestamp::MIN_UTC));
    let claims = claim(&store, take).unwrap().won;
    assert_eq!(claims.len(), 2);
    assert_eq!(store.lookup_job("a").unwrap().unwrap().next_run_time, Some(Timestamp::MAX_UTC));
}

#[test]
fn the_view_shows_jobs_readably() {
    let database = Database::new();
    let store = database.store();
    add(
        &store,
        &[
            ("a", Some(instant("2027-01-01T00:00:00.000007Z"))),
            ("b", Some(instant("1969-12-31T23:59:59.999999Z"))),
            ("c", None),
        ],
    );
    let shown: String = database.ask(
        "SELECT json_group_array(id || ' ' || coalesce(next_run_time, 'paused') || ' ' || func)
         FROM apscheduler_jobs_readable",
    );
    assert_eq!(
        shown,
        json!([
            "b 1969-12-31T23:59:59.999999Z shop::orders::ship",
            "a 2027-01-01T00:00:00.000007Z shop::orders::ship",
            "c paused shop::orders::ship",
        ])
        .to_string()
    );
    let state: String =
        database.ask("SELECT job_state ->> '$.func' FROM apscheduler_jobs WHERE id = 'a'");
    assert_eq!(state, "shop::orders::ship");
    assert_eq!(database.ask::<String>("PRAGMA journal_mode"), "wal");
}

#[test]
fn a_file_that_is_not_a_database_is_reported() {
    let database = Database::new();
    let text = "This is a letter to my bank.\n".repeat(1000);
    std::fs::write(database.path(), &text).unwrap();
    let error = start_error(database.options());
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().ends_with("jobs.sqlite` is not a SQLite database"), "{error}");
    assert_eq!(std::fs::read_to_string(database.path()).unwrap(), text, "it is left as it is");
}

#[test]
fn a_damaged_database_is_reported() {
    let database = Database::new();
    let store = database.store();
    let names: Vec<String> = (0..2000).map(|number| format!("job{number}")).collect();
    add(&store, &names.iter().map(|id| (id.as_str(), Some(second(1)))).collect::<Vec<_>>());
    store.shutdown().unwrap();
    let mut bytes = std::fs::read(database.path()).unwrap();
    let start = 4096 * 2;
    bytes[start..].fill(0xa5);
    std::fs::write(database.path(), bytes).unwrap();
    let store = SqliteJobStore::with_options(database.options()).unwrap();
    let result = store.start("default").and_then(|()| store.get_jobs(None, 5000).map(drop));
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().ends_with("jobs.sqlite` is damaged"), "{error}");
}

#[test]
fn a_missing_directory_is_named() {
    let database = Database::new();
    let path = database.folder.path().join("no/such/jobs.sqlite");
    let error = start_error(SqliteOptions::default().path(&path));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("no/such` does not exist"), "{error}");
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let database = Database::new();
    let error = start_error(SqliteOptions::default().path(database.folder.path()));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().ends_with("` can't be opened"), "{error}");
    assert!(error.to_string().contains(database.folder.path().to_str().unwrap()), "{error}");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let database = Database::new();
    database.store().shutdown().unwrap();
    let mut permissions = std::fs::metadata(database.path()).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(database.path(), permissions).unwrap();
    if std::fs::OpenOptions::new().append(true).open(database.path()).is_ok() {
        // Root may write everywhere; `failure` has a separate test.
        return;
    }
    let error = start_error(database.options());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().ends_with("jobs.sqlite` can't be written to"), "{error}");
}

#[test]
fn a_path_is_not_read_as_a_uri() {
    let database = Database::new();
    let path = database.folder.path().join("file:jobs?mode=memory");
    started(SqliteOptions::default().path(&path)).shutdown().unwrap();
    assert!(path.is_file());
}

#[test]
fn a_locked_database_is_reported_after_the_timeout() {
    let database = Database::new();
    let timeout = Duration::from_millis(150);
    let store = started(database.options().busy_timeout(timeout));
    add(&store, &[("a", Some(second(1)))]);
    let other = Connection::open(database.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE apscheduler_jobs SET revision = 77").unwrap();

    let before = Instant::now();
    let record = store.lookup_job("a").unwrap().unwrap();
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(1)));
    assert_eq!(ids(&store), ["a"]);
    assert!(before.elapsed() < timeout, "reading does not wait");

    let never = |_: &JobRecord| -> Decision { panic!("decided without the lock") };
    let new = Records::of(&store).new_record("b", None);
    let writes: [&dyn Fn() -> Result<(), Error>; 5] = [
        &|| claim(&store, never).map(drop),
        &|| store.add_jobs(vec![new.clone()]),
        &|| store.update_job(&record).map(drop),
        &|| store.remove_job("a").map(drop),
        &|| store.remove_all_jobs(),
    ];
    for write in writes {
        let before = Instant::now();
        let error = write().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.is_retryable());
        let expected = "jobs.sqlite` is locked by another process; waited 0.15 s";
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(before.elapsed() >= timeout.saturating_sub(Duration::from_millis(30)), "it waited");
    }

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(claim(&store, take).unwrap().won.len(), 1, "it works again");
}

#[test]
fn a_claim_that_finds_nothing_needs_no_lock() {
    let database = Database::new();
    let store = started(database.options().busy_timeout(Duration::ZERO));
    add(&store, &[("a", Some(second(100))), ("b", None)]);
    let other = Connection::open(database.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(claim(&store, take).unwrap().won.is_empty());
}

#[test]
fn a_started_store_starts_again_under_a_lock() {
    let database = Database::new();
    database.store();
    let other = Connection::open(database.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    started(database.options().busy_timeout(Duration::ZERO));
}

#[test]
fn a_panic_while_deciding_rolls_back() {
    let database = Database::new();
    let store = started(database.options().busy_timeout(Duration::from_millis(100)));
    add(&store, &[("a", Some(second(1))), ("b", Some(second(2)))]);
    let decide = |record: &JobRecord| {
        assert!(&*record.id == "a", "a trigger panics");
        take(record)
    };
    assert!(catch_unwind(AssertUnwindSafe(|| claim(&store, decide))).is_err());
    assert_eq!(store.next_run_time(None).unwrap(), Some(second(1)), "nothing was claimed");
    database.execute_sql("UPDATE apscheduler_jobs SET revision = revision + 1").unwrap();
    assert_eq!(claim(&store, take).unwrap().won.len(), 2);
}

#[test]
fn a_store_that_is_not_started_returns_an_error() {
    let store = SqliteJobStore::in_memory();
    let error = store.lookup_job("a").unwrap_err();
    assert_eq!(error.to_string(), "job store `sqlite`: the job store is not started");
}

#[test]
fn sqlalchemy_finds_the_store_by_its_scheme() {
    let registry = apscheduler_testkit::registry();
    registry.register(PLUGIN.clone()).unwrap();
    let database = Database::new();
    let url = format!("sqlite:///{}", database.path().display());
    for name in ["sqlalchemy", "apscheduler.jobstores.sqlalchemy:SQLAlchemyJobStore", "sqlite"] {
        let options = json!({"url": url, "tablename": "from_config"});
        let store = registry.build_job_store(name, options.as_object().unwrap()).unwrap();
        assert!(store.capabilities().durable);
        store.start("default").unwrap();
        store.remove_all_jobs().unwrap();
        add(&*store, &[("a", None)]);
        store.shutdown().unwrap();
    }
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM from_config"), 1);
}

/// A closed database with one job that is due.
fn backup(id: &str) -> Database {
    let backup = Database::new();
    let store = backup.store();
    add(&store, &[(id, Some(second(1)))]);
    store.shutdown().unwrap();
    backup
}

fn never(record: &JobRecord) -> Decision {
    panic!("{} is claimed in the wrong file", record.id)
}

#[test]
fn a_replaced_file_is_reported_and_read() {
    let (database, backup) = (Database::new(), backup("new"));
    let store = database.store();
    add(&store, &[("old", Some(second(1)))]);
    std::fs::rename(backup.path(), database.path()).unwrap();
    let error = claim(&store, never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreReplaced);
    assert!(error.to_string().ends_with("jobs.sqlite` was replaced by another file"), "{error}");
    // The write-ahead log of the old file must not be used.
    assert_eq!(ids(&store), ["new"]);
    assert_eq!(claim(&store, take).unwrap().won.len(), 1);
    assert_eq!(database.ask::<String>("PRAGMA integrity_check"), "ok");
}

#[test]
fn a_changed_link_is_reported() {
    let (one, other) = (backup("one"), backup("other"));
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("jobs.sqlite");
    std::os::unix::fs::symlink(one.path(), &link).unwrap();
    let store = started(SqliteOptions::default().path(&link));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(other.path(), &link).unwrap();
    assert_eq!(claim(&store, never).unwrap_err().kind(), ErrorKind::StoreReplaced);
    assert_eq!(ids(&store), ["other"]);
}

#[test]
fn a_file_replaced_during_a_claim_rolls_it_back() {
    let (database, backup) = (Database::new(), backup("new"));
    let store = database.store();
    add(&store, &[("old", Some(second(1)))]);
    let replaced = claim(&store, |record| {
        std::fs::rename(backup.path(), database.path()).unwrap();
        take(record)
    });
    assert_eq!(replaced.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(claim(&store, never).unwrap_err().kind(), ErrorKind::StoreReplaced);
    assert_eq!(ids(&store), ["new"]);
}

#[test]
fn schedulers_before_and_after_a_replacement_claim_each_run_once() {
    let (database, backup) = (Database::new(), backup("new"));
    let store = database.store();
    std::fs::rename(backup.path(), database.path()).unwrap();
    let other = database.store();
    assert_eq!(claim(&other, take).unwrap().won.len(), 1);
    assert_eq!(claim(&store, never).unwrap_err().kind(), ErrorKind::StoreReplaced);
    assert!(claim(&store, never).unwrap().won.is_empty());
}

#[test]
fn a_shutdown_interrupts_a_call_that_waits_for_a_lock() {
    let database = Database::new();
    let store = started(database.options().busy_timeout(Duration::from_secs(600)));
    add(&store, &[("a", Some(second(1)))]);
    let other = Connection::open(database.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.remove_job("a"));
        std::thread::sleep(Duration::from_millis(100));
        store.shutdown().unwrap();
        waiting.join().unwrap().unwrap_err();
    });
    store.start("default").unwrap();
    assert_eq!(ids(&store), ["a"]);
}

#[test]
fn errors_show_their_cause_once() {
    let database = Database::new();
    let error = start_error(SqliteOptions::default().path(database.folder.path()));
    assert!(!error.chain().contains("unable to open"), "{}", error.chain());
    assert!(error.chain().contains("s a directory"), "the reason: {}", error.chain());
    let store = database.store();
    let refuse = "CREATE TRIGGER no BEFORE INSERT ON apscheduler_jobs
        BEGIN SELECT RAISE(ABORT, 'not today'); END";
    database.execute_sql(refuse).unwrap();
    let error = store.add_jobs(vec![Records::of(&store).new_record("a", None)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(
        error.chain().ends_with("refused the call: not today (code 1811)"),
        "{}",
        error.chain()
    );
}

#[test]
fn a_dropped_table_is_reported_and_created_again() {
    for drop in [
        "DROP TABLE apscheduler_jobs",
        "DROP VIEW apscheduler_jobs_readable; DROP TABLE apscheduler_jobs",
    ] {
        let database = Database::new();
        let store = database.store();
        add(&store, &[("a", Some(second(1)))]);
        database.execute_sql(drop).unwrap();
        assert_eq!(claim(&store, never).unwrap_err().kind(), ErrorKind::StoreReplaced);
        add(&store, &[("b", Some(second(1)))]);
        assert_eq!(claim(&store, take).unwrap().won.len(), 1);
        assert_eq!(database.ask::<i64>("SELECT count(*) FROM apscheduler_jobs_readable"), 1);
    }
}
