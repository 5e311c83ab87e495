//! A plain connection.

use std::fmt;
use std::sync::{Mutex, MutexGuard};

use mysql::prelude::{FromRow, Queryable as _};
use mysql::{Conn, Row, Value};

use crate::database;

pub(crate) struct Connection(Mutex<Conn>);

impl Connection {
    pub(crate) fn open() -> Self {
        let mut connection = database::connect();
        connection.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").unwrap();
        Self(Mutex::new(connection))
    }

    fn lock(&self) -> MutexGuard<'_, Conn> {
        self.0.lock().unwrap()
    }

    /// Returns the collation of ids on this server.
    pub(crate) fn collation(&self) -> &'static str {
        let version: String = self.first("SELECT VERSION()").unwrap();
        if version.contains("MariaDB") { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" }
    }

    /// Executes statements, each but the last with a semicolon at the end of its last line.
    pub(crate) fn batch(&self, statements: &str) {
        let mut connection = self.lock();
        for statement in statements.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            connection.query_drop(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    /// Executes a statement, and returns how many rows it changed.
    pub(crate) fn changed(&self, statement: &str) -> u64 {
        let mut connection = self.lock();
        connection.query_drop(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        connection.affected_rows()
    }

    pub(crate) fn rows(&self, query: &str) -> Vec<Row> {
        self.lock().query(query).unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    pub(crate) fn first<T: FromRow>(&self, query: &str) -> Option<T> {
        self.lock().query_first(query).unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Executes a statement of a claim. If it collides with other transactions, rolls back, and returns `None`.
    pub(crate) fn rows_unless_conflict(&self, statement: &str) -> Option<Vec<Row>> {
        let mut connection = self.lock();
        match connection.query(statement) {
            Ok(rows) => Some(rows),
            // A deadlock, or a lock that was waited for too long.
            Err(mysql::Error::MySqlError(error)) if matches!(error.code, 1205 | 1213 | 1020) => {
                connection.query_drop("ROLLBACK").unwrap();
                None
            }
            Err(error) => panic!("{statement}: {error}"),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Quotes text for SQL.
pub(crate) fn literal(text: &str) -> String {
    Value::from(text).as_sql(false)
}

/// Quotes several texts, separated by commas.
pub(crate) fn literals<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(literal).collect::<Vec<_>>().join(", ")
}
