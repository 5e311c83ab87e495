//! Behavior that needs a real server: refusals, schemas, outages, and concurrent schedulers.

#[path = "../database/mod.rs"]
mod database;
mod outages;
mod refusals;
mod schemas;
mod sharing;

use std::sync::mpsc;
use std::time::Duration;

use apscheduler_core::store::{
    ChangeNotifier, ClaimOutcome, ClaimRequest, Decision, JobRecord, JobStore, NextRun, RunTimes,
};
use apscheduler_core::{Error, ErrorKind};
use apscheduler_store_mysql::{MySqlJobStore, MySqlOptions};
use apscheduler_testkit::stores::records::{Records, second};
use apscheduler_testkit::stores::{Proxy, new_name};
use database::{connect, drop_tables, execute, url};
use mysql::prelude::Queryable as _;

/// A table that is removed at the end.
struct Table(String);

impl Table {
    fn new() -> Self {
        // Called before there is anything to remove, because it panics without a server.
        url();
        Self(new_name())
    }

    fn options(&self) -> MySqlOptions {
        MySqlOptions::new(url()).tablename(&self.0)
    }

    fn open(&self) -> MySqlJobStore {
        started(self.options())
    }

    /// Returns the options of a store that connects through a proxy.
    fn through(&self, proxy: &Proxy) -> MySqlOptions {
        let place = place();
        let (server, _) = place.split_once('/').expect("a database");
        let url = url().replacen(server, &proxy.address().to_string(), 1);
        MySqlOptions::new(url).tablename(&self.0)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        drop_tables(&self.0);
    }
}

/// A user of the server, who is removed at the end.
struct User(String);

impl User {
    fn new(password: &str) -> Self {
        // At most 32 characters.
        let name = new_name().replace("test_", "u");
        let literal = mysql::Value::from(password).as_sql(false);
        execute(&format!("CREATE USER {name} IDENTIFIED BY {literal}"));
        Self(name)
    }

    /// Returns a user with all permissions that a store needs.
    fn with_rights(password: &str) -> Self {
        let user = Self::new(password);
        execute(&format!("GRANT ALL ON *.* TO {}", user.0));
        user
    }

    /// Makes the server end all connections of this user.
    fn end_connections(&self) {
        let mut connection = connect();
        let select = "SELECT id FROM information_schema.processlist WHERE user = ?";
        let ids: Vec<u64> = connection.exec(select, (&self.0,)).expect("asked");
        assert!(!ids.is_empty(), "there are connections to end");
        for id in ids {
            // It may have ended by itself.
            let _ = connection.query_drop(format!("KILL CONNECTION {id}"));
        }
    }

    fn url(&self, password: &str) -> String {
        format!("mysql://{}:{password}@{}", self.0, place())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        execute(&format!("DROP USER {}", self.0));
    }
}

fn split(url: &str) -> (&str, &str) {
    url.split_once("://").expect("a URL")
}

/// The part of the URL after user and password: `host:port/database`.
fn place() -> String {
    let url = url();
    let (_, rest) = split(&url);
    rest.rsplit_once('@').map_or(rest, |(_, place)| place).to_owned()
}

fn proxy() -> Proxy {
    Proxy::before(&url()).0
}

fn started(options: MySqlOptions) -> MySqlJobStore {
    let store = MySqlJobStore::with_options(options).expect("valid options");
    store.start("default").expect("the store starts");
    store
}

fn refused(options: MySqlOptions) -> Error {
    let store = MySqlJobStore::with_options(options).expect("valid options");
    store.start("default").expect_err("the store must not start")
}

fn add(store: &dyn JobStore, id: &str) {
    try_adding(store, id).expect("added");
}

fn try_adding(store: &dyn JobStore, id: &str) -> Result<(), Error> {
    let record = Records::of(store).new_record(id, Some(second(1)));
    store.add_jobs(vec![record])
}

fn ids(store: &dyn JobStore) -> Vec<String> {
    let records = store.get_jobs(None, 100).expect("listed");
    records.iter().map(|record| record.id.to_string()).collect()
}

fn due() -> ClaimRequest {
    ClaimRequest::new(second(5), 10)
}

/// Claims all due jobs; they run again in a minute.
fn take(record: &JobRecord) -> Decision {
    let run_times = RunTimes::One(record.next_run_time.expect("it is due"));
    Decision::Claim(ClaimOutcome::new(run_times, NextRun::At(second(60))))
}

fn claimed(store: &dyn JobStore) -> Vec<String> {
    let claims = store.claim_due(&due(), &mut take).expect("claimed").won;
    claims.iter().map(|claim| claim.record.id.to_string()).collect()
}

#[track_caller]
fn assert_unavailable(error: &Error, address: &str) {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
    assert!(error.is_retryable() && error.to_string().contains(address), "{error}");
}

#[track_caller]
fn assert_no_password(error: &Error) {
    let text = format!("{} {error:?}", error.chain());
    assert!(!text.contains("topsecret"), "{text}");
}

/// A notifier, and the receiver of its notifications.
fn notifier() -> (ChangeNotifier, impl Fn() -> bool) {
    let (sender, receiver) = mpsc::channel();
    let notifier = ChangeNotifier::new(move || {
        // The test may have ended already.
        let _ = sender.send(());
    });
    (notifier, move || receiver.recv_timeout(Duration::from_secs(10)).is_ok())
}
