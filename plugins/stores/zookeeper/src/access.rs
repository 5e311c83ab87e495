//! What the store, its ledger and its watch share: the connection, and where the nodes are.

use std::sync::{Arc, PoisonError, RwLock};

use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{Replacement, SessionSlot};

use crate::address::Config;
use crate::buckets::Buckets;
use crate::connection::Connection;
use crate::failure::{Attempt, Failure};
use crate::names::STORE_NAME;
use crate::nodes::Nodes;
use crate::schema;
use crate::session::Session;

/// What the calls of a store share.
#[derive(Debug)]
pub(crate) struct Access {
    config: Config,
    connection: SessionSlot<Connection>,
    place: RwLock<Place>,
    pub(crate) buckets: Buckets,
    pub(crate) replacement: Replacement,
    /// What this store writes into the node that others watch.
    pub(crate) own: String,
}

/// Where the nodes are.
#[derive(Clone, Debug, Default)]
struct Place {
    /// `None` if a store that only reads has found none.
    nodes: Option<Arc<Nodes>>,
    is_read_only: bool,
}

impl Access {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            connection: SessionSlot::default(),
            place: RwLock::default(),
            buckets: Buckets::default(),
            replacement: Replacement::default(),
            own: uuid::Uuid::new_v4().simple().to_string(),
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Connects, and creates the nodes if there are none.
    pub(crate) fn start(&self, alias: &str) -> Result<()> {
        self.open(alias, false)
    }

    /// Connects without writing.
    pub(crate) fn start_read_only(&self, alias: &str) -> Result<()> {
        self.open(alias, true)?;
        if self.place().nodes.is_none() {
            tracing::warn!("there is no {}, so there are no jobs", schema::place(&self.config));
        }
        Ok(())
    }

    fn open(&self, alias: &str, is_read_only: bool) -> Result<()> {
        let connection = Connection::open(&self.config, alias)?;
        self.set_place(Place { nodes: None, is_read_only });
        self.find_nodes(&connection)?;
        self.connection.set(connection);
        Ok(())
    }

    pub(crate) fn shutdown(&self) {
        if let Some(connection) = self.connection.take() {
            connection.interrupt();
        }
    }

    pub(crate) fn connection(&self) -> Result<Arc<Connection>> {
        self.connection.get().map_err(|error| error.with_plugin(STORE_NAME))
    }

    /// Whether nothing may be written.
    pub(crate) fn is_read_only(&self) -> bool {
        self.place().is_read_only
    }

    /// Makes a call that reads. Returns the default if there are no nodes.
    ///
    /// # Errors
    /// Any error from the call.
    pub(crate) fn read<T: Default>(
        &self,
        work: impl AsyncFnMut(&Session, &Nodes) -> Attempt<T>,
    ) -> Result<T> {
        if self.place().nodes.is_none() {
            self.connection()?;
            return Ok(T::default());
        }
        self.run(work)
    }

    /// Makes a call.
    ///
    /// # Errors
    /// Any error from the call. If the nodes are gone, this creates them again, and fails.
    pub(crate) fn run<T>(
        &self,
        work: impl AsyncFnMut(&Session, &Nodes) -> Attempt<T>,
    ) -> Result<T> {
        self.attempt(work).map_err(|failure| self.explain(failure))
    }

    /// Makes a call like [`run`](Self::run), and returns its own failure.
    pub(crate) fn attempt<T>(
        &self,
        mut work: impl AsyncFnMut(&Session, &Nodes) -> Attempt<T>,
    ) -> Attempt<T> {
        let connection = self.connection()?;
        let nodes = self.place().nodes.ok_or(Failure::Missing)?;
        connection.run(async |session| work(session, &nodes).await)
    }

    /// Converts a failure of a call.
    pub(crate) fn explain(&self, failure: Failure) -> Error {
        match failure {
            Failure::Missing => self.replaced(),
            failure => self.config.address.explain(failure),
        }
    }

    /// Switches to the nodes that exist now, and returns the error for the replacement.
    fn replaced(&self) -> Error {
        let found = self.connection().and_then(|connection| self.find_nodes(&connection));
        match found {
            Ok(()) => {
                let place = schema::place(&self.config);
                let message = format!("the nodes of the jobs in {place} were removed or replaced");
                self.replacement.found(message).with_plugin(STORE_NAME)
            }
            Err(error) => error,
        }
    }

    /// Finds the nodes, or creates them.
    fn find_nodes(&self, connection: &Connection) -> Result<()> {
        let is_read_only = self.is_read_only();
        let config = &self.config;
        let found = connection.run(async |session| {
            if is_read_only {
                schema::find(session, config).await
            } else {
                schema::prepare(session, config).await.map(Some)
            }
        });
        let nodes = found.map_err(|failure| config.address.explain(failure))?;
        self.buckets.forget();
        self.set_place(Place { nodes: nodes.map(Arc::new), is_read_only });
        Ok(())
    }

    fn place(&self) -> Place {
        self.place.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_place(&self, place: Place) {
        // Dropped after the lock is released.
        let _before = std::mem::replace(
            &mut *self.place.write().unwrap_or_else(PoisonError::into_inner),
            place,
        );
    }
}
