//! Places in memory that several handles share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use apscheduler_core::store::{ChangeNotifier, JobPayload, JobStore};
use apscheduler_store_memory::MemoryJobStore;
use apscheduler_testkit::stores::{Corrupt, StoreHarness};

use crate::faulty::{Fault, FaultyStore};
use crate::ledger::Book;

/// The state that the handles to one place share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) memory: MemoryJobStore,
    pub(crate) book: Mutex<Book>,
    /// The watchers, each with the number of its handle.
    pub(crate) watchers: Mutex<Vec<(usize, Arc<ChangeNotifier>)>>,
}

type Corrupter = Box<dyn Fn(&str, &str) + Send + Sync>;

pub(crate) struct FaultyHarness {
    fault: Fault,
    places: Arc<Mutex<HashMap<String, Arc<Shared>>>>,
    handles: AtomicUsize,
    corrupter: Corrupter,
}

impl FaultyHarness {
    pub(crate) fn new(fault: Fault) -> Self {
        let places: Arc<Mutex<HashMap<String, Arc<Shared>>>> = Arc::default();
        let known = Arc::clone(&places);
        let corrupter = Box::new(move |address: &str, id: &str| {
            let place = Arc::clone(&known.lock().unwrap()[address]);
            let mut record = place.memory.lookup_job(id).unwrap().unwrap();
            record.payload = JobPayload::Encoded("{\"vers".into());
            assert!(place.memory.update_job(&record).unwrap());
        });
        Self { fault, places, handles: AtomicUsize::new(0), corrupter }
    }
}

impl StoreHarness for FaultyHarness {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn create(&self) -> String {
        let mut places = self.places.lock().unwrap();
        let address = places.len().to_string();
        places.insert(address.clone(), Arc::default());
        address
    }

    fn open(&self, address: &str) -> Arc<dyn JobStore> {
        let shared = if self.fault == Fault::HandlesAreSeparate {
            Arc::default()
        } else {
            Arc::clone(&self.places.lock().unwrap()[address])
        };
        let number = self.handles.fetch_add(1, Ordering::Relaxed);
        Arc::new(FaultyStore::new(self.fault, number, shared))
    }

    fn corrupt(&self) -> Option<Corrupt<'_>> {
        Some(&*self.corrupter)
    }

    fn divisor(&self) -> usize {
        100
    }
}
