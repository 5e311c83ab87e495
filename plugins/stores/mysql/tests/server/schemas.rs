//! Tables in another database, incomplete tables, and dropped tables.

use apscheduler_core::ErrorKind;
use apscheduler_testkit::stores::new_name;
use mysql::prelude::Queryable as _;

use crate::database::{connect, execute};
use crate::{MySqlOptions, Table, add, claimed, ids, refused, started, url};

#[test]
fn another_database_may_hold_the_table() {
    let schema = new_name();
    execute(&format!("CREATE DATABASE {schema}"));
    let options = MySqlOptions::new(url()).tableschema(&schema).tablename("My `jobs`; -- x");
    let (store, other) = (started(options.clone()), started(options));
    add(&store, "a");
    assert_eq!(ids(&other), ["a"]);
    let select =
        format!("SELECT id, next_run_time, name FROM {schema}.`My ``jobs``; -- x_readable`");
    let readable: Vec<(String, String, String)> = connect().query(select).expect("the view");
    let (id, next_run_time, name) = &readable[0];
    assert_eq!((&**id, &**next_run_time), ("a", "2027-01-01 00:00:01.000000"));
    assert!(name.starts_with("state "), "{name}");
    assert_eq!(claimed(&other), ["a"]);
    execute(&format!("DROP DATABASE {schema}"));
}

#[test]
fn a_missing_schema_is_an_error() {
    let error = refused(MySqlOptions::new(url()).tableschema("not_there"));
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.chain().contains("not_there"), "{}", error.chain());
}

/// The server can't roll back the creation of tables, so a process that is killed leaves an incomplete schema.
#[test]
fn an_interrupted_migration_is_completed() {
    let table = Table::new();
    let name = &table.0;
    add(&table.open(), "a");
    execute(&format!("UPDATE apscheduler_meta SET version = 0 WHERE tablename = '{name}'"));
    execute(&format!("DROP TABLE {name}_changes"));
    execute(&format!("DROP VIEW {name}_readable"));
    let store = table.open();
    add(&store, "b");
    assert_eq!(ids(&store), ["a", "b"]);
    let version: Option<i64> = connect()
        .query_first(format!("SELECT version FROM apscheduler_meta WHERE tablename = '{name}'"))
        .expect("asked");
    assert_eq!(version, Some(3));
}

#[test]
fn dropped_tables_are_created_again() {
    let table = Table::new();
    add(&table.open(), "a");
    execute(&format!("DROP TABLE {}", table.0));
    assert!(ids(&table.open()).is_empty());
}
