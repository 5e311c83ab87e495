//! Systems without users and priorities as Unix has them.

use std::process::Command;

/// Never exists here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum User {}

impl User {
    pub(crate) fn find(_name: &str) -> Result<Self, String> {
        Err(unsupported("user"))
    }

    pub(crate) fn apply(&self, _command: &mut Command) {
        match *self {}
    }
}

pub(super) fn supports(key: &str) -> Result<(), String> {
    Err(unsupported(key))
}

fn unsupported(key: &str) -> String {
    format!("{key}: it is supported on Unix alone; leave it out")
}

pub(super) fn check_niceness(_value: i32) -> Result<(), String> {
    Ok(())
}
