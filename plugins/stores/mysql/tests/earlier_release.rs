//! Tables from an earlier release are migrated, and keep their runs.

mod database;

use apscheduler_core::store::JobStore as _;
use apscheduler_store_mysql::{MySqlJobStore, MySqlOptions};
use apscheduler_testkit::stores::{check_ledger_of_earlier_release, new_name};
use mysql::prelude::Queryable as _;

/// What the release of commit 782c1ff wrote into MariaDB: the second version of the schema.
const WRITTEN: &str = include_str!("data/ledger-782c1ff.sql");

#[test]
fn a_ledger_without_open_runs_is_migrated() {
    let version: Option<String> =
        database::connect().query_first("SELECT VERSION()").expect("asked");
    let is_mariadb = version.is_some_and(|version| version.contains("MariaDB"));
    let collation = if is_mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" };
    let name = new_name();
    let written = WRITTEN.replace("utf8mb4_nopad_bin", collation);
    for statement in written.replace("apscheduler_jobs", &name).split_terminator(";\n") {
        database::execute(statement);
    }
    let options = MySqlOptions::new(database::url()).tablename(&name);
    let store = MySqlJobStore::with_options(options).expect("valid options");
    store.start("default").expect("the store starts");
    check_ledger_of_earlier_release(&store);
    store.shutdown().expect("shut down");
    database::drop_tables(&name);
}
