//! The collections and their indexes: made at the start, with a version that later releases can tell.

use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use crate::WHAT;
use crate::connection::Connection;
use crate::failure::{DUPLICATE_KEY, code};

/// The collection with the version of each collection of jobs.
pub(crate) const META_COLLECTION: &str = "apscheduler_meta";

/// How long a finished job stays where its last claim could not remove it. Nobody sees it.
const BURIED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What makes each version out of the one before. Several processes may be at it at once, and one may be killed in the
/// middle: each step can be taken again.
const MIGRATIONS: [fn(&Connection) -> Result<()>; 1] = [make_indexes];

/// The version that this release makes and understands.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Due jobs in their order; and finished jobs, which the server removes in time.
fn make_indexes(connection: &Connection) -> Result<()> {
    let due = IndexModel::builder().keys(doc! {"next_run_time": 1, "_id": 1}).build();
    let expire = IndexOptions::builder().expire_after(BURIED_AFTER).sparse(true).build();
    let finished = IndexModel::builder().keys(doc! {"finished": 1}).options(expire).build();
    let jobs = connection.jobs.clone();
    connection.run(async move { jobs.create_indexes([due, finished]).await.map(drop) })
}

/// Whether there are jobs that this release can read. Changes nothing.
pub(crate) fn check(connection: &Connection) -> Result<bool> {
    version(connection).map(|version| version > 0)
}

/// Checks the version, and makes what is missing.
pub(crate) fn prepare(connection: &Connection) -> Result<()> {
    let version = version(connection)?;
    for (migrate, version) in MIGRATIONS.iter().zip(1..).skip_while(|(_, made)| *made <= version) {
        migrate(connection)?;
        note(connection, version)?;
    }
    Ok(())
}

/// The version that is there; 0 where there are no jobs yet.
fn version(connection: &Connection) -> Result<i64> {
    let (jobs, meta) = (connection.jobs.clone(), meta(connection));
    let name = jobs.name().to_owned();
    let (is_empty, noted) = connection.run(async move {
        // In this order: whoever adds jobs has noted the version before.
        let is_empty = jobs.find_one(doc! {}).await?.is_none();
        Ok((is_empty, meta.find_one(doc! {"_id": name}).await?))
    })?;
    let version = noted.map(|noted| match noted.get("version") {
        Some(Bson::Int64(version)) => Ok(*version),
        Some(Bson::Int32(version)) => Ok(i64::from(*version)),
        other => Err(other.map_or_else(|| "none".to_owned(), Bson::to_string)),
    });
    match version {
        Some(Ok(version)) if version > newest() => Err(too_new(connection, &version.to_string())),
        Some(Err(unknown)) => Err(too_new(connection, &unknown)),
        // A hand may have dropped the collection, and its indexes with it.
        _ if is_empty => Ok(0),
        Some(Ok(version)) => Ok(version),
        None => Err(foreign(connection)),
    }
}

/// Notes that a version was made.
fn note(connection: &Connection, version: i64) -> Result<()> {
    let meta = meta(connection);
    let name = doc! {"_id": connection.jobs.name()};
    let set = doc! {"$max": {"version": version}};
    let noted = connection
        .try_run(async move { meta.update_one(name, set).upsert(true).await.map(drop) })?;
    match noted {
        // Somebody was faster with the same version.
        Err(error) if code(&error) == Some(DUPLICATE_KEY) => Ok(()),
        noted => noted.map_err(|error| connection.address.explain(&error)),
    }
}

fn meta(connection: &Connection) -> Collection<Document> {
    connection.database.collection(META_COLLECTION)
}

fn too_new(connection: &Connection, version: &str) -> Error {
    refusal(format!(
        "the collection {} has the schema version {version}, and this release knows versions up to {}; update {}, \
         or choose another `collection`",
        place(connection),
        newest(),
        env!("CARGO_PKG_NAME"),
    ))
}

fn foreign(connection: &Connection) -> Error {
    refusal(format!(
        "the collection {} is in use, but was not made by this job store; if it is that of Python's APScheduler, whose \
         jobs are pickles, choose another `collection`",
        place(connection),
    ))
}

fn refusal(message: String) -> Error {
    Error::new(ErrorKind::Store, message).with_plugin(WHAT)
}

fn place(connection: &Connection) -> String {
    let (database, jobs) = (connection.database.name(), connection.jobs.name());
    format!("`{database}.{jobs}` at {}", connection.address.shown)
}
