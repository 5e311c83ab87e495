//! Converts errors of the client and the server, without passwords.

use std::error::Error as _;
use std::fmt;

use apscheduler_core::{Error, ErrorKind};
use apscheduler_plugin_kit::store::CauseText;
use etcd_client::Error as ClientError;

use crate::names::STORE_NAME;

/// The code of gRPC for a user without permission.
const PERMISSION_DENIED: i32 = 7;
/// The code of gRPC for a missing or an expired login.
const UNAUTHENTICATED: i32 = 16;
/// The code of gRPC for a server that lacks something, such as space.
const RESOURCE_EXHAUSTED: i32 = 8;
/// The codes of gRPC for what a later try may do: a deadline, an aborted call, an unavailable server.
const TEMPORARY: [i32; 3] = [4, 10, 14];

/// What the server says about a login that it refuses.
const DENIED: [&str; 3] =
    ["authentication failed", "user name is empty", "authentication is not enabled"];

/// The address of the server in errors.
#[derive(Clone)]
pub(crate) struct Address {
    /// Without user and password.
    pub(crate) shown: String,
    /// The password, which no error may show.
    pub(crate) password: Option<String>,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// There was no connection, so nothing was sent.
    Unreached,
    /// The connection was lost, and perhaps the answer.
    Lost,
    /// The server has answered.
    Refused,
}

/// Returns how a call failed.
pub(crate) fn how(error: &ClientError) -> Failed {
    match error {
        ClientError::GRpcStatus(status) if is_from_server(status.message()) => Failed::Refused,
        ClientError::GRpcStatus(_) | ClientError::TransportError(_) | ClientError::IoError(_) => {
            let text = cause(error).to_lowercase();
            let is_connecting = ["connect error", "dns error", "certificate", "handshake"];
            if is_connecting.iter().any(|word| text.contains(word)) {
                Failed::Unreached
            } else {
                Failed::Lost
            }
        }
        ClientError::WatchError(_) | ClientError::Internal(_) => Failed::Lost,
        _ => Failed::Refused,
    }
}

/// Whether the server sent this message: those of the client have no such prefix.
fn is_from_server(message: &str) -> bool {
    ["etcdserver:", "auth:", "mvcc:", "grpc:"].iter().any(|prefix| message.starts_with(prefix))
}

/// Returns what the client says, and what caused it.
fn cause(error: &ClientError) -> String {
    let mut text = match error {
        ClientError::GRpcStatus(status) => status.message().to_owned(),
        ClientError::TransportError(error) => error.to_string(),
        ClientError::IoError(error) => error.to_string(),
        other => other.to_string(),
    };
    let mut source = match error {
        ClientError::GRpcStatus(status) => status.source(),
        ClientError::TransportError(error) => error.source(),
        ClientError::IoError(error) => error.source(),
        _ => None,
    };
    while let Some(error) = source {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = error.source();
    }
    text
}

impl Address {
    /// Returns the error for a call without an answer in time.
    pub(crate) fn no_answer(&self) -> Error {
        let message = format!("the server at {} did not answer in time", self.shown);
        Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME)
    }

    /// Converts an error of the client.
    pub(crate) fn explain(&self, error: &ClientError) -> Error {
        let address = &self.shown;
        let (kind, message) = match (how(error), error) {
            (Failed::Unreached, _) => {
                (ErrorKind::Unavailable, format!("can't reach the server at {address}"))
            }
            (Failed::Lost, _) => (
                ErrorKind::Unavailable,
                format!("the connection to the server at {address} was lost"),
            ),
            (Failed::Refused, ClientError::GRpcStatus(status)) => {
                self.refusal(status.code().into(), status.message())
            }
            (Failed::Refused, _) => {
                (ErrorKind::Config, format!("can't connect to {address} with these options"))
            }
        };
        let text = CauseText::new(cause(error)).hide(self.password.as_deref());
        Error::new(kind, message).with_plugin(STORE_NAME).with_source(text)
    }

    /// Returns the kind and the message of an error that the server sent.
    fn refusal(&self, code: i32, text: &str) -> (ErrorKind, String) {
        let address = &self.shown;
        if [PERMISSION_DENIED, UNAUTHENTICATED].contains(&code)
            || DENIED.iter().any(|denied| text.contains(denied))
        {
            return (
                ErrorKind::Store,
                format!("the server at {address} refused this user or password"),
            );
        }
        if text.contains("request is too large") || text.contains("larger than max") {
            let message = format!(
                "a job or a record is larger than the server at {address} accepts; raise `--max-request-bytes`"
            );
            return (ErrorKind::Store, message);
        }
        if code == RESOURCE_EXHAUSTED {
            let message = format!(
                "the server at {address} has no room: compact and defragment it, or raise `--quota-backend-bytes`"
            );
            return (ErrorKind::Unavailable, message);
        }
        if text.contains("too many operations") {
            let message = format!(
                "the server at {address} needs a `--max-txn-ops` of 128, which is its default"
            );
            return (ErrorKind::Store, message);
        }
        if TEMPORARY.contains(&code) || text.contains("has been compacted") {
            return (
                ErrorKind::Unavailable,
                format!("the server at {address} temporarily refused the call"),
            );
        }
        (ErrorKind::Store, format!("the server at {address} refused the call"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
