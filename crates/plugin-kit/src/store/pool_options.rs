//! The limits of a connection pool.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_core::options::{self, Seconds};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The limits of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// The most open connections.
    pub size: usize,
    /// How long a call waits for a connection.
    pub timeout: Duration,
}

/// The known keys of `engine_options`.
#[derive(Deserialize)]
#[serde(default)]
struct EngineOptions {
    pool_size: usize,
    max_overflow: usize,
    pool_timeout: Seconds,
    pool_pre_ping: bool,
    pool_recycle: i64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            pool_size: 5,
            max_overflow: 10,
            pool_timeout: Seconds(30.0),
            pool_pre_ping: true,
            pool_recycle: -1,
        }
    }
}

impl PoolOptions {
    /// At most this many open connections; a call waits this long for one.
    pub const fn new(size: usize, timeout: Duration) -> Self {
        Self { size, timeout }
    }

    /// Reads `engine_options`, the options of SQLAlchemy's engine: `pool_size` (5) and `max_overflow` (10), whose sum is
    /// the most open connections, and `pool_timeout` (30 seconds), how long a call waits for a connection. `pool_pre_ping`
    /// and `pool_recycle` are accepted and ignored: dead connections are always noticed.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) with `what` and the key.
    pub fn of_engine(what: &str, engine_options: &Map<String, Value>) -> Result<Self> {
        let what = format!("{what}: engine_options");
        let EngineOptions { pool_size, max_overflow, pool_timeout, pool_pre_ping, pool_recycle } =
            options::parse(&what, engine_options)?;
        let _ = (pool_pre_ping, pool_recycle);
        let size = pool_size.saturating_add(max_overflow);
        options::at_least(&format!("{what}: pool_size"), size, 1)?;
        let timeout = pool_timeout.check(&format!("{what}: pool_timeout"), 0.001)?;
        Ok(Self { size, timeout })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn engine_options_have_sqlalchemys_names_and_defaults() {
        let parse = |given: Value| PoolOptions::of_engine("store", given.as_object().unwrap());
        let timeout = Duration::from_secs(30);
        assert_eq!(parse(json!({})).unwrap(), PoolOptions::new(15, timeout));
        let given = json!({"pool_size": "2", "pool_pre_ping": true, "pool_recycle": 3600});
        assert_eq!(parse(given).unwrap(), PoolOptions::new(12, timeout));
        for (given, expected) in [
            (json!({"echo": 1}), "store: engine_options: unknown option `echo`"),
            (json!({"pool_size": 0, "max_overflow": 0}), "pool_size: expected at least 1"),
            (json!({"pool_timeout": 0}), "engine_options: pool_timeout: expected 0.001 to"),
        ] {
            let error = parse(given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
