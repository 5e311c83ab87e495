//! The server that the tests use, and keys in it.

use apscheduler_store_redis::RedisOptions;
use redis::{Client, Connection};

/// Its URL.
pub(crate) fn url() -> String {
    std::env::var("APSCHEDULER_TEST_REDIS").unwrap_or_else(|_| {
        panic!(
            "no Redis server to test with: run `cargo xtask test`, or set APSCHEDULER_TEST_REDIS to a URL such as \
             redis://127.0.0.1:6379/0"
        )
    })
}

/// A connection past the store.
pub(crate) fn connection() -> Connection {
    let client = Client::open(url()).expect("a URL of Redis");
    client.get_connection().expect("the server of APSCHEDULER_TEST_REDIS answers")
}

/// The beginning of keys that nobody else uses.
pub(crate) fn new_keys() -> String {
    format!("test.{}", uuid::Uuid::new_v4().simple())
}

/// The options of a store with these keys.
pub(crate) fn options(keys: &str) -> RedisOptions {
    RedisOptions::default()
        .url(url())
        .jobs_key(format!("{keys}.jobs"))
        .run_times_key(format!("{keys}.run_times"))
}

/// Deletes what lies under these keys.
pub(crate) fn remove(keys: &str) {
    let names = ["jobs", "run_times", "jobs.meta"].map(|name| format!("{keys}.{name}"));
    redis::cmd("DEL").arg(&names).exec(&mut connection()).expect("the keys are deleted");
}
