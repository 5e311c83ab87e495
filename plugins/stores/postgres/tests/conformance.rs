//! The conformance suite of job stores, on a real server.

mod database;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_postgres::{PostgresJobStore, PostgresOptions};
use apscheduler_testkit::stores::{self, Corrupt, Meeting, StoreHarness};

/// Each place is a table of its own.
struct Postgres;

impl StoreHarness for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn create(&self) -> String {
        stores::new_name()
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        self.open_at(address, &database::url())
    }

    fn url(&self) -> Option<String> {
        Some(database::url())
    }

    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        let options = PostgresOptions::new(url).tablename(address);
        Arc::new(PostgresJobStore::with_options(options).expect("valid options"))
    }

    fn meeting(&self) -> Meeting {
        Meeting::PassesBy
    }

    fn remove(&self, address: &str) {
        database::drop_tables(address);
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|table, id| {
            let update = format!("UPDATE {table} SET job_state = '{{\"oops' WHERE id = $1");
            let updated = database::connected(async |client| client.execute(&update, &[&id]).await);
            assert_eq!(updated, 1, "{id:?} is there to be broken");
        })
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(Postgres)])
}
