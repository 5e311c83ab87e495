//! The server of the tests, tables in it, and a connection that bypasses the store.
#![allow(dead_code, unused_imports, reason = "not every test uses all of it")]

#[path = "../../src/client/mod.rs"]
pub(crate) mod client;

use std::time::Duration;

use apscheduler_store_rethinkdb::RethinkDbOptions;
use apscheduler_testkit::stores::{new_name, server_url};
use serde_json::Value;

use client::{Connection, Target, Term, datum};

/// The database of the tests.
pub(crate) const DATABASE: &str = "apscheduler_test";

/// What follows the name of the table of jobs in those of the others.
pub(crate) const SUFFIXES: [&str; 4] = ["", "_runs", "_owners", "_open"];

/// The URL of the server.
pub(crate) fn url() -> String {
    server_url("APSCHEDULER_TEST_RETHINKDB")
}

/// Returns the name of a table for one test.
pub(crate) fn new_table() -> String {
    new_name()
}

/// Returns the options of a store in this table.
pub(crate) fn options(table: &str) -> RethinkDbOptions {
    RethinkDbOptions::default().url(url()).database(DATABASE).table(table)
}

/// The host, the port, the user and the password in the URL.
pub(crate) fn login() -> Target {
    let url = url();
    let rest = url.strip_prefix("rethinkdb://").expect("a `rethinkdb://` URL");
    let authority = rest.split('/').next().unwrap_or_default();
    let (login, place) = authority.rsplit_once('@').unwrap_or(("admin", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "28015"));
    Target {
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        user: user.to_owned(),
        password: password.to_owned(),
        tls: None,
        connect_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(60),
    }
}

/// Sends a query, bypassing the store.
pub(crate) fn run(query: &Term) -> Value {
    try_run(query).expect("the server of APSCHEDULER_TEST_RETHINKDB answers")
}

/// The term that a store has sent.
pub(crate) fn raw(term: &Value) -> Term {
    Term(term.clone())
}

fn try_run(query: &Term) -> Result<Value, client::ClientError> {
    Connection::open(&login())?.run(query)
}

/// The table of jobs.
pub(crate) fn jobs(table: &str) -> Term {
    Term::db(DATABASE).table(table)
}

/// Sets fields of the document with this key. Returns the document as it was.
pub(crate) fn set(table: &str, key: impl Into<Term>, fields: Value) -> Value {
    let set = Term::function(|row| row.merge(datum(fields)));
    let answer = run(&jobs(table).get(key).replace(set).with("return_changes", true));
    assert_eq!(answer["replaced"], 1, "{answer}");
    answer["changes"][0]["old_val"].clone()
}

/// Creates a table with a document of another program.
pub(crate) fn insert_foreign_data(table: &str) {
    // The database and the table may exist already.
    let _ = try_run(&Term::db_create(DATABASE));
    if try_run(&Term::db(DATABASE).table_create(table)).is_ok() {
        run(&jobs(table).wait());
    }
    let theirs = serde_json::json!({"id": "job", "next_run_time": 1_700_000_000.5});
    run(&jobs(table).insert(datum(theirs)));
}

/// Drops a table and those beside it.
pub(crate) fn remove(table: &str) {
    for suffix in SUFFIXES {
        // `table_drop`; it may not exist.
        let _ = try_run(&Term::new(61, [Term::db(DATABASE), format!("{table}{suffix}").into()]));
    }
}

/// Returns the options of a user who may only read.
pub(crate) fn reader(table: &str) -> RethinkDbOptions {
    const READER: &str = "apscheduler_test_reader";
    let user = serde_json::json!({"id": READER, "password": "secret"});
    let users = Term::db("rethinkdb").table("users").insert(datum(user));
    run(&users.with("conflict", "replace"));
    let rights = datum(serde_json::json!({"read": true, "write": false, "config": false}));
    // `grant`
    run(&Term::new(188, [Term::db(DATABASE), READER.into(), rights]));
    let target = login();
    let url = format!("rethinkdb://{READER}:secret@{}:{}", target.host, target.port);
    options(table).url(url)
}
