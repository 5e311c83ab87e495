//! The SQL statements of the store.

use crate::rows::COLUMNS;
use crate::schema::quoted;

/// The text of each statement, for one table.
///
/// `typeof(next_run_time) = 'integer'` is the condition of the index of due jobs, and its opposite that of the index of
/// paused jobs; a statement without it would read every row.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) lookup: String,
    pub(crate) same_time: String,
    pub(crate) same_time_by_id: String,
    pub(crate) count_same_time: String,
    pub(crate) later: String,
    pub(crate) timed: String,
    pub(crate) paused: String,
    pub(crate) next_run_time: String,
    pub(crate) insert: String,
    pub(crate) replace: String,
    pub(crate) update: String,
    pub(crate) exists: String,
    pub(crate) remove: String,
    pub(crate) remove_all: String,
    pub(crate) is_due: String,
    pub(crate) due: String,
    pub(crate) advance: String,
    pub(crate) finish: String,
}

impl Statements {
    pub(crate) fn new(tablename: &str) -> Self {
        let table = quoted(tablename);
        let select = format!("SELECT {COLUMNS} FROM {table} WHERE");
        let timed = "typeof(next_run_time) = 'integer'";
        let due = format!("{timed} AND next_run_time <= ?1 AND (next_run_time, number) > (?2, ?3)");
        // A random first revision: a handle to a removed job must not match a job that was added later with the same id.
        let insert = format!(
            "INSERT INTO {table} (id, next_run_time, revision, job_state)
             VALUES (?1, ?2, (random() & 0x7fffffff) + 1, ?3)"
        );
        Self {
            lookup: format!("{select} id = ?1"),
            same_time: format!(
                "{select} {timed} AND next_run_time = ?1 AND +id > ?2 ORDER BY id LIMIT ?3"
            ),
            // The `+` prevents the use of the index of run times.
            same_time_by_id: format!(
                "{select} +next_run_time = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
            ),
            count_same_time: format!(
                "SELECT count(*) FROM
                 (SELECT 1 FROM {table} WHERE {timed} AND next_run_time = ?1 LIMIT ?2)"
            ),
            later: format!(
                "{select} {timed} AND next_run_time > ?1 ORDER BY next_run_time, id LIMIT ?2"
            ),
            timed: format!("{select} {timed} ORDER BY next_run_time, id LIMIT ?1"),
            paused: format!(
                "{select} typeof(next_run_time) <> 'integer' AND id > ?1 ORDER BY id LIMIT ?2"
            ),
            next_run_time: format!(
                "SELECT next_run_time FROM {table}
                 WHERE {timed} AND next_run_time >= ?1 ORDER BY next_run_time LIMIT 1"
            ),
            replace: format!(
                "{insert} ON CONFLICT (id) DO UPDATE SET next_run_time = excluded.next_run_time,
                 job_state = excluded.job_state, revision = revision + 1"
            ),
            insert,
            update: format!(
                "UPDATE {table} SET next_run_time = ?1, job_state = ?2, revision = revision + 1
                 WHERE id = ?3 AND revision = ?4"
            ),
            exists: format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE id = ?1)"),
            remove: format!("DELETE FROM {table} WHERE id = ?1"),
            remove_all: format!("DELETE FROM {table}"),
            is_due: format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {due})"),
            due: format!("{select} {due} ORDER BY next_run_time, number LIMIT ?4"),
            advance: format!(
                "UPDATE {table} SET next_run_time = ?2, revision = revision + 1 WHERE number = ?1"
            ),
            finish: format!("DELETE FROM {table} WHERE number = ?1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = statement.parameter_count();
        let values = rusqlite::params_from_iter((0..count).map(|_| 0));
        let lines = statement.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    /// The cost depends on what is due, not on what is stored.
    #[test]
    fn every_statement_uses_an_index() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::schema::prepare(&mut connection, "jobs").unwrap();
        let statements = Statements::new("jobs");
        let by_id = "USING INDEX sqlite_autoindex_jobs_1 (id=?)";
        for (sql, expected) in [
            (&statements.lookup, by_id),
            (&statements.update, by_id),
            (&statements.remove, by_id),
            (&statements.exists, "COVERING INDEX sqlite_autoindex_jobs_1 (id=?)"),
            (&statements.is_due, "COVERING INDEX jobs_due (next_run_time>? AND next_run_time<?)"),
            (&statements.due, "INDEX jobs_due (next_run_time>? AND next_run_time<?)"),
            (&statements.next_run_time, "COVERING INDEX jobs_due (next_run_time>?)"),
            (&statements.advance, "INTEGER PRIMARY KEY (rowid=?)"),
            (&statements.finish, "INTEGER PRIMARY KEY (rowid=?)"),
            (&statements.later, "INDEX jobs_due (next_run_time>?)"),
            (&statements.same_time, "INDEX jobs_due (next_run_time=?)"),
            (&statements.count_same_time, "COVERING INDEX jobs_due (next_run_time=?)"),
            (&statements.same_time_by_id, "INDEX sqlite_autoindex_jobs_1 (id>?)"),
            (&statements.paused, "INDEX jobs_paused (id>?)"),
        ] {
            let plan = plan(&connection, sql);
            assert!(plan.contains(expected), "{sql}: {plan}");
        }
        for ordered in [&statements.due, &statements.paused, &statements.same_time_by_id] {
            let plan = plan(&connection, ordered);
            assert!(!plan.contains("TEMP B-TREE"), "{ordered} sorts: {plan}");
        }
        let plan = plan(&connection, &statements.later);
        assert!(plan.contains("LAST TERM"), "it sorts everything: {plan}");
    }
}
