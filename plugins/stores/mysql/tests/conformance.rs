//! The conformance suite of job stores, on a real server.

mod database;

use std::process::ExitCode;
use std::sync::Arc;

use apscheduler_core::store::JobStore;
use apscheduler_store_mysql::{MySqlJobStore, MySqlOptions};
use apscheduler_testkit::stores::{
    self, Corrupt, Empty, Occupy, OverlappingClaims, ReadOnlyUser, SetRunTime, SetVersion,
    StoreHarness,
};
use mysql::prelude::Queryable as _;

/// Each place is a separate table.
struct MySql;

impl StoreHarness for MySql {
    fn name(&self) -> &'static str {
        "mysql"
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
        let options = MySqlOptions::new(url).tablename(address);
        Arc::new(MySqlJobStore::with_options(options).expect("valid options"))
    }

    fn meeting(&self) -> OverlappingClaims {
        OverlappingClaims::SkipsLocked
    }

    fn remove(&self, address: &str) {
        database::drop_tables(address);
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&|table, id| {
            let update = format!("UPDATE {table} SET job_state = '{{\"oops' WHERE id = ?");
            let mut connection = database::connect();
            connection.exec_drop(update, (id,)).expect("updated");
            let updated = connection.affected_rows();
            assert_eq!(updated, 1, "the job {id:?} exists");
        })
    }

    fn read_only_user(&self) -> Option<ReadOnlyUser<'_>> {
        Some(&|address| {
            let (user, password) = ("apscheduler_reader", "secret");
            database::execute(&format!(
                "CREATE USER IF NOT EXISTS {user}@'%' IDENTIFIED BY '{password}'"
            ));
            let ledger = ["_batches", "_runs", "_open"].map(|suffix| format!("{address}{suffix}"));
            for table in [address, "apscheduler_meta", &ledger[0], &ledger[1], &ledger[2]] {
                database::execute(&format!("GRANT SELECT ON {table} TO {user}@'%'"));
            }
            let url = database::url();
            let (scheme, rest) = url.split_once("://").expect("a URL");
            let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
            MySql.open_at(address, &format!("{scheme}://{user}:{password}@{server}"))
        })
    }

    fn empty(&self) -> Option<Empty<'_>> {
        Some(&database::drop_tables)
    }

    fn set_run_time(&self) -> Option<SetRunTime<'_>> {
        Some(&|table, id, number| {
            let update = format!("UPDATE {table} SET next_run_time = ? WHERE id = ?");
            database::connect().exec_drop(update, (number, id)).expect("updated");
        })
    }

    fn set_version(&self) -> Option<SetVersion<'_>> {
        Some(&|address, version| {
            let mut connection = database::connect();
            let before = "SELECT version FROM apscheduler_meta WHERE tablename = ?";
            let before = connection.exec_first(before, (address,)).expect("asked");
            let update = "UPDATE apscheduler_meta SET version = ? WHERE tablename = ?";
            connection.exec_drop(update, (version, address)).expect("changed");
            before.expect("a version")
        })
    }

    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        Some(&|address| {
            database::execute(&format!(
                "CREATE TABLE {address} (id varchar(191) PRIMARY KEY, job_state blob)"
            ));
        })
    }
}

fn main() -> ExitCode {
    stores::run(vec![Arc::new(MySql)])
}
