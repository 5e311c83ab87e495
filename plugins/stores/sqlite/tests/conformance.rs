//! The conformance suite of job stores, for the SQLite store in a file and in memory.

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_sqlite::SqliteJobStore;
use apscheduler_testkit::stores::{
    self, Corrupt, Empty, Occupy, SetRunTime, SetVersion, StoreHarness,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// One file for each place.
struct File(TempDir);

impl StoreHarness for File {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn create(&self) -> String {
        let (_, path) = tempfile::Builder::new()
            .suffix(".sqlite")
            .tempfile_in(&self.0)
            .and_then(|file| Ok(file.keep()?))
            .expect("a file is made");
        path.into_os_string().into_string().expect("the path is text")
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        Arc::new(SqliteJobStore::open(address))
    }

    fn remove(&self, address: &str) {
        // The rest is removed with the folder.
        let _ = std::fs::remove_file(address);
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|address, id| {
            let sql =
                "UPDATE apscheduler_jobs SET job_state = substr(job_state, 1, 20) WHERE id = ?1";
            let database = Connection::open(address).expect("the file is opened");
            assert_eq!(database.execute(sql, [id]).expect("the row is changed"), 1);
        })
    }

    fn empty(&self) -> Option<Empty<'_>> {
        Some(&|address| std::fs::remove_file(address).expect("the file is removed"))
    }

    fn set_run_time(&self) -> Option<SetRunTime<'_>> {
        Some(&|address, id, number| {
            let sql = "UPDATE apscheduler_jobs SET next_run_time = ?2 WHERE id = ?1";
            let database = Connection::open(address).expect("the file is opened");
            assert_eq!(database.execute(sql, (id, number)).expect("the row is changed"), 1);
        })
    }

    fn set_version(&self) -> Option<SetVersion<'_>> {
        Some(&|address, version| {
            let database = Connection::open(address).expect("the file is opened");
            let before = "SELECT version FROM apscheduler_meta";
            let before = database.query_row(before, (), |row| row.get(0)).expect("a version");
            let update = "UPDATE apscheduler_meta SET version = ?1";
            database.execute(update, [version]).expect("the version is changed");
            before
        })
    }

    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        Some(&|address| {
            let database = Connection::open(address).expect("the file is opened");
            let create = "CREATE TABLE apscheduler_jobs (id VARCHAR(191) NOT NULL PRIMARY KEY,
                next_run_time FLOAT, job_state BLOB NOT NULL)";
            database.execute_batch(create).expect("the table is made");
        })
    }
}

struct Memory;

impl StoreHarness for Memory {
    fn name(&self) -> &'static str {
        "sqlite-in-memory"
    }

    fn create(&self) -> String {
        String::new()
    }

    fn open(&self, _address: &str) -> Arc<dyn JobStore> {
        Arc::new(SqliteJobStore::in_memory())
    }
}

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder is made");
    stores::run(vec![Arc::new(File(folder)), Arc::new(Memory)])
}
