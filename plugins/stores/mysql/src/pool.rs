//! What is done with the connections of a store.

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::{ConnectionPool, Connector as _};
use mysql::Conn;
use mysql::prelude::Queryable as _;

use crate::connection::{Server, answers};
use crate::failure::Failure;

pub(crate) type Pool = ConnectionPool<Server>;
pub(crate) type Lease<'a> = apscheduler_plugin_kit::store::Lease<'a, Server>;

/// Reads, outside of a transaction. `task` is what errors say was tried: `listing jobs`.
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

/// Does all of `work` or nothing of it. It may be called several times, and says what is to be done last.
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
                answers(&mut lease, &end).map_err(Failure::of_commit)?;
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

/// A statement that is sent with COMMIT, with a semicolon; or none.
pub(crate) struct Last(pub(crate) String);
