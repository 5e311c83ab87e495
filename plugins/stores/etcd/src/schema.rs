//! The format of the keys, and what a start finds.

use apscheduler_core::{Error, ErrorKind, Result};
use etcd_client::Txn;

use crate::connection::{Connection, Repeat};
use crate::keys::Keys;
use crate::names::STORE_NAME;
use crate::snapshot::read;
use crate::transaction::{Found, Operations, Query, is_empty, is_missing};

/// The format that this release writes.
const FORMAT: i64 = 1;

/// Checks the keys, and creates those that are missing. Returns the name of the store.
pub(crate) fn prepare(connection: &Connection, keys: &Keys) -> Result<String> {
    // Others may start at the same time.
    for _ in 0..10 {
        if let Some(identity) = check(connection, keys)? {
            return Ok(identity);
        }
        let identity = uuid::Uuid::new_v4().simple().to_string();
        let mut create = Operations::default();
        create.put(keys.format(), FORMAT.to_string());
        create.put(keys.store(), identity);
        let transaction = Txn::new()
            .when([is_missing(keys.format()), is_empty(keys.all())])
            .and_then(create.nest(10).list);
        // Repeated, it finds what it created.
        connection.transact(transaction, Repeat::Allowed)?;
    }
    let message = format!("others remove what is created in `{}`", keys.path());
    Err(Error::new(ErrorKind::Unavailable, message).with_plugin(STORE_NAME))
}

/// Checks the keys without writing. Returns the name of the store, or `None` if there is none.
pub(crate) fn find(connection: &Connection, keys: &Keys) -> Result<Option<String>> {
    let found = check(connection, keys)?;
    if found.is_none() {
        tracing::warn!(
            "there is nothing in `{}` at {}, so there are no jobs",
            keys.path(),
            connection.address.shown
        );
    }
    Ok(found)
}

/// Returns the name of the store, or `None` if there are no keys.
fn check(connection: &Connection, keys: &Keys) -> Result<Option<String>> {
    let queries = [
        Query::key(keys.format()),
        Query::key(keys.store()),
        Query::range(&keys.all(), 1).keys_only(),
    ];
    let mut found = read(connection, queries)?;
    let [format, store, any] = found.take_all();
    let text = |found: &Found| found.first().map(|entry| entry.text().into_owned());
    let (path, address) = (keys.path(), &connection.address.shown);
    let refusal = |message: String| Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME);
    let Some(format) = text(&format) else {
        if any.is_empty() {
            return Ok(None);
        }
        return Err(refusal(format!(
            "there are keys in `{path}` at {address} that this job store did not create; if they are those of Python's \
             APScheduler, whose jobs are pickles, choose another `path`"
        )));
    };
    let Some(store) = text(&store).filter(|_| format == FORMAT.to_string()) else {
        return Err(refusal(format!(
            "the keys in `{path}` at {address} have the format {format}, and this release knows {FORMAT}; update \
             apscheduler-store-etcd, or choose another `path`"
        )));
    };
    Ok(Some(store))
}
