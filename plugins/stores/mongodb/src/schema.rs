//! The collections and their indexes: created at the start, with a version for later releases.

use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use crate::connection::Connection;
use crate::failure::{DUPLICATE_KEY, code};
use crate::names::{META_COLLECTION, STORE_NAME};
use crate::options::Config;

/// After what time the server removes a finished job that its last claim could not remove. Until then it is hidden.
const REMOVED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The migrations: each creates a version from the one before. Several processes may migrate at the same time, and one may
/// be killed half way, so each can be repeated.
const MIGRATIONS: [fn(&Connection) -> Result<()>; 2] = [create_indexes, create_ledger];

/// The version that this release creates and understands.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Creates the index of due jobs in their order, and that of finished jobs, by which the server removes them.
fn create_indexes(connection: &Connection) -> Result<()> {
    let due = IndexModel::builder().keys(doc! {"next_run_time": 1, "_id": 1}).build();
    let expire = IndexOptions::builder().expire_after(REMOVED_AFTER).sparse(true).build();
    let finished = IndexModel::builder().keys(doc! {"finished": 1}).options(expire).build();
    let jobs = connection.jobs.clone();
    connection.run(async move { jobs.create_indexes([due, finished]).await.map(drop) })
}

/// Creates the indexes of the journal, and those of the records of runs and of open runs.
fn create_ledger(connection: &Connection) -> Result<()> {
    let index = |keys| IndexModel::builder().keys(keys);
    let sparse = IndexOptions::builder().sparse(true).build();
    let journal = [doc! {"open.batch": 1}, doc! {"open.owner": 1}, doc! {"open.runs": 1}];
    let journal = journal.map(|keys| index(keys).options(sparse.clone()).build());
    let of_runs = [doc! {"job": 1, "_id": -1}, doc! {"state": 1, "_id": -1}];
    let of_runs = of_runs.map(|keys| index(keys).build());
    let of_open = ["due", "job", "owner", "state"].map(|key| doc! {key: 1, "_id": 1});
    let unfinished = [doc! {"claiming": 1}, doc! {"outcomes._id": 1}];
    let unfinished = unfinished.map(|keys| index(keys).options(sparse.clone()).build());
    let of_open = of_open.map(|keys| index(keys).build()).into_iter().chain(unfinished);
    let of_open: Vec<IndexModel> = of_open.collect();
    let (jobs, runs, open) =
        (connection.jobs.clone(), connection.runs.clone(), connection.open_runs.clone());
    connection.run(async move {
        jobs.create_indexes(journal).await?;
        runs.create_indexes(of_runs).await?;
        open.create_indexes(of_open).await.map(drop)
    })
}

/// Connects, and creates or migrates the collections.
pub(crate) fn open(config: &Config) -> Result<Connection> {
    let mut connection = Connection::open(config)?;
    prepare(&connection)?;
    connection.collection = connection.current_collection()?;
    Ok(connection)
}

/// Connects, and creates nothing.
pub(crate) fn open_read_only(config: &Config) -> Result<Connection> {
    let connection = Connection::open(config)?;
    if !check(&connection)? {
        tracing::warn!(
            "there are no jobs in `{}.{}` at {}",
            connection.database.name(),
            connection.jobs.name(),
            connection.address.shown
        );
    }
    Ok(connection)
}

/// Whether there are jobs that this release can read. Changes nothing.
fn check(connection: &Connection) -> Result<bool> {
    version(connection).map(|version| version > 0)
}

/// Checks the version, and runs the missing migrations.
fn prepare(connection: &Connection) -> Result<()> {
    let version = version(connection)?;
    for (migrate, version) in
        MIGRATIONS.iter().zip(1..).skip_while(|(_, created)| *created <= version)
    {
        migrate(connection)?;
        set_version(connection, version)?;
    }
    Ok(())
}

/// Returns the version of the existing collection; 0 if there are no jobs yet.
fn version(connection: &Connection) -> Result<i64> {
    let (jobs, meta) = (connection.jobs.clone(), meta(connection));
    let name = jobs.name().to_owned();
    let (is_empty, noted) = connection.run(async move {
        // In this order: a store writes the version before it adds jobs.
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
        // The collection may have been dropped manually, with its indexes.
        _ if is_empty => Ok(0),
        Some(Ok(version)) => Ok(version),
        None => Err(foreign(connection)),
    }
}

/// Writes the version after a migration.
fn set_version(connection: &Connection, version: i64) -> Result<()> {
    let meta = meta(connection);
    let name = doc! {"_id": connection.jobs.name()};
    let set = doc! {"$max": {"version": version}};
    let noted = connection
        .try_run(async move { meta.update_one(name, set).upsert(true).await.map(drop) })?;
    match noted {
        // Another process wrote the same version first.
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
        "the collection {} is in use, but was not created by this job store; if it is that of Python's APScheduler, whose \
         jobs are pickles, choose another `collection`",
        place(connection),
    ))
}

fn refusal(message: String) -> Error {
    Error::new(ErrorKind::Store, message).with_plugin(STORE_NAME)
}

fn place(connection: &Connection) -> String {
    let (database, jobs) = (connection.database.name(), connection.jobs.name());
    format!("`{database}.{jobs}` at {}", connection.address.shown)
}
