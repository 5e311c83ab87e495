//! The database of the tests. `cargo xtask test` starts its server.

use apscheduler_testkit::stores::server_url;
use tokio_postgres::{Client, NoTls};

/// Returns its URL.
pub(crate) fn url() -> String {
    server_url("APSCHEDULER_TEST_POSTGRES")
}

/// Calls `work` with a plain connection.
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

/// Executes statements.
pub(crate) fn execute(statements: &str) {
    connected(async |client| client.batch_execute(statements).await);
}

/// Removes everything that a store has created.
pub(crate) fn drop_tables(name: &str) {
    execute(&format!(
        "DROP VIEW IF EXISTS {name}_readable;
         DROP TABLE IF EXISTS {name}, {name}_claims, {name}_runs, {name}_owners, {name}_open;
         DELETE FROM apscheduler_meta WHERE tablename = '{name}'"
    ));
}
