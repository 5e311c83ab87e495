//! Where to connect, and how to log in.

use std::fmt;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::time::Duration;

/// Where to connect, and how to log in.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    /// `None` is a connection without TLS.
    pub(crate) tls: Option<Tls>,
    /// How long connecting may take, with the login.
    pub(crate) connect_timeout: Duration,
    /// How long a query may take.
    pub(crate) timeout: Duration,
}

/// How to encrypt a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// A PEM file with the certificates to trust, instead of the system's.
    #[cfg(feature = "tls")]
    pub(crate) roots: Option<PathBuf>,
}

/// Hides the password.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}:{})", self.host, self.port)
    }
}
