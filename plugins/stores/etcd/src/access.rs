//! The calls of a store and of its ledger: reads, and writes that find out whether the keys were replaced.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::{Replacement, SessionSlot};
use etcd_client::{Compare, Txn, TxnOpResponse};

use crate::connection::{Connection, Repeat};
use crate::keys::Keys;
use crate::names::STORE_NAME;
use crate::options::Config;
use crate::schema;
use crate::snapshot::{Snapshot, read};
use crate::transaction::{Entry, Found, Operations, Query, has_value, is_missing};

/// How many operations the paths of a write may have beside its comparisons.
const WRITE_BUDGET: usize = 64;

/// How often to try again if others write the same keys at the same time.
pub(crate) const TRIES: usize = 100;

/// What the calls of a store and of its ledger share.
pub(crate) struct Access {
    config: Config,
    session: SessionSlot<Session>,
    pub(crate) replacement: Replacement,
    /// What this store writes into `changed`, to recognize its own changes.
    pub(crate) own: String,
}

/// The state of a started store.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection,
    /// The name of the store in its keys. Replaced keys have another one. `None` if there is no store to read.
    identity: Mutex<Option<String>>,
    pub(crate) is_read_only: bool,
    floor: Mutex<Floor>,
}

/// What is known of the [floor](crate::floor).
#[derive(Debug, Default)]
pub(crate) struct Floor {
    /// The run time, as it is written, at which the places begin; empty if it is not known.
    pub(crate) time: String,
    /// When it was raised last, or whether that was tried.
    pub(crate) raised: Option<Instant>,
}

impl Session {
    fn new(connection: Connection, identity: Option<String>, is_read_only: bool) -> Self {
        Self { connection, identity: Mutex::new(identity), is_read_only, floor: Mutex::default() }
    }

    pub(crate) fn floor(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn identity(&self) -> MutexGuard<'_, Option<String>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a write requires.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// That the keys are those of this store.
    Store,
    /// That, besides, nobody is adding many jobs: for writes of jobs.
    Jobs,
}

/// What became of a write.
pub(crate) enum Written {
    /// Everything was written. For each operation, its response.
    Done(Vec<TxnOpResponse>),
    /// Nothing was written, because a comparison did not hold.
    Refused,
    /// Nothing was written, because somebody is adding many jobs.
    Adding,
}

impl Access {
    pub(crate) fn new(config: Config) -> Self {
        let own = uuid::Uuid::new_v4().simple().to_string();
        Self { config, session: SessionSlot::default(), replacement: Replacement::default(), own }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.config.keys
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn session(&self) -> Result<Arc<Session>> {
        self.session.get().map_err(|error| error.with_plugin(STORE_NAME))
    }

    /// Connects, and creates what is missing.
    pub(crate) fn start(&self, alias: &str) -> Result<()> {
        let connection = Connection::open(&self.config, alias)?;
        let identity = schema::prepare(&connection, self.keys())?;
        self.session.set(Session::new(connection, Some(identity), false));
        Ok(())
    }

    /// Connects, and changes nothing.
    pub(crate) fn start_read_only(&self, alias: &str) -> Result<()> {
        let connection = Connection::open(&self.config, alias)?;
        let identity = schema::find(&connection, self.keys())?;
        self.session.set(Session::new(connection, identity, true));
        Ok(())
    }

    pub(crate) fn shutdown(&self) {
        if let Some(session) = self.session.take() {
            session.connection.interrupt();
        }
    }

    /// Reads, all as of one revision.
    pub(crate) fn read(&self, queries: impl IntoIterator<Item = Query>) -> Result<Snapshot> {
        read(&self.session()?.connection, queries)
    }

    /// Reads one thing.
    pub(crate) fn read_one(&self, query: Query) -> Result<Found> {
        Ok(self.read([query])?.take())
    }

    /// Writes if the comparisons hold, and what `guard` requires.
    pub(crate) fn write(
        &self,
        guard: Guard,
        when: Vec<Compare>,
        then: Operations,
    ) -> Result<Written> {
        let session = self.session()?;
        let identity = session.identity().clone().unwrap_or_default();
        let mut compares = vec![has_value(self.keys().store(), &identity)];
        if guard == Guard::Jobs {
            compares.push(is_missing(self.keys().adding()));
        }
        compares.extend(when);
        let mut otherwise = Operations::default();
        otherwise.get(self.keys().store());
        otherwise.get(self.keys().adding());
        let (then, otherwise) = (then.nest(WRITE_BUDGET), otherwise.nest(WRITE_BUDGET));
        let shape = then.shape();
        let transaction = Txn::new().when(compares).and_then(then.list).or_else(otherwise.list);
        let answer = session.connection.transact(transaction, Repeat::Forbidden)?;
        if answer.succeeded() {
            return Ok(Written::Done(shape.flatten(answer.op_responses())));
        }
        let mut found = Snapshot::of(&answer);
        let [store, adding] = found.take_all();
        self.check_identity(&session, &store)?;
        let is_adding = guard == Guard::Jobs && !adding.is_empty();
        Ok(if is_adding { Written::Adding } else { Written::Refused })
    }

    /// Writes into the ledger, unless a comparison does not hold. Returns whether it was written.
    pub(crate) fn note(&self, when: Vec<Compare>, then: Operations) -> Result<bool> {
        Ok(matches!(self.write(Guard::Store, when, then)?, Written::Done(_)))
    }

    /// Returns an error if `store`, as it was read, is not that of the start, and switches to the new one.
    pub(crate) fn check_identity(&self, session: &Session, store: &Found) -> Result<()> {
        let found = store.first().map(Entry::text);
        if session.is_read_only || found.as_deref() == session.identity().as_deref() {
            return Ok(());
        }
        let identity = schema::prepare(&session.connection, self.keys())?;
        *session.identity() = Some(identity);
        *session.floor() = Floor::default();
        let message = format!(
            "the keys of the jobs in `{}` at {} were removed or replaced",
            self.keys().path(),
            self.config.address.shown
        );
        Err(self.replacement.found(message).with_plugin(STORE_NAME))
    }
}

/// The error of a call that others kept from being written.
pub(crate) fn busy() -> Error {
    let message = "others write the same keys all the time";
    Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME)
}
