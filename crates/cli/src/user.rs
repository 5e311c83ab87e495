//! The user of the program.

use std::env;

/// Returns the name of the user, for the records of changes: of the one who called `sudo`, or else of the session. It is
/// what the environment says, so it is a help and no proof.
pub(crate) fn name() -> String {
    let variables = ["SUDO_USER", "LOGNAME", "USER", "USERNAME"];
    let named = variables.into_iter().filter_map(|name| env::var(name).ok());
    named.into_iter().find(|name| !name.trim().is_empty()).unwrap_or_else(number)
}

#[cfg(unix)]
fn number() -> String {
    format!("user {}", rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn number() -> String {
    "unknown user".to_owned()
}
