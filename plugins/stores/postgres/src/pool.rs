//! Reads and writes through the connection pool.

use apscheduler_core::Result;
use apscheduler_plugin_kit::store::{ConnectionPool, Connector as _};
use futures_util::future::join;
use tokio_postgres::Client;

use crate::connection::Server;
use crate::failure::Failure;

pub(crate) type Pool = ConnectionPool<Server>;
pub(crate) type Lease<'a> = apscheduler_plugin_kit::store::Lease<'a, Server>;

/// Begins every transaction. The server decides whether it may write.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Runs `work` outside of a transaction, to read. `task` is what errors say was tried, as `listing jobs`.
pub(crate) fn read<T>(
    pool: &Pool,
    task: &str,
    mut work: impl AsyncFnMut(&Client) -> Result<T, Failure>,
) -> Result<T> {
    let done = pool.retrying(|lease| {
        let value = lease.run(work(&lease.client))?;
        lease.release();
        Ok(value)
    });
    done.map_err(|failure: Failure| failure.explain(pool.connector().address(), task))
}

/// Runs `work` in a transaction. It may be called several times.
pub(crate) fn write<T>(
    pool: &Pool,
    task: &str,
    mut work: impl AsyncFnMut(&Client) -> Result<T, Failure>,
) -> Result<T> {
    let done = pool.retrying(|lease| {
        // Both are sent at once.
        let done = lease.run(async {
            let begun = lease.client.batch_execute(BEGIN);
            let (begun, done) = join(begun, work(&lease.client)).await;
            begun?;
            done
        });
        match done {
            Ok(value) => {
                lease.run(lease.command("COMMIT")).map_err(Failure::during_commit)?;
                lease.release();
                Ok(value)
            }
            Err(Failure::Refused(error)) => {
                lease.run(lease.command("ROLLBACK"))?;
                lease.release();
                Err(error.into())
            }
            Err(failure) => Err(failure),
        }
    });
    done.map_err(|failure: Failure| failure.explain(pool.connector().address(), task))
}
