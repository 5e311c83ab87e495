//! The database that tests use: `cargo xtask test` starts its server.

use apscheduler_testkit::stores::server_url;
use mysql::prelude::Queryable as _;
use mysql::{Conn, Opts};

/// Where it is.
pub(crate) fn url() -> String {
    server_url("APSCHEDULER_TEST_MYSQL")
}

/// A plain connection.
pub(crate) fn connect() -> Conn {
    let options = Opts::from_url(&url()).expect("a plain URL");
    Conn::new(options).expect("the server is there")
}

/// Carries a statement out.
pub(crate) fn execute(statement: &str) {
    connect().query_drop(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Removes what a store made.
pub(crate) fn drop_tables(name: &str) {
    execute(&format!("DROP VIEW IF EXISTS {name}_readable"));
    execute(&format!("DROP TABLE IF EXISTS {name}, {name}_changes, {name}_claims"));
    // A test may have ended before there was such a table.
    let _ =
        connect().query_drop(format!("DELETE FROM apscheduler_meta WHERE tablename = '{name}'"));
}
