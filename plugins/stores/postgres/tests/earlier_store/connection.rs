//! A plain connection, which blocks.

use std::fmt;
use std::sync::Mutex;

use tokio::runtime::Runtime;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row};

use crate::database;

/// A parameter of a statement.
pub(crate) type Value<'a> = &'a (dyn ToSql + Sync);

pub(crate) struct Connection {
    runtime: Mutex<Runtime>,
    client: Client,
}

impl Connection {
    pub(crate) fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&database::url(), NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        Self { runtime: Mutex::new(runtime), client }
    }

    /// Executes statements without parameters.
    pub(crate) fn batch(&self, statements: &str) {
        let done = self.runtime.lock().unwrap().block_on(self.client.batch_execute(statements));
        done.unwrap_or_else(|error| panic!("{statements}: {error}: {:?}", error.as_db_error()));
    }

    /// Executes a statement, and returns its rows.
    pub(crate) fn rows(&self, statement: &str, values: &[(Value<'_>, Type)]) -> Vec<Row> {
        let query = self.client.query_typed(statement, values);
        let rows = self.runtime.lock().unwrap().block_on(query);
        rows.unwrap_or_else(|error| panic!("{statement}: {error}: {:?}", error.as_db_error()))
    }

    /// Executes a statement, and returns how many rows it changed.
    pub(crate) fn changed(&self, statement: &str, values: &[(Value<'_>, Type)]) -> u64 {
        let done = self.client.execute_typed(statement, values);
        let done = self.runtime.lock().unwrap().block_on(done);
        done.unwrap_or_else(|error| panic!("{statement}: {error}: {:?}", error.as_db_error()))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
