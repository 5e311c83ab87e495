//! Environment variables of workers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

static VARIABLES: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Sets an environment variable of the workers that are started from now on, for what the program tells its workers, such as
/// an option of its command line. The programs that jobs start in workers inherit it.
///
/// # Examples
/// ```
/// apscheduler_executor_processpool::worker::set_variable("SHOP_LOG_FORMAT", "json");
/// ```
pub fn set_variable(name: &str, value: &str) {
    let mut variables = VARIABLES.lock().unwrap_or_else(PoisonError::into_inner);
    variables.insert(name.to_owned(), value.to_owned());
}

/// The environment variables of workers, apart from those of this process.
#[cfg(unix)]
pub(crate) fn variables() -> BTreeMap<String, String> {
    VARIABLES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
