//! What a store crate says of its store, and the places that the cases run against.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use apscheduler_core::Error;
use apscheduler_core::store::{JobStore, StoreCapabilities};

use super::Proxy;

/// Breaks the state of a record behind the back of the store: called with the address of the place, and the job's id.
pub type Corrupt<'a> = &'a dyn Fn(&str, &str);

/// Writes a number as the run time of a record behind the back of the store: called with the address of the place, the
/// job's id, and the number.
pub type SetRunTime<'a> = &'a dyn Fn(&str, &str, i64);

/// Has a place say of itself that it has another version of the schema: called with its address and the version. Returns the
/// one before.
pub type SetVersion<'a> = &'a dyn Fn(&str, i64) -> i64;

/// Puts what another program keeps where the jobs would be: called with the address of a place that no store has seen.
pub type Occupy<'a> = &'a dyn Fn(&str);

/// Makes a store on a place, not started yet, that may read there and not write: called with its address.
pub type MayOnlyRead<'a> = &'a dyn Fn(&str) -> Arc<dyn JobStore>;

/// Takes away all that stores have made at a place, behind their backs, as a server would that starts without its data:
/// called with its address.
pub type Empty<'a> = &'a dyn Fn(&str);

/// What somebody meets who claims jobs while somebody else decides on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meeting {
    /// A lock, which is waited for.
    #[default]
    Waits,
    /// Locked jobs, which are passed by.
    PassesBy,
    /// Nothing: who writes first wins.
    Races,
}

/// Makes the places that keep jobs, and opens stores on them.
///
/// A place is a file, a table, a key prefix: something that nobody else uses. Its address is text that
/// [`open`](Self::open) understands in another process too.
pub trait StoreHarness: Send + Sync {
    /// The name that its cases begin with: that of the plugin, and of the variant where there are several.
    fn name(&self) -> &str;

    /// Makes a new place without jobs, and returns its address. Panics where that fails: a backend that is not there
    /// must not pass for one that conforms.
    fn create(&self) -> String;

    /// A store on a place, not started yet. Two on one place are two handles to the same jobs.
    fn open(&self, address: &str) -> Arc<dyn JobStore>;

    /// Cleans up a place that is not needed any more.
    fn remove(&self, address: &str) {
        let _ = address;
    }

    /// How to break the state of a record so that it is no job any more, as a careless hand would. `None` where nobody
    /// could.
    fn corrupt(&self) -> Option<Corrupt<'_>> {
        None
    }

    /// How to set the run time of a record to a number that the store itself may never write. `None` where run times are
    /// no numbers.
    fn set_run_time(&self) -> Option<SetRunTime<'_>> {
        None
    }

    /// How to change the version that a place has. `None` where there is none.
    fn set_version(&self) -> Option<SetVersion<'_>> {
        None
    }

    /// How to make a place that of another program. `None` where no other program could have one.
    fn occupy(&self) -> Option<Occupy<'_>> {
        None
    }

    /// How to open a place without the right to write. `None` where there are no such rights.
    fn may_only_read(&self) -> Option<MayOnlyRead<'_>> {
        None
    }

    /// How to empty a place while stores are open on it. `None` where nobody could.
    fn empty(&self) -> Option<Empty<'_>> {
        None
    }

    /// The URL of the server, with a port, where the store speaks to one over TCP: some cases put themselves in between.
    fn url(&self) -> Option<String> {
        None
    }

    /// A store on a place, as by [`open`](Self::open), that finds the server at this URL instead.
    fn open_at(&self, address: &str, url: &str) -> Arc<dyn JobStore> {
        let _ = (address, url);
        unimplemented!("a harness that has `url` has this too")
    }

    /// What others meet at jobs on which [`JobStore::claim_due`] asks `decide` at the moment.
    fn meeting(&self) -> Meeting {
        Meeting::Waits
    }

    /// By what the numbers of jobs in the large cases are divided, for slow backends.
    fn divisor(&self) -> usize {
        1
    }
}

/// A place of one case. It is removed at the end.
pub struct Place<'a> {
    harness: &'a dyn StoreHarness,
    address: String,
}

impl<'a> Place<'a> {
    /// A new place without jobs.
    pub fn new(harness: &'a dyn StoreHarness) -> Self {
        Self { harness, address: harness.create() }
    }

    /// What the store can do.
    pub fn capabilities(&self) -> StoreCapabilities {
        self.harness.open(&self.address).capabilities()
    }

    /// A started store: the first, another handle to the same jobs, or one that finds what an earlier one left.
    pub fn open(&self) -> Opened {
        let store = self.harness.open(&self.address);
        store.start("default").expect("the store starts");
        Opened(store)
    }

    /// A store that is open for reading.
    pub(super) fn open_read_only(&self) -> Opened {
        let store = self.harness.open(&self.address);
        store.start_read_only("default").expect("the store is read");
        Opened(store)
    }

    /// Why a store is not read.
    pub(super) fn refuse_to_read(&self) -> Error {
        let store = self.harness.open(&self.address);
        store.start_read_only("default").expect_err("the store must not be read")
    }

    /// Why a store does not start.
    pub(super) fn refuse(&self) -> Error {
        let store = self.harness.open(&self.address);
        store.start("default").expect_err("the store must not start")
    }

    /// A started store that reaches its server through a proxy.
    pub(super) fn open_through_proxy(&self) -> (Opened, Proxy) {
        let url = self.harness.url().expect("checked before the case was run");
        let (proxy, url) = Proxy::before(&url);
        let store = self.harness.open_at(&self.address, &url);
        store.start("default").expect("the store starts");
        (Opened(store), proxy)
    }

    /// The size of a large case.
    pub fn scaled(&self, count: usize) -> usize {
        (count / self.harness.divisor()).max(40)
    }

    /// Breaks the state of a record.
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
    /// The store, for other threads.
    pub(super) fn shared(&self) -> Arc<dyn JobStore> {
        Arc::clone(&self.0)
    }

    /// Shuts it down, which must work.
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
        // A case that closed it, or that failed, need not hear of it.
        let _ = self.0.shutdown();
    }
}
