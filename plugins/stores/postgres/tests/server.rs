//! Behavior that needs a real server: refusals, outages, and several tables in one database.

mod database;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use apscheduler_core::ledger::{OpenRun, OpenStep, Writes};
use apscheduler_core::run::{Owner, RunId};
use apscheduler_core::store::{
    ChangeNotifier, ClaimOutcome, ClaimRequest, Decision, JobRecord, JobStore, NextRun, RunTimes,
};
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_postgres::{PostgresJobStore, PostgresOptions};
use apscheduler_testkit::stores::records::{Records, second};
use apscheduler_testkit::stores::{Proxy, new_name};
use database::{connected, drop_tables, execute, url};

/// A table that is removed at the end.
struct Table(String);

impl Table {
    fn new() -> Self {
        // Called before there is anything to remove, because it panics without a server.
        url();
        Self(new_name())
    }

    fn options(&self) -> PostgresOptions {
        PostgresOptions::new(url()).tablename(&self.0)
    }

    fn open(&self) -> PostgresJobStore {
        started(self.options())
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        drop_tables(&self.0);
    }
}

fn started(options: PostgresOptions) -> PostgresJobStore {
    let store = PostgresJobStore::with_options(options).expect("valid options");
    store.start("default").expect("the store starts");
    store
}

fn refused(options: PostgresOptions) -> Error {
    let store = PostgresJobStore::with_options(options).expect("valid options");
    store.start("default").expect_err("the store must not start")
}

fn add(store: &dyn JobStore, id: &str) {
    let record = Records::of(store).new_record(id, Some(second(1)));
    store.add_jobs(vec![record]).expect("added");
}

fn ids(store: &dyn JobStore) -> Vec<String> {
    let records = store.get_jobs(None, 100).expect("listed");
    records.iter().map(|record| record.id.to_string()).collect()
}

fn due() -> ClaimRequest {
    ClaimRequest::new(second(5), 10)
}

fn take(record: &JobRecord) -> Decision {
    let run_times = RunTimes::One(record.next_run_time.expect("it is due"));
    Decision::Claim(ClaimOutcome::new(run_times, NextRun::At(second(60))))
}

/// Returns the part of the URL after user and password.
fn place() -> String {
    let url = url();
    let (_, rest) = url.split_once("://").expect("a URL");
    rest.split_once('@').map_or(rest, |(_, place)| place).to_owned()
}

fn assert_no_password(error: &Error) {
    let text = format!("{} {error:?}", error.chain());
    assert!(!text.contains("topsecret"), "{text}");
}

/// Makes the server end the connections of the stores on this table.
fn end_connections(application: &str) {
    let end = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '{application}'"
    );
    execute(&end);
}

fn named(table: &Table) -> PostgresOptions {
    let url = url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}application_name={}", table.0);
    PostgresOptions::new(url).tablename(&table.0)
}

#[test]
fn an_unreachable_server_is_named_without_the_password() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let url = format!("postgresql://someone:topsecret@127.0.0.1:{port}/jobs");
    let error = refused(PostgresOptions::new(url));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}/jobs")), "{error}");
    assert_no_password(&error);
}

#[test]
fn an_unresponsive_server_times_out() {
    // It accepts connections, but never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let url = format!("postgresql://someone:topsecret@{address}/jobs");
    let begin = Instant::now();
    let error = refused(PostgresOptions::new(url).connect_timeout(Duration::from_millis(300)));
    assert!(begin.elapsed() < Duration::from_secs(10), "it took {:?}", begin.elapsed());
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert_no_password(&error);
}

#[test]
fn a_refused_login_is_reported_without_the_password() {
    let url = format!("postgresql://nobody_of_ours:topsecret@{}", place());
    let error = refused(PostgresOptions::new(url));
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.chain().contains("refused the connection"), "{}", error.chain());
    assert_no_password(&error);
}

#[test]
fn a_separate_schema_is_used() {
    let schema = new_name();
    execute(&format!("CREATE SCHEMA \"{schema}\""));
    let options = PostgresOptions::new(url()).tableschema(&schema).tablename("My \"jobs\"");
    let (store, other) = (started(options.clone()), started(options));
    add(&store, "a");
    assert_eq!(ids(&other), ["a"]);
    let count = format!("SELECT count(*) FROM \"{schema}\".\"My \"\"jobs\"\"_readable\"");
    let readable: i64 =
        connected(async |client| client.query_one(&count, &[]).await.map(|row| row.get(0)));
    assert_eq!(readable, 1);
    execute(&format!("DROP SCHEMA \"{schema}\" CASCADE"));
}

#[test]
fn a_missing_schema_is_an_error() {
    let error = refused(PostgresOptions::new(url()).tableschema("not_there"));
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.chain().contains("not_there"), "{}", error.chain());
}

#[test]
fn an_older_schema_is_migrated() {
    let table = Table::new();
    add(&table.open(), "a");
    let name = &table.0;
    execute(&format!(
        "DROP TABLE {name}_claims; UPDATE apscheduler_meta SET version = 1 WHERE tablename = '{name}'"
    ));
    let store = table.open();
    assert_eq!(store.claim_due(&due(), &mut take).expect("claimed").won.len(), 1);
    assert_eq!(ids(&table.open()), ["a"]);
}

#[test]
fn a_dropped_table_is_created_again() {
    let table = Table::new();
    add(&table.open(), "a");
    execute(&format!("DROP TABLE {} CASCADE", table.0));
    let store = table.open();
    add(&store, "b");
    assert_eq!(store.claim_due(&due(), &mut take).expect("claimed").won.len(), 1);
}

#[test]
fn claim_tokens_do_not_accumulate() {
    let table = Table::new();
    let store = table.open();
    for id in ["a", "b", "c", "d"] {
        add(&store, id);
        assert_eq!(store.claim_due(&due(), &mut take).expect("claimed").won.len(), 1);
        assert!(store.claim_due(&due(), &mut take).expect("claimed").won.is_empty());
    }
    assert!(tokens(&table) <= 1);
    store.shutdown().expect("shut down");
    execute(&format!("UPDATE {}_claims SET since = '2020-01-01'", table.0));
    table.open();
    assert_eq!(tokens(&table), 0, "tokens left by others are removed after a week");
}

fn tokens(table: &Table) -> i64 {
    let count = format!("SELECT count(*) FROM {}_claims", table.0);
    connected(async |client| client.query_one(&count, &[]).await.map(|row| row.get(0)))
}

#[test]
fn a_closed_connection_is_replaced() {
    let table = Table::new();
    let store = started(named(&table));
    add(&store, "a");
    for round in 0..3 {
        end_connections(&table.0);
        match round {
            0 => assert_eq!(ids(&store), ["a"]),
            1 => add(&store, "b"),
            _ => {
                let claims = store.claim_due(&due(), &mut take).expect("claimed");
                assert_eq!(claims.won.len(), 2);
            }
        }
    }
}

#[test]
fn an_interrupted_claim_claims_nothing() {
    let table = Table::new();
    let store = started(named(&table));
    add(&store, "a");
    let cut_off = store.claim_due(&due(), &mut |record| {
        end_connections(&table.0);
        take(record)
    });
    let error = cut_off.expect_err("the connection was closed");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    let claims = store.claim_due(&due(), &mut take).expect("claimed");
    assert_eq!(claims.won.len(), 1, "it is still due");
}

#[test]
fn a_claim_answered_by_a_proxy_is_not_lost() {
    // A server that can't flush its log, but has written the transaction; a pooler that has lost its server.
    for (severity, code) in [("PANIC", "58030"), ("FATAL", "58000"), ("ERROR", "40003")] {
        let table = Table::new();
        let (proxy, way) = Proxy::before(&url());
        let separator = if way.contains('?') { '&' } else { '?' };
        let way = format!("{way}{separator}sslmode=disable");
        let store = started(PostgresOptions::new(way).tablename(&table.0));
        add(&store, "a");
        let lost = store.claim_due(&due(), &mut |record| {
            proxy.answer_instead(&error_response(severity, code));
            take(record)
        });
        lost.expect_err("it is not known whether it was written");
        proxy.mend();
        let claims = store.claim_due(&due(), &mut take).expect("claimed").won;
        assert_eq!(claims.len(), 1, "{severity} {code}");
        assert!(store.claim_due(&due(), &mut take).expect("claimed").won.is_empty());
    }
}

/// Returns the server's message for an error.
fn error_response(severity: &str, code: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0Mit is gone\0\0");
    let length = u32::try_from(fields.len() + 4).expect("a short message");
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

#[test]
fn a_read_only_server_is_retryable() {
    let table = Table::new();
    add(&table.open(), "a");
    let url = url();
    let separator = if url.contains('?') { '&' } else { '?' };
    // The error of a standby.
    let options = "-c%20transaction_read_only=on%20-c%20default_transaction_read_only=on";
    let store = started(
        PostgresOptions::new(format!("{url}{separator}options={options}")).tablename(&table.0),
    );
    assert_eq!(ids(&store), ["a"]);
    let error = store.remove_all_jobs().expect_err("read-only");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
}

/// The owner is condemned in a transaction that is not committed yet when it claims a run.
#[test]
fn a_claim_of_waiting_runs_waits_for_the_verdict_on_its_owner() {
    let table = Table::new();
    let store = table.open();
    let ledger = store.ledger().expect("a ledger");
    let owner = Owner::new("shop", "host1", 4711);
    ledger.heartbeat(&owner, Duration::from_secs(60)).expect("noted");
    let run = OpenRun::new(RunId::new(second(1)), "a", second(1), owner.id, "{}");
    let steps = [OpenStep::add(run.waiting(second(2)))];
    ledger.append(owner.id, &Writes::new().steps(&steps)).expect("written");
    let condemn = format!("BEGIN; UPDATE {}_owners SET state = 'dead'", table.0);
    let is_blocked = "SELECT EXISTS (SELECT FROM pg_locks
        WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))";
    let claimed = connected(async |client| {
        client.batch_execute(&condemn).await?;
        let claim = std::thread::spawn(move || ledger.claim_open(owner.id, second(9), 10));
        while !claim.is_finished() && !client.query_one(is_blocked, &[]).await?.get::<_, bool>(0) {}
        client.batch_execute("COMMIT").await?;
        Ok(claim.join().expect("no panic").expect("no error"))
    });
    assert!(claimed.is_empty(), "{claimed:?}");
}

#[test]
fn a_watch_survives_the_end_of_its_connection() {
    let table = Table::new();
    let (store, other) = (started(named(&table)), table.open());
    let (sender, receiver) = mpsc::channel();
    let notifier = ChangeNotifier::new(move || {
        // The test may have ended already.
        let _ = sender.send(());
    });
    let watch = store.watch(notifier).expect("watched").expect("a watch");
    let told = || receiver.recv_timeout(Duration::from_secs(10)).is_ok();
    add(&other, "a");
    assert!(told(), "a change by another handle");
    end_connections(&table.0);
    // Listening again is reported, because changes in between were missed.
    assert!(told(), "the gap");
    add(&other, "b");
    assert!(told(), "a change after it");
    drop(watch);
}

#[test]
fn a_poll_interval_replaces_listen() {
    let table = Table::new();
    let store = started(table.options().poll_interval(Duration::from_millis(20)));
    let (sender, receiver) = mpsc::channel();
    let notifier = ChangeNotifier::new(move || {
        // The test may have ended already.
        let _ = sender.send(());
    });
    let watch = store.watch(notifier).expect("watched").expect("a watch");
    for _ in 0..2 {
        // There was no change, of which `LISTEN` would know.
        receiver.recv_timeout(Duration::from_secs(10)).expect("a report in every interval");
    }
    drop(watch);
}
