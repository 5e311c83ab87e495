//! The database of the tests. `cargo xtask test` starts its server.

use apscheduler_testkit::stores::server_url;
use mysql::prelude::Queryable as _;
use mysql::{Conn, Opts};

/// Returns its URL.
pub(crate) fn url() -> String {
    server_url("APSCHEDULER_TEST_MYSQL")
}

/// Returns a plain connection.
pub(crate) fn connect() -> Conn {
    let options = Opts::from_url(&url()).expect("a plain URL");
    Conn::new(options).expect("the server is available")
}

/// Executes a statement.
pub(crate) fn execute(statement: &str) {
    connect().query_drop(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Removes everything that a store has created.
pub(crate) fn drop_tables(name: &str) {
    execute(&format!("DROP VIEW IF EXISTS {name}_readable"));
    execute(&format!(
        "DROP TABLE IF EXISTS {name}, {name}_changes, {name}_claims, {name}_batches, {name}_runs, {name}_owners,
         {name}_open"
    ));
    // A test may have ended before this table was created.
    let _ =
        connect().query_drop(format!("DELETE FROM apscheduler_meta WHERE tablename = '{name}'"));
}
