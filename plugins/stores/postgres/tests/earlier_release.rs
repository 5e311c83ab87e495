//! Tables from an earlier release are migrated, and keep their runs.

mod database;

use apscheduler_core::store::JobStore as _;
use apscheduler_store_postgres::{PostgresJobStore, PostgresOptions};
use apscheduler_testkit::stores::{check_ledger_of_earlier_release, new_name};

/// What the release of commit 782c1ff wrote: the third version of the schema.
const WRITTEN: &str = include_str!("data/ledger-782c1ff.sql");

#[test]
fn a_ledger_without_open_runs_is_migrated() {
    let name = new_name();
    database::execute(&WRITTEN.replace("apscheduler_jobs", &name));
    let options = PostgresOptions::new(database::url()).tablename(&name);
    let store = PostgresJobStore::with_options(options).expect("valid options");
    store.start("default").expect("the store starts");
    check_ledger_of_earlier_release(&store);
    store.shutdown().expect("shut down");
    database::drop_tables(&name);
}
