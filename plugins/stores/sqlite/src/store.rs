//! The store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ChangeNotifier, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities, Watch,
};
use apscheduler_core::time::{Timestamp, from_micros, to_micros};
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::{earliest_after, refuse_duplicate_ids};
use rusqlite::{Connection, OptionalExtension as _};

use crate::access::Access;
use crate::failure::{self, Failure};
use crate::ledger::SqliteLedger;
use crate::options::{Config, Location, SqliteOptions};
use crate::rows::{collect, micros, read, sql_limit};
use crate::session::{Database, Session};
use crate::statements::Statements;
use crate::watch::data_version;
use crate::{claims, read_only, watch};

/// With this many jobs of one run time, a page is read by the index of ids instead of that of run times.
const MANY_AT_ONCE: i64 = 50_000;

/// Keeps jobs in a file, with SQLite.
///
/// All calls use one connection: SQLite has only one writer at a time, and a watch must not report the writes of its own
/// connection.
pub struct SqliteJobStore {
    access: Arc<Access>,
}

impl SqliteJobStore {
    /// Creates a store with these options. The file is opened or created when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: SqliteOptions) -> Result<Self> {
        Ok(Self::with(options.check()?))
    }

    /// Creates a store at this URL, as `sqlite:///jobs.sqlite`, with the defaults for the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) if the URL is invalid.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        Self::with_options(SqliteOptions::default().url(url))
    }

    /// Creates a store in this file, with the defaults for the rest.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self::with(Config::defaults(Location::File(path.into())))
    }

    /// Creates a store in memory, whose jobs are lost when it shuts down.
    pub fn in_memory() -> Self {
        Self::with(Config::defaults(Location::Memory))
    }

    fn with(config: Config) -> Self {
        Self { access: Arc::new(Access::new(config)) }
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
            Some(Cursor { next_run_time: None, id, .. }) => &**id,
            Some(Cursor { next_run_time: Some(time), id, .. }) => {
                let time = to_micros(*time);
                fetch(self.at_one_time(connection, time)?, &[&time, id])?;
                fetch(&self.access.statements.later, &[&time])?;
                ""
            }
            None => {
                fetch(&self.access.statements.timed, &[])?;
                ""
            }
        };
        fetch(&self.access.statements.paused, &[&paused_after])?;
        Ok(page)
    }

    /// Returns the statement for the jobs of one run time, ordered by id: few are sorted; many are read by the index of ids,
    /// so that not every page sorts them all.
    fn at_one_time(&self, connection: &Connection, time: i64) -> Result<&str, Failure> {
        let mut count = connection.prepare_cached(&self.access.statements.count_same_time)?;
        let count: i64 = count.query_row((time, MANY_AT_ONCE), |row| row.get(0))?;
        let many = count == MANY_AT_ONCE;
        Ok(if many {
            &self.access.statements.same_time_by_id
        } else {
            &self.access.statements.same_time
        })
    }
}

impl JobStore for SqliteJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        let file = self.access.config.location != Location::Memory;
        StoreCapabilities::new()
            .durable(file)
            .shared(file)
            .serializes(true)
            .blocking(file)
            .watch(file)
    }

    fn start(&self, _alias: &str) -> Result<()> {
        let mut session = self.access.session();
        if let Session::Closed = &*session {
            let opened = Database::open(&self.access.config, &self.access.lock_timeout);
            *session = Session::Open(opened.map_err(|failure| self.access.explain(failure))?);
        }
        Ok(())
    }

    fn start_read_only(&self, _alias: &str) -> Result<()> {
        let mut session = self.access.session();
        if let Session::Closed = &*session {
            let opened = read_only::open(&self.access.config);
            *session = opened.map_err(|failure| self.access.explain(failure))?;
        }
        Ok(())
    }

    fn shutdown(&self) -> Result<()> {
        // A call that waits for a lock would delay this.
        self.access.lock_timeout.interrupt(true);
        let mut session = self.access.session();
        self.access.lock_timeout.interrupt(false);
        session.close().map_err(|error| self.access.explain(error))
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        self.access.read(|connection| {
            let mut lookup = connection.prepare_cached(&self.access.statements.lookup)?;
            Ok(lookup.query_row([id], read).optional()?.map(|found| found.record))
        })
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.access.read(|connection| {
            // One view of the table, however many statements it takes.
            let transaction = connection.transaction()?;
            let page = self.page(&transaction, after, limit)?;
            transaction.commit()?;
            Ok(page)
        })
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let Some(earliest) = earliest_after(after) else { return Ok(None) };
        self.access.read(|connection| {
            let mut next = connection.prepare_cached(&self.access.statements.next_run_time)?;
            Ok(next.query_row([earliest], |row| row.get(0)).optional()?.map(from_micros))
        })
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        // Without replacements the database refuses a duplicate id.
        if records.iter().any(|record| record.replace) {
            refuse_duplicate_ids(&records)?;
        }
        self.access.write(|transaction| {
            for record in &records {
                let Statements { insert, replace, .. } = &self.access.statements;
                let sql = if record.replace { replace } else { insert };
                let values = (&*record.id, micros(record.next_run_time), record.text()?);
                transaction.prepare_cached(sql)?.execute(values).map_err(|error| {
                    if failure::is_conflict(&error) {
                        Failure::Refused(Error::conflicting_id(&*record.id))
                    } else {
                        error.into()
                    }
                })?;
            }
            Ok(())
        })
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        self.access.write(|transaction| {
            let values = (
                micros(record.next_run_time),
                record.text()?,
                &*record.id,
                record.revision.cast_signed(),
            );
            let updated =
                transaction.prepare_cached(&self.access.statements.update)?.execute(values)?;
            if updated == 0 {
                let mut exists = transaction.prepare_cached(&self.access.statements.exists)?;
                if !exists.query_row([&*record.id], |row| row.get::<_, bool>(0))? {
                    return Err(Error::job_lookup(&*record.id).into());
                }
            }
            Ok(updated > 0)
        })
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        self.access.write(|transaction| {
            let removed =
                transaction.prepare_cached(&self.access.statements.remove)?.execute([id])?;
            Ok(removed > 0)
        })
    }

    fn remove_all_jobs(&self) -> Result<()> {
        self.access.write(|transaction| {
            transaction.prepare_cached(&self.access.statements.remove_all)?.execute([])?;
            Ok(())
        })
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        self.access.replacement.claim(|| {
            let access = &*self.access;
            let claim = |database: &mut _| claims::claim(database, access, due, decide);
            let claims = access.with_database(claim)?;
            Ok(claims.unwrap_or_default())
        })
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(SqliteLedger::new(&self.access)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        if self.access.config.location == Location::Memory {
            return Ok(None);
        }
        let seen = self.access.read(|connection| Ok(data_version(connection)?))?;
        let (session, location) =
            (Arc::clone(&self.access.session), self.access.config.location.clone());
        watch::start(session, location, seen, self.access.config.poll_interval, changed).map(Some)
    }
}

impl fmt::Debug for SqliteJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJobStore")
            .field("location", &self.access.config.location)
            .field("tablename", &self.access.config.tablename)
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
        let Session::Open(database) = &*store.access.session() else {
            panic!("the store is started")
        };
        data_version(&database.connection).unwrap()
    }

    #[test]
    fn the_data_version_ignores_own_changes() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::default().path(folder.path().join("jobs.sqlite"));
        let (store, other) = (started(options.clone()), started(options));
        let records = Records::of(&store);
        let before = version(&store);
        let new = (0..5000).map(|number| records.new_record(number.to_string(), Some(second(1))));
        store.add_jobs(new.collect()).unwrap();
        let due = ClaimRequest::new(second(1), 1000);
        let run_times = RunTimes::One(second(1));
        // Enough for a checkpoint.
        for round in 0..20 {
            let next = NextRun::At(second(1) - chrono::TimeDelta::microseconds(20 - round));
            let outcome = ClaimOutcome::new(run_times.clone(), next);
            store.claim_due(&due, &mut |_| Decision::Claim(outcome.clone())).unwrap();
        }
        store.remove_job("7").unwrap();
        assert_eq!(version(&store), before, "its own changes");
        other.lookup_job("8").unwrap();
        assert_eq!(version(&store), before, "the other store only read");
        other.remove_job("8").unwrap();
        assert_ne!(version(&store), before);
        // A change by the other store between own ones is seen too.
        let before = version(&store);
        other.remove_job("9").unwrap();
        store.remove_job("10").unwrap();
        assert_ne!(version(&store), before);
    }

    #[test]
    fn synchronous_is_set_as_given() {
        for (synchronous, expected) in
            [(Synchronous::Off, 0), (Synchronous::Normal, 1), (Synchronous::Full, 2)]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("jobs.sqlite");
            let store = started(SqliteOptions::default().path(path).synchronous(synchronous));
            let Session::Open(database) = &*store.access.session() else {
                panic!("the store is started")
            };
            let pragma = &database.connection;
            let found: i64 =
                pragma.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
            assert_eq!(found, expected);
        }
    }

    /// Both statements for jobs of one run time return the same.
    #[test]
    fn many_jobs_of_one_run_time_are_paged_in_order() {
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
            // Meanwhile they become few.
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
