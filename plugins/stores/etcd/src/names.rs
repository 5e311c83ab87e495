//! The name of this plugin, and what errors about its options have in common.

use std::borrow::Cow;

use apscheduler_core::{Error, ErrorKind};

/// What errors call this plugin.
pub(crate) const STORE_NAME: &str = "job store `etcd`";

/// The error about an option.
pub(crate) fn config_error(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message).with_context(STORE_NAME)
}
