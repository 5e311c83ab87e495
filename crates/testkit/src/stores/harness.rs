//! The description of a store for the suite, and the places that the cases use.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use apscheduler_core::Error;
use apscheduler_core::store::{JobStore, StoreCapabilities};

use super::Proxy;

/// Corrupts the state of a record, bypassing the store: called with the address of the place and
/// the job's id.
pub type Corrupt<'a> = &'a dyn Fn(&str, &str);

/// Writes a number as the run time of a record, bypassing the store: called with the address of the
/// place, the job's id, and the number.
pub type SetRunTime<'a> = &'a dyn Fn(&str, &str, i64);

/// Changes the schema version recorded at a place: called with its address and the version. Returns
/// the previous version.
pub type SetVersion<'a> = &'a dyn Fn(&str, i64) -> i64;

/// Puts another program's data where the jobs would be: called with the address of a place that no
/// store has opened.
pub type Occupy<'a> = &'a dyn Fn(&str);

/// Returns a store on a place, not started yet, that may read but not write there: called with its
/// address.
pub type ReadOnlyUser<'a> = &'a dyn Fn(&str) -> Arc<dyn JobStore>;

/// Removes everything that stores have created at a place, bypassing them, like a server that
/// restarts without its data: called with its address.
pub type Empty<'a> = &'a dyn Fn(&str);

/// The state in which a claim finds jobs that another claim is deciding on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlappingClaims {
    /// Locked jobs; the claim waits.
    #[default]
    Waits,
    /// Locked jobs; the claim skips them.
    SkipsLocked,
    /// Unlocked jobs; the first writer wins.
    Optimistic,
}

/// Makes the places that keep jobs, and opens stores on them.
///
/// A place is a file, a table or a key prefix that nothing else uses. Its address is text that
/// [`open`](Self::open) understands in another process too.
pub trait StoreHarness: Send + Sync {
    /// Returns the prefix of its case names: the plugin's name, with the variant if there are
    /// several.
    fn name(&self) -> &str;

    /// Creates a new place without jobs, and returns its address. Panics on failure: an unavailable
    /// backend must not count as conforming.
    fn create(&self) -> String;

    /// Returns a store on a place, not started yet. Two stores on one place are two handles to the
    /// same jobs.
    fn open(&self, address: &str) -> Arc<dyn JobStore>;

    /// Cleans up a place that is no longer needed.
    fn remove(&self, address: &str) {
        let _ = address;
    }

    /// Returns a function that corrupts the state of a record, like a careless manual edit. `None`
    /// if that is impossible.
    fn corrupt(&self) -> Option<Corrupt<'_>> {
        None
    }

    /// Returns a function that sets the run time of a record to a number that the store itself may
    /// never write. `None` if run times are not numbers.
    fn set_run_time(&self) -> Option<SetRunTime<'_>> {
        None
    }

    /// Returns a function that changes the version of a place. `None` if there is no version.
    fn set_version(&self) -> Option<SetVersion<'_>> {
        None
    }

    /// Returns a function that puts another program's data at a place. `None` if that is
    /// impossible.
    fn insert_foreign_data(&self) -> Option<Occupy<'_>> {
        None
    }

    /// Returns a function that opens a place without write permission. `None` if there are no
    /// permissions.
    fn read_only_user(&self) -> Option<ReadOnlyUser<'_>> {
        None
    }

    /// Returns a function that empties a place while stores are open on it. `None` if that is
    /// impossible.
    fn empty(&self) -> Option<Empty<'_>> {
        None
    }

    /// Returns the URL of the server, with a port, if the store connects to one over TCP: some
    /// cases put a proxy in between.
    fn url(&self) -> Option<String> {
        None
    }

    /// Returns a store on a place like [`open`](Self::open), that connects to the server at this
    /// URL instead.
    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        let _ = (address, url);
        unimplemented!("a harness that has `url` has this too")
    }

    /// Returns what other claims find at jobs on which [`JobStore::claim_due`] is calling `decide`.
    fn meeting(&self) -> OverlappingClaims {
        OverlappingClaims::Waits
    }

    /// Whether the rows of open runs are written before their claim, in a request of their own. If that gets no response, the
    /// claim is not sent.
    fn announces_open_runs(&self) -> bool {
        false
    }

    /// Returns the divisor for the numbers of jobs in large cases, for slow backends.
    fn divisor(&self) -> usize {
        1
    }
}

/// A place for one case. It is removed at the end.
pub struct Place<'a> {
    harness: &'a dyn StoreHarness,
    address: String,
}

impl<'a> Place<'a> {
    /// Creates a new place without jobs.
    pub fn new(harness: &'a dyn StoreHarness) -> Self {
        Self { harness, address: harness.create() }
    }

    /// Returns the capabilities of the store.
    pub fn capabilities(&self) -> StoreCapabilities {
        self.harness.open(&self.address).capabilities()
    }

    pub(super) fn has_ledger(&self) -> bool {
        self.harness.open(&self.address).ledger().is_some()
    }

    pub(super) fn has_open_runs(&self) -> bool {
        let store = self.harness.open(&self.address);
        store.ledger().is_some_and(|ledger| ledger.has_open_runs())
    }

    /// Opens a started store: the first, another handle to the same jobs, or one that finds an
    /// earlier one's data.
    pub fn open(&self) -> Opened {
        let store = self.harness.open(&self.address);
        store.start("default").expect("the store starts");
        Opened(store)
    }

    /// Opens a store read-only.
    pub(super) fn open_read_only(&self) -> Opened {
        let store = self.harness.open(&self.address);
        store.start_read_only("default").expect("the store is read");
        Opened(store)
    }

    /// Returns the error of a read-only start, which must fail.
    pub(super) fn refuse_to_read(&self) -> Error {
        let store = self.harness.open(&self.address);
        store.start_read_only("default").expect_err("the store must not be read")
    }

    /// Returns the error of a start, which must fail.
    pub(super) fn refuse(&self) -> Error {
        let store = self.harness.open(&self.address);
        store.start("default").expect_err("the store must not start")
    }

    /// Opens a started store that reaches its server through a proxy.
    pub(super) fn open_through_proxy(&self) -> (Opened, Proxy) {
        let url = self.harness.url().expect("checked before the case was run");
        let (proxy, url) = Proxy::before(&url);
        let store = self.harness.open_at(&self.address, &url);
        store.start("default").expect("the store starts");
        (Opened(store), proxy)
    }

    /// Returns the size of a large case.
    pub fn scaled(&self, count: usize) -> usize {
        (count / self.harness.divisor()).max(40)
    }

    /// Corrupts the state of a record.
    pub(super) fn corrupt(&self, id: &str) {
        let corrupt = self.harness.corrupt().expect("checked before the case was run");
        corrupt(&self.address, id);
    }

    /// Sets the run time of a record to a number.
    pub(super) fn set_run_time(&self, id: &str, number: i64) {
        let set = self.harness.set_run_time().expect("checked before the case was run");
        set(&self.address, id, number);
    }

    pub(super) fn harness(&self) -> &'a dyn StoreHarness {
        self.harness
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.harness.remove(&self.address);
    }
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({}, {:?})", self.harness.name(), self.address)
    }
}

/// A started store, which is shut down when it is dropped.
#[derive(Debug)]
pub struct Opened(Arc<dyn JobStore>);

impl Opened {
    /// Returns the store, for other threads.
    pub(super) fn shared(&self) -> Arc<dyn JobStore> {
        Arc::clone(&self.0)
    }

    /// Shuts it down, which must succeed.
    pub fn close(self) {
        self.0.shutdown().expect("the store shuts down");
    }
}

impl Deref for Opened {
    type Target = dyn JobStore;

    fn deref(&self) -> &(dyn JobStore + 'static) {
        &*self.0
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // A case that closed it, or that failed, ignores this error.
        let _ = self.0.shutdown();
    }
}
