//! What stores on SQL servers share: their options, the check of these, and the URL.

mod options;
mod rules;
mod url;

pub use options::SqlServerOptions;
pub use rules::{LongestName, SqlServerConfig, SqlServerRules};
pub use url::SqlServerUrl;
