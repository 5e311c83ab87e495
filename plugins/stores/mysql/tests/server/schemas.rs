//! Tables: several in one database, of other versions, of other people, and half made.

use apscheduler_core::ErrorKind;
use apscheduler_core::store::JobStore as _;
use apscheduler_testkit::stores::new_name;
use mysql::prelude::Queryable as _;

use crate::database::{connect, execute};
use crate::{MySqlOptions, Table, add, claimed, ids, refused, started, url};

#[test]
fn tables_of_one_database_are_apart() {
    let (one, other) = (Table::new(), Table::new());
    let (first, second) = (one.open(), other.open());
    add(&first, "a");
    add(&second, "b");
    assert_eq!((ids(&first), ids(&second)), (vec!["a".to_owned()], vec!["b".to_owned()]));
    second.remove_all_jobs().expect("removed");
    assert_eq!(ids(&first), ["a"]);
}

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
fn a_schema_that_is_not_there_is_an_error() {
    let error = refused(MySqlOptions::new(url()).tableschema("not_there"));
    assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
    assert!(error.chain().contains("not_there"), "{}", error.chain());
}

#[test]
fn a_newer_schema_is_refused() {
    let table = Table::new();
    add(&table.open(), "a");
    let name = &table.0;
    execute(&format!("UPDATE apscheduler_meta SET version = 99 WHERE tablename = '{name}'"));
    let error = refused(table.options());
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("schema version 99"), "{error}");
    execute(&format!("UPDATE apscheduler_meta SET version = 1 WHERE tablename = '{name}'"));
    assert_eq!(ids(&table.open()), ["a"], "nothing was changed");
}

#[test]
fn a_table_of_somebody_else_is_left_alone() {
    let table = Table::new();
    let name = &table.0;
    execute(&format!("CREATE TABLE {name} (id varchar(191) PRIMARY KEY, job_state blob)"));
    execute(&format!("INSERT INTO {name} VALUES ('theirs', 'x')"));
    let error = refused(table.options());
    assert!(error.to_string().contains("choose another `tablename`"), "{error}");
    let theirs: Option<String> =
        connect().query_first(format!("SELECT id FROM {name}")).expect("it is there");
    assert_eq!(theirs.as_deref(), Some("theirs"));
}

/// The server can't take back what makes tables, so a process that is killed leaves them half made.
#[test]
fn what_was_made_by_half_is_completed() {
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
    assert_eq!(version, Some(1));
}

#[test]
fn tables_that_somebody_dropped_are_made_again() {
    let table = Table::new();
    add(&table.open(), "a");
    execute(&format!("DROP TABLE {}", table.0));
    assert!(ids(&table.open()).is_empty());
}

#[test]
fn many_may_start_at_once() {
    let table = Table::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| table.open().shutdown().expect("shut down"));
        }
    });
    assert!(ids(&table.open()).is_empty());
}
