//! The store.

use std::fmt;
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::RunLedger;
use apscheduler_core::store::{
    ChangeNotifier, ClaimRequest, Claims, Cursor, Decision, JobRecord, JobStore, NewRecord,
    StoreCapabilities, Watch,
};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::text::time_text;

use crate::access::Access;
use crate::claims::Claimer;
use crate::finding::{self, Range};
use crate::ledger::ZooKeeperLedger;
use crate::options::ZooKeeperOptions;
use crate::{adding, watch, writing};

/// Keeps jobs in ZooKeeper. Any number of processes may share them.
pub struct ZooKeeperJobStore {
    access: Arc<Access>,
    claimer: Claimer,
}

impl ZooKeeperJobStore {
    /// Creates a store on these servers, as `host[:port][,host[:port]...]`, with the default path. It connects when the
    /// scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) if the hosts are invalid.
    pub fn new(hosts: impl Into<String>) -> Result<Self> {
        Self::with_options(ZooKeeperOptions::default().hosts(hosts))
    }

    /// Creates a store with these options. It connects when the scheduler starts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](apscheduler_core::ErrorKind::Config) that names the option.
    pub fn with_options(options: ZooKeeperOptions) -> Result<Self> {
        let access = Arc::new(Access::new(options.check()?));
        Ok(Self { access, claimer: Claimer::default() })
    }
}

impl JobStore for ZooKeeperJobStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::all()
    }

    fn start(&self, alias: &str) -> Result<()> {
        self.access.start(alias)
    }

    fn start_read_only(&self, alias: &str) -> Result<()> {
        self.access.start_read_only(alias)
    }

    fn shutdown(&self) -> Result<()> {
        self.access.shutdown();
        Ok(())
    }

    fn lookup_job(&self, id: &str) -> Result<Option<JobRecord>> {
        let id: Arc<str> = id.into();
        let found =
            self.access.read(async |session, nodes| writing::find(session, nodes, &id).await)?;
        Ok(found.map(|stored| stored.record))
    }

    fn get_jobs(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<JobRecord>> {
        self.access.read(async |session, nodes| {
            finding::page(&self.access, (session, nodes), after, limit).await
        })
    }

    fn next_run_time(&self, after: Option<Timestamp>) -> Result<Option<Timestamp>> {
        // A text that is greater than that of the time itself.
        let after = after.map(|after| (format!("{}~", time_text(after)), String::new()));
        let range = Range { after, until: None };
        let first = self
            .access
            .read(async |session, nodes| finding::entries(session, nodes, &range, 1).await)?;
        Ok(first.first().and_then(crate::entry::Entry::run_time))
    }

    fn add_jobs(&self, records: Vec<NewRecord>) -> Result<()> {
        adding::add(&self.access, &records)
    }

    fn update_job(&self, record: &JobRecord) -> Result<bool> {
        writing::update(&self.access, record)
    }

    fn remove_job(&self, id: &str) -> Result<bool> {
        writing::remove(&self.access, id)
    }

    fn remove_all_jobs(&self) -> Result<()> {
        writing::remove_all(&self.access)
    }

    fn claim_due(
        &self,
        due: &ClaimRequest,
        decide: &mut dyn FnMut(&JobRecord) -> Decision,
    ) -> Result<Claims> {
        let access = &self.access;
        access.replacement.claim(|| self.claimer.claim(access, due, decide))
    }

    fn ledger(&self) -> Option<Arc<dyn RunLedger>> {
        Some(Arc::new(ZooKeeperLedger::new(&self.access)))
    }

    fn watch(&self, changed: ChangeNotifier) -> Result<Option<Watch>> {
        watch::start(&self.access, changed).map(Some)
    }
}

impl fmt::Debug for ZooKeeperJobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZooKeeperJobStore")
            .field("address", &self.access.config().address)
            .field("path", &self.access.config().path)
            .finish_non_exhaustive()
    }
}
