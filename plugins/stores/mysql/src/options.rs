//! The options of the store.

use std::time::Duration;

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::{SqlServerConfig, SqlServerOptions};

use crate::address::Address;
use crate::names::RULES;

/// How often to look for changes by other schedulers, by default.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The options of the store, with APScheduler's names.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use apscheduler_store_mysql::{MySqlJobStore, MySqlOptions};
///
/// let options = MySqlOptions::new("mysql://user:password@host/database")
///     .tablename("shop_jobs")
///     .poll_interval(Duration::from_millis(500));
/// let store = MySqlJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub type MySqlOptions = SqlServerOptions;

/// The checked options.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) address: Address,
    pub(crate) server: SqlServerConfig,
    pub(crate) poll_interval: Duration,
}

impl Config {
    /// Checks the options.
    pub(crate) fn new(options: MySqlOptions) -> Result<Self> {
        let address = Address::parse(&options.url)?;
        let server = RULES.check(options)?;
        let poll_interval = server.poll_interval.unwrap_or(POLL_INTERVAL);
        Ok(Self { address, server, poll_interval })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_option() {
        let url = "mysql://db/jobs";
        for (options, expected) in [
            (MySqlOptions::default(), "needs `url`"),
            (
                MySqlOptions::new(url).tablename("x".repeat(56)),
                "tablename: expected 1 to 55 characters, found 56",
            ),
            (MySqlOptions::new(url).tablename("APScheduler_Meta"), "holds the schema versions"),
        ] {
            let error = Config::new(options).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
