//! Writes of several nodes at once: all of them or none.

use apscheduler_core::{Error, ErrorKind};
use zookeeper_client::{Error as ClientError, MultiWriteError, MultiWriteResult};

use crate::failure::{Attempt, Failure};
use crate::names::STORE_NAME;
use crate::session::Session;

/// The most operations in one request that contains several changes.
const MOST_OPERATIONS: usize = 600;

/// The most bytes in one request that contains several changes. The server closes the connection if a request has more than
/// 1 MiB (`jute.maxbuffer`), without an error.
const MOST_BYTES: usize = 256 << 10;

/// The most bytes in a request for a single change.
const MOST_BYTES_ALONE: usize = 1_000_000;

/// The size of an operation without its path and data, rounded up.
const OPERATION: usize = 80;

/// An operation.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Create {
        path: String,
        data: Vec<u8>,
    },
    /// Creates a node that the server removes some time after the last node below it.
    CreateContainer {
        path: String,
    },
    /// Writes a node that has this version; with `None`, any.
    Set {
        path: String,
        data: Vec<u8>,
        version: Option<i32>,
    },
    /// Removes a node that has this version; with `None`, any.
    Delete {
        path: String,
        version: Option<i32>,
    },
    /// Needs a node with this version.
    Check {
        path: String,
        version: i32,
    },
}

impl Operation {
    pub(crate) fn create(path: String, data: impl Into<Vec<u8>>) -> Self {
        Self::Create { path, data: data.into() }
    }

    pub(crate) fn set(path: String, data: impl Into<Vec<u8>>, version: i32) -> Self {
        Self::Set { path, data: data.into(), version: Some(version) }
    }

    pub(crate) fn delete(path: String) -> Self {
        Self::Delete { path, version: None }
    }

    /// Returns its size in a request.
    fn size(&self) -> usize {
        let (path, data) = match self {
            Self::Create { path, data } | Self::Set { path, data, .. } => (path, data.len()),
            Self::CreateContainer { path }
            | Self::Delete { path, .. }
            | Self::Check { path, .. } => (path, 0),
        };
        OPERATION + path.len() + data
    }
}

/// How much fits into one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    operations: usize,
    bytes: usize,
}

impl Room {
    /// Takes the room for these operations. Returns `false`, and takes nothing, if there is not enough. There is enough for
    /// the first ones, whatever they are.
    pub(crate) fn take(&mut self, operations: &[Operation]) -> bool {
        let count = self.operations + operations.len();
        let bytes = self.bytes + size(operations);
        let fits = self.operations == 0 || count <= MOST_OPERATIONS && bytes <= MOST_BYTES;
        if fits {
            *self = Self { operations: count, bytes };
        }
        fits
    }
}

fn size(operations: &[Operation]) -> usize {
    operations.iter().map(Operation::size).sum()
}

/// Whether a request with these operations is too large for the server.
pub(crate) fn is_too_large(operations: &[Operation]) -> bool {
    size(operations) > MOST_BYTES_ALONE
}

/// Whether these operations go into one request, although they are several changes.
pub(crate) fn fits_at_once(operations: &[Operation]) -> bool {
    operations.len() <= MOST_OPERATIONS && size(operations) <= MOST_BYTES
}

/// Returns the error for a job that is too large for the server.
pub(crate) fn too_large(id: &str, operations: &[Operation]) -> Error {
    let bytes = size(operations);
    let message = format!(
        "the job takes {bytes} bytes in a request to the server, which accepts up to {MOST_BYTES_ALONE}"
    );
    Error::new(ErrorKind::Unsupported, message).with_plugin(STORE_NAME).with_job_id(id)
}

/// The result of a transaction.
#[derive(Debug)]
pub(crate) enum Outcome {
    Committed,
    /// The operation with this index was refused, so nothing was done.
    Refused(usize, ClientError),
}

/// Sends the operations at once, and returns what becomes of them.
pub(crate) fn commit<'a>(
    session: &'a Session,
    operations: &[Operation],
) -> impl Future<Output = Attempt<Outcome>> + use<'a> {
    let written = send(session, operations);
    async move {
        match written?.await {
            Ok(_) => Ok(Outcome::Committed),
            Err(MultiWriteError::OperationFailed { index, source }) => {
                Ok(Outcome::Refused(index, source))
            }
            Err(MultiWriteError::RequestFailed { source }) => Err(Failure::of_write(source)),
        }
    }
}

type Written = Result<Vec<MultiWriteResult>, MultiWriteError>;

fn send<'a>(
    session: &'a Session,
    operations: &[Operation],
) -> Attempt<impl Future<Output = Written> + use<'a>> {
    let (options, container) = (session.persistent(), session.container());
    let mut writer = session.client.new_multi_writer();
    for operation in operations {
        match operation {
            Operation::Create { path, data } => writer.add_create(path, data, &options),
            Operation::CreateContainer { path } => writer.add_create(path, b"", &container),
            Operation::Set { path, data, version } => writer.add_set_data(path, data, *version),
            Operation::Delete { path, version } => writer.add_delete(path, *version),
            Operation::Check { path, version } => writer.add_check_version(path, *version),
        }
        .map_err(Failure::of_write)?;
    }
    Ok(writer.commit())
}

/// Returns the failure for an operation that nobody else's write could have made fail.
pub(crate) fn unexpected(error: ClientError) -> Failure {
    if error == ClientError::NoNode { Failure::Missing } else { Failure::Refused(error) }
}
