//! The name of this plugin.

/// What errors call this plugin.
pub(crate) const STORE_NAME: &str = "job store `zookeeper`";
