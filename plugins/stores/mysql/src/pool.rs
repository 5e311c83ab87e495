//! Reads and writes through the connection pool.

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::{ConnectionPool, Connector as _};
use mysql::Conn;
use mysql::prelude::Queryable as _;

use crate::connection::Server;
use crate::failure::Failure;
use crate::statements::answers;

pub(crate) type Pool = ConnectionPool<Server>;
pub(crate) type Lease<'a> = apscheduler_plugin_kit::store::Lease<'a, Server>;

/// Runs `work` outside of a transaction, to read. `task` is what errors say was tried, as `listing jobs`.
pub(crate) fn read<T>(
    pool: &Pool,
    task: &str,
    mut work: impl FnMut(&mut Conn) -> Result<T, Failure>,
) -> Result<T> {
    let done = pool.retrying(|mut lease| {
        let value = work(&mut lease)?;
        lease.release();
        Ok(value)
    });
    done.map_err(|failure: Failure| failure.explain(pool.connector().address(), task))
}

/// Runs `work` in a transaction. It may be called several times, and returns the last statement.
pub(crate) fn write<T>(
    pool: &Pool,
    task: &str,
    mut work: impl FnMut(&mut Conn) -> Result<(T, Last), Failure>,
) -> Result<T> {
    let done = pool.retrying(|mut lease| {
        lease.query_drop("START TRANSACTION")?;
        match work(&mut lease) {
            Ok((value, Last(statement))) => {
                let end = format!("{statement}COMMIT");
                answers(&mut lease, &end).map_err(Failure::during_commit)?;
                lease.release();
                Ok(value)
            }
            Err(Failure::Refused(error)) => {
                lease.query_drop("ROLLBACK")?;
                lease.release();
                Err(error.into())
            }
            Err(failure) => Err(failure),
        }
    });
    done.map_err(|failure: Failure| failure.explain(pool.connector().address(), task))
}

/// A statement to send together with COMMIT, including its semicolon; may be empty.
pub(crate) struct Last(pub(crate) String);
