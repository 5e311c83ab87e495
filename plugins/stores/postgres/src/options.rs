//! The options of the store.

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::{SqlServerConfig, SqlServerOptions};

use crate::address::Address;
use crate::names::RULES;

/// The options of the store, with APScheduler's names.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use apscheduler_store_postgres::{PostgresJobStore, PostgresOptions};
///
/// let options = PostgresOptions::new("postgresql://user:password@host/database")
///     .tablename("shop_jobs")
///     .statement_timeout(Duration::from_secs(10));
/// let store = PostgresJobStore::with_options(options)?;
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub type PostgresOptions = SqlServerOptions;

/// The checked options.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) address: Address,
    pub(crate) server: SqlServerConfig,
}

impl Config {
    /// Checks the options.
    pub(crate) fn new(options: PostgresOptions) -> Result<Self> {
        let address = Address::parse(&options.url)?;
        Ok(Self { address, server: RULES.check(options)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_option() {
        let url = "postgresql://db/jobs";
        for (options, expected) in [
            (PostgresOptions::default(), "needs `url`"),
            (
                PostgresOptions::new(url).tablename("x".repeat(50)),
                "tablename: expected 1 to 49 bytes, found 50",
            ),
            (PostgresOptions::new(url).tablename("apscheduler_meta"), "holds the schema versions"),
        ] {
            let error = Config::new(options).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
