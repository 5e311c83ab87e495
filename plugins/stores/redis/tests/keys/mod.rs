//! The server of the tests, and keys in it.

use apscheduler_store_redis::RedisOptions;
use apscheduler_testkit::stores::{new_name, server_url};
use redis::{Client, Connection};

/// Returns its URL.
pub(crate) fn url() -> String {
    server_url("APSCHEDULER_TEST_REDIS")
}

/// Returns a connection that bypasses the store.
pub(crate) fn connection() -> Connection {
    let client = Client::open(url()).expect("a URL of Redis");
    client.get_connection().expect("the server of APSCHEDULER_TEST_REDIS answers")
}

/// Returns the prefix of the keys of one test.
pub(crate) fn new_keys() -> String {
    new_name()
}

/// Returns the options of a store with these keys.
pub(crate) fn options(keys: &str) -> RedisOptions {
    RedisOptions::default()
        .url(url())
        .jobs_key(format!("{keys}.jobs"))
        .run_times_key(format!("{keys}.run_times"))
}

/// Deletes these keys.
pub(crate) fn remove(keys: &str) {
    let names = [
        "jobs",
        "run_times",
        "jobs.meta",
        "run_times.meta",
        "jobs.journal",
        "jobs.journal.by_owner",
        "jobs.open",
        "jobs.open.index",
        "jobs.open.due",
        "jobs.owners",
        "jobs.runs",
        "jobs.runs.by_state",
        "jobs.runs.by_job",
        "jobs.runs.kept",
    ];
    let names = names.map(|name| format!("{keys}.{name}"));
    redis::cmd("DEL").arg(&names).exec(&mut connection()).expect("the keys are deleted");
}
