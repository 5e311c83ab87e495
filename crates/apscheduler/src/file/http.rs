//! The key `http`: the server of the HTTP API.

use apscheduler_core::{Error, ErrorKind, Result};
use serde_json::Value;

/// The options of the server.
#[derive(Clone, Debug)]
pub(super) struct Http(#[cfg(feature = "interface-http")] apscheduler_interface_http::HttpOptions);

impl Http {
    /// Reads the options.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the key; without the feature `interface-http`, in any case: a server that does not
    /// start must not go unnoticed.
    #[cfg(feature = "interface-http")]
    pub(super) fn read(options: &Value) -> Result<Self> {
        let table = options.as_object().ok_or_else(|| not_a_table(options))?;
        apscheduler_interface_http::HttpOptions::from_options(table).map(Self)
    }

    #[cfg(not(feature = "interface-http"))]
    pub(super) fn read(options: &Value) -> Result<Self> {
        options.as_object().ok_or_else(|| not_a_table(options))?;
        let message =
            "http: this program has no HTTP API; build it with the feature `interface-http`";
        Err(Error::new(ErrorKind::Config, message))
    }

    #[cfg(feature = "interface-http")]
    pub(super) fn bind(&self) -> Result<apscheduler_interface_http::BoundServer> {
        apscheduler_interface_http::BoundServer::bind(self.0.clone())
    }
}

fn not_a_table(found: &Value) -> Error {
    Error::new(ErrorKind::Config, format!("http: expected a table, found {found}"))
}
