//! The database that tests use: `cargo xtask test` starts its server.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_postgres::{Client, NoTls};

const VARIABLE: &str = "APSCHEDULER_TEST_POSTGRES";

/// Where it is.
pub(crate) fn url() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("run `cargo xtask test`, or set {VARIABLE} to the URL of a database for tests")
    })
}

/// A name that nobody else uses.
pub(crate) fn new_name() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("test_{}_{number}_{:08x}", std::process::id(), fastrand::u32(..))
}

/// Does something with a plain connection.
pub(crate) fn connected<T>(
    work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.expect("a runtime").block_on(async {
        let (client, connection) = tokio_postgres::connect(&url(), NoTls).await?;
        let carrier = tokio::spawn(connection);
        let done = work(&client).await;
        carrier.abort();
        done
    });
    done.unwrap_or_else(|error| panic!("{error}: {:?}", error.as_db_error()))
}

/// Carries out statements.
pub(crate) fn execute(statements: &str) {
    connected(async |client| client.batch_execute(statements).await);
}

/// Removes what a store made.
pub(crate) fn drop_tables(name: &str) {
    execute(&format!(
        "DROP VIEW IF EXISTS {name}_readable; DROP TABLE IF EXISTS {name};
         DELETE FROM apscheduler_meta WHERE tablename = '{name}'"
    ));
}
