//! The store.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apscheduler_core::store::{
    ChangeNotifier, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities, Watch,
};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_plugin_kit::store::Replacement;
use rusqlite::{Connection, OptionalExtension as _, Transaction};

use crate::connection::{Patience, begin_write};
use crate::failure::{self, Failure};
use crate::options::{Checked, Location, SqliteOptions, WHAT};
use crate::rows::{collect, micros, read, sql_limit};
use crate::session::{Database, Session};
use crate::statements::Statements;
use crate::watch::data_version;
use crate::{claims, read_only, schema, watch};

/// From how many jobs with one run time on a page is read along the index of ids instead of that of run times.
const MANY_AT_ONCE: i64 = 50_000;

/// Keeps jobs in a file, with SQLite.
///
/// All calls go through one connection: SQLite has one writer at a time anyway, and what a connection wrote itself is
/// what its watch must not tell.
pub struct SqliteJobStore {
    options: SqliteOptions,
    checked: Checked,
    statements: Statements,
    patience: Patience,
    session: Arc<Mutex<Session>>,
    replacement: Replacement,
}

impl SqliteJobStore {
    /// A store with these options. The file is opened, and made where there is none, when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the option.
    pub fn with_options(options: SqliteOptions) -> Result<Self> {
        let checked = options.check()?;
        Ok(Self::with(options, checked))
    }

    /// A store at this URL, as `sqlite:///jobs.sqlite`, with the defaults for the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where the URL can't be read.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(SqliteOptions::default().url(url))
    }

    /// A store in this file, with the defaults for the rest.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let options = SqliteOptions::default().path(path.clone());
        Self::with(options, Checked::defaults(Location::File(path)))
    }

    /// A store in memory, whose jobs end when it shuts down.
    pub fn in_memory() -> Self {
        let options = SqliteOptions::default().path(":memory:");
        Self::with(options, Checked::defaults(Location::Memory))
    }

    fn with(options: SqliteOptions, checked: Checked) -> Self {
        let statements = Statements::new(&options.tablename);
        let patience = Patience::new(checked.busy_timeout);
        let (session, replacement) = Default::default();
        Self { options, checked, statements, patience, session, replacement }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        // A panic rolls its transaction back.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the database, and explains what goes wrong. `None` where there is none to read.
    fn with_database<T>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, Failure>,
    ) -> Result<Option<T>> {
        let mut session = self.session();
        let database =
            session.database(&self.options, &self.checked, &self.patience, &self.replacement);
        let done = database.and_then(|database| {
            let Some(database) = database else { return Ok(None) };
            match work(database) {
                Err(failure) if failure::is_missing_table(&failure) => {
                    schema::prepare(&mut database.connection, &self.options.tablename)?;
                    let (location, table) = (&self.checked.location, &self.options.tablename);
                    let message = format!("the table `{table}` of {location} was dropped");
                    Err(self.replacement.found(message).with_plugin(WHAT).into())
                }
                done => done.map(Some),
            }
        });
        done.map_err(|failure| self.explain(failure))
    }

    /// Reads. A store without a database has nothing.
    fn read<T: Default>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T> {
        Ok(self.with_database(|database| work(&mut database.connection))?.unwrap_or_default())
    }

    /// Writes in a transaction.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T> {
        let done = self.with_database(|database| {
            let transaction = begin_write(&database.connection, &self.patience)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })?;
        done.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the job store was opened for reading only")
                .with_plugin(WHAT)
        })
    }

    fn explain(&self, failure: impl Into<Failure>) -> Error {
        failure.into().explain(&self.checked.location, self.checked.busy_timeout)
    }

    fn page(
        &self,
        connection: &Connection,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<JobRecord>, Failure> {
        let mut page = Vec::new();
        let mut fetch = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let room = sql_limit(limit - page.len());
            let mut values = values.to_vec();
            values.push(&room);
            collect(connection, sql, &*values, |found| page.push(found.record))
        };
        let paused_after = match after {
            Some(Cursor { next_run_time: None, id }) => &**id,
            Some(Cursor { next_run_time: Some(time), id }) => {
                let time = to_micros(*time);
                fetch(self.at_one_time(connection, time)?, &[&time, id])?;
                fetch(&self.statements.later, &[&time])?;
                ""
            }
            None => {
                fetch(&self.statements.timed, &[])?;
                ""
            }
        };
        fetch(&self.statements.paused, &[&paused_after])?;
        Ok(page)
    }

    /// How to go through the jobs with one run time, which come by id: where they are few by sorting them, and where
    /// they are many along the index of ids, so that not each page sorts them all.
    fn at_one_time(&self, connection: &Connection, time: i64) -> Result<&str, Failure> {
        let mut count = connection.prepare_cached(&self.statements.count_same_time)?;
        let count: i64 = count.query_row((time, MANY_AT_ONCE), |row| row.get(0))?;
        let many = count == MANY_AT_ONCE;
        Ok(if many { &self.statements.same_time_by_id } else { &self.statements.same_time })
    }
}

impl JobStore for SqliteJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        let file = self.checked.location != Location::Memory;
        StoreCapabilities {
            durable: file,
            shared: file,
            serializes: true,
            blocking: file,
            watch: file,
        }
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let mut session = self.session();
        if let Session::Closed = &*session {
            let opened = Database::open(&self.options, &self.checked, &self.patience);
            *session = Session::Open(opened.map_err(|failure| self.explain(failure))?);
        }
        Ok(())
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        let mut session = self.session();
        if let Session::Closed = &*session {
            let opened = read_only::open(&self.options, &self.checked);
            *session = opened.map_err(|failure| self.explain(failure))?;
        }
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        // Whoever waits for a lock would hold this up.
        self.patience.end(true);
        let mut session = self.session();
        self.patience.end(false);
        session.close().map_err(|error| self.explain(error))
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.read(|connection| {
            let mut lookup = connection.prepare_cached(&self.statements.lookup)?;
            Ok(lookup.query_row([id], read).optional()?.map(|found| found.record))
        })
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.read(|connection| {
            // One view of the table, however many statements it takes.
            let transaction = connection.transaction()?;
            let page = self.page(&transaction, after, limit)?;
            transaction.commit()?;
            Ok(page)
        })
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        // The first instant is a run time too, and after the last there is none.
        let earliest = after.map_or(Some(i64::MIN), |after| to_micros(after).checked_add(1));
        let Some(earliest) = earliest else { return Ok(None) };
        self.read(|connection| {
            let mut next = connection.prepare_cached(&self.statements.next_run_time)?;
            Ok(next.query_row([earliest], |row| row.get(0)).optional()?.map(from_micros))
        })
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        // Without replacements the database finds an id that stands twice.
        if records.iter().any(|record| record.replace) {
            let mut given = HashSet::with_capacity(records.len());
            if let Some(twice) = records.iter().find(|record| !given.insert(&record.id)) {
                return Err(Error::conflicting_id(&*twice.id));
            }
        }
        self.write(|transaction| {
            for record in &records {
                let Statements { insert, replace, .. } = &self.statements;
                let sql = if record.replace { replace } else { insert };
                let values = (&*record.id, micros(record.next_run_time), record.text()?);
                transaction.prepare_cached(sql)?.execute(values).map_err(|error| {
                    if failure::is_conflict(&error) {
                        Failure::Told(Error::conflicting_id(&*record.id))
                    } else {
                        error.into()
                    }
                })?;
            }
            Ok(())
        })
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.write(|transaction| {
            let values = (
                micros(record.next_run_time),
                record.text()?,
                &*record.id,
                record.revision.cast_signed(),
            );
            let updated = transaction.prepare_cached(&self.statements.update)?.execute(values)?;
            if updated == 0 {
                let mut exists = transaction.prepare_cached(&self.statements.exists)?;
                if !exists.query_row([&*record.id], |row| row.get::<_, bool>(0))? {
                    return Err(Error::job_lookup(&*record.id).into());
                }
            }
            Ok(updated > 0)
        })
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.write(|transaction| {
            let removed = transaction.prepare_cached(&self.statements.remove)?.execute([id])?;
            Ok(removed > 0)
        })
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.write(|transaction| {
            transaction.prepare_cached(&self.statements.remove_all)?.execute([])?;
            Ok(())
        })
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.replacement.claim(|| {
            let claims = self.with_database(|database| {
                let (location, patience) = (&self.checked.location, &self.patience);
                claims::claim(database, location, patience, &self.statements, due, decide)
            })?;
            Ok(claims.unwrap_or_default())
        })
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        if self.checked.location == Location::Memory {
            return Ok(None);
        }
        let seen = self.read(|connection| Ok(data_version(connection)?))?;
        let (session, location) = (Arc::clone(&self.session), self.checked.location.clone());
        watch::start(session, location, seen, self.checked.poll_interval, changed).map(Some)
    }
}

impl fmt::Debug for SqliteJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJobStore")
            .field("location", &self.checked.location)
            .field("tablename", &self.options.tablename)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::store::{ClaimOutcome, NextRun, RunTimes};
    use apscheduler_testkit::stores::records::{Records, second};

    use super::*;
    use crate::Synchronous;

    fn started(options: SqliteOptions) -> SqliteJobStore {
        let store = SqliteJobStore::with_options(options).unwrap();
        store.start("default").unwrap();
        store
    }

    fn version(store: &SqliteJobStore) -> i64 {
        let Session::Open(database) = &*store.session() else { panic!("it is started") };
        data_version(&database.connection).unwrap()
    }

    #[test]
    fn own_changes_are_not_those_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::default().path(folder.path().join("jobs.sqlite"));
        let (store, other) = (started(options.clone()), started(options));
        let records = Records::of(&store);
        let before = version(&store);
        let new = (0..5000).map(|number| records.new_record(number.to_string(), Some(second(1))));
        store.add_jobs(new.collect()).unwrap();
        let due = ClaimRequest { now: second(1), limit: 1000, after: None };
        let run_times = RunTimes::One(second(1));
        // Enough for a checkpoint.
        for round in 0..20 {
            let next = NextRun::At(second(1) - chrono::TimeDelta::microseconds(20 - round));
            let outcome = ClaimOutcome { run_times: run_times.clone(), next };
            store.claim_due(&due, &mut |_| Decision::Claim(outcome.clone())).unwrap();
        }
        store.remove_job("7").unwrap();
        assert_eq!(version(&store), before, "it wrote itself");
        other.lookup_job("8").unwrap();
        assert_eq!(version(&store), before, "the other only read");
        other.remove_job("8").unwrap();
        assert_ne!(version(&store), before);
        // A change that comes between own ones shows too.
        let before = version(&store);
        other.remove_job("9").unwrap();
        store.remove_job("10").unwrap();
        assert_ne!(version(&store), before);
    }

    #[test]
    fn synchronous_is_what_was_asked_for() {
        for (synchronous, expected) in
            [(Synchronous::Off, 0), (Synchronous::Normal, 1), (Synchronous::Full, 2)]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("jobs.sqlite");
            let store = started(SqliteOptions::default().path(path).synchronous(synchronous));
            let Session::Open(database) = &*store.session() else { panic!("it is started") };
            let pragma = &database.connection;
            let found: i64 =
                pragma.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
            assert_eq!(found, expected);
        }
    }

    /// Both ways through jobs with one run time give the same.
    #[test]
    fn many_jobs_at_once_are_paged_through_in_order() {
        let store = started(SqliteOptions::default().path(":memory:"));
        let records = Records::of(&store);
        let count = usize::try_from(MANY_AT_ONCE).unwrap() + 1500;
        let id = |number: usize| format!("{:06}", number * 7919 % 1_000_003);
        let new = (0..count).map(|number| records.new_record(id(number), Some(second(1))));
        let others = [records.new_record("000", Some(second(0))), records.new_record("x", None)];
        store.add_jobs(new.chain(others).collect()).unwrap();
        let mut listed: Vec<JobRecord> = Vec::new();
        let mut removed = 0;
        loop {
            let after = listed.last().map(JobRecord::cursor);
            let page = store.get_jobs(after.as_ref(), 10_000).unwrap();
            if page.is_empty() {
                break;
            }
            listed.extend(page);
            // In the middle of it they become few.
            while removed < 2000 && listed.len() > 20_000 {
                assert!(store.remove_job(&listed[removed].id).unwrap());
                removed += 1;
            }
        }
        assert_eq!(listed.len(), count + 2);
        let ids: Vec<&str> = listed.iter().map(|record| &*record.id).collect();
        assert!(ids[1..=count].is_sorted());
        assert_eq!((ids[0], ids[count + 1]), ("000", "x"));
    }
}
