//! The folders of entries and records by time. They are containers: the server removes them some time after they are empty.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zookeeper_client::Error as ClientError;

use crate::failure::{Attempt, Failure};
use crate::session::Session;
use crate::transaction::{Operation, Outcome, commit};

/// How long a folder is taken to exist. A write that finds that it does not creates it.
const KNOWN: Duration = Duration::from_secs(20);

/// How many folders are remembered.
const CAPACITY: usize = 10_000;

fn create(session: &Session, path: String) -> impl Future<Output = Attempt<Outcome>> + use<'_> {
    commit(session, &[Operation::CreateContainer { path }])
}

/// The folders that existed a short time ago.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<HashMap<String, Instant>>);

impl Buckets {
    /// Creates those of these folders that are not known to exist. Each is preceded by the folder that it is in.
    ///
    /// The requests are sent at once. What is sent after them finds the folders.
    pub(crate) fn ensure(
        &self,
        session: &Session,
        paths: impl IntoIterator<Item = String>,
    ) -> impl Future<Output = Attempt<()>> {
        let now = Instant::now();
        let mut missing: Vec<String> = Vec::new();
        {
            let known = self.known();
            for path in paths {
                let is_known = known.get(&path).is_some_and(|at| now.duration_since(*at) < KNOWN);
                if !is_known && !missing.contains(&path) {
                    missing.push(path);
                }
            }
        }
        let created: Vec<_> = missing.iter().map(|path| create(session, path.clone())).collect();
        async move {
            let mut failed = None;
            for created in created {
                match created.await? {
                    Outcome::Committed | Outcome::Refused(_, ClientError::NodeExists) => {}
                    Outcome::Refused(_, ClientError::NoNode) => failed = Some(Failure::Missing),
                    Outcome::Refused(_, error) => return Err(Failure::Refused(error)),
                }
            }
            if let Some(failed) = failed {
                return Err(failed);
            }
            let mut known = self.known();
            if known.len() + missing.len() > CAPACITY {
                known.clear();
            }
            known.extend(missing.into_iter().map(|path| (path, now)));
            Ok(())
        }
    }

    /// Forgets which folders exist.
    pub(crate) fn forget(&self) {
        self.known().clear();
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
