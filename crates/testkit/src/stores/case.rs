//! A case of the suite.

use apscheduler_core::store::JobStore;

use super::{OverlappingClaims, Place, StoreHarness};

/// A requirement of a case on the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Jobs survive the end of the process.
    Durable,
    /// Jobs end with the process.
    NotDurable,
    /// Several handles and processes may open the same jobs.
    Shared,
    /// Jobs are stored as text.
    Serializes,
    /// Jobs are stored as objects.
    KeepsLiveJobs,
    /// The store notifies of changes made by others.
    Watch,
    /// Claims skip jobs that another claim is deciding on.
    SkipsLocked,
    /// Jobs that one claim is deciding on may be claimed by others.
    Optimistic,
    /// The harness can corrupt a record.
    Corrupt,
    /// The harness can set a run time to a number.
    SetRunTime,
    /// The harness can change the version of the schema.
    SetVersion,
    /// The harness can put another program's data in place of the jobs.
    Occupy,
    /// The harness has a user who may read but not write.
    ReadOnlyUser,
    /// The harness can empty a place.
    Empty,
    /// The store has a ledger.
    Ledger,
    /// The store has a ledger that keeps a journal of claims.
    Journal,
    /// The store has a ledger that keeps open runs.
    OpenRuns,
    /// There is a server, and the harness knows its URL.
    Server,
}

impl Need {
    /// Returns why a store does not meet the requirement.
    fn unmet(self, place: &Place<'_>) -> Option<&'static str> {
        let can = place.capabilities();
        let (met, reason) = match self {
            Self::Durable => (can.durable, "the store is not durable"),
            Self::NotDurable => (!can.durable, "the store is durable"),
            Self::Shared => (can.shared, "the store is not shared"),
            Self::Serializes => (can.serializes, "the store does not serialize"),
            Self::KeepsLiveJobs => (!can.serializes, "the store serializes"),
            Self::Watch => (can.watch, "the store has no watch"),
            Self::SkipsLocked => (
                place.harness().meeting() == OverlappingClaims::SkipsLocked,
                "a claim does not skip locked jobs",
            ),
            Self::Optimistic => (
                place.harness().meeting() == OverlappingClaims::Optimistic,
                "a claim locks the jobs that it examines",
            ),
            Self::Corrupt => (place.harness().corrupt().is_some(), "records can't be corrupted"),
            Self::SetRunTime => {
                (place.harness().set_run_time().is_some(), "run times are not numbers")
            }
            Self::SetVersion => {
                (place.harness().set_version().is_some(), "the schema has no version")
            }
            Self::Occupy => (
                place.harness().insert_foreign_data().is_some(),
                "no other program can use the place",
            ),
            Self::ReadOnlyUser => {
                (place.harness().read_only_user().is_some(), "there is no read-only user")
            }
            Self::Empty => (place.harness().empty().is_some(), "places can't be emptied"),
            Self::Ledger => (place.has_ledger(), "the store has no ledger"),
            Self::Journal => (place.has_ledger() && can.durable, "the store has no journal"),
            Self::OpenRuns => (place.has_open_runs(), "the ledger keeps no open runs"),
            Self::Server => (place.harness().url().is_some(), "the store has no server"),
        };
        (!met).then_some(reason)
    }
}

/// The function of a case, called with one started store, or with a place to open stores on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    Store(fn(&dyn JobStore)),
    Place(fn(&Place<'_>)),
}

/// A case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name: `theme::what_holds`.
    pub name: &'static str,
    /// The requirements on the store.
    pub needs: &'static [Need],
    pub(super) check: Check,
}

impl Case {
    /// Runs the case on a new place. If the store does not meet a requirement, returns the reason.
    ///
    /// # Panics
    /// If the store violates its contract.
    pub fn run(&self, harness: &dyn StoreHarness) -> Option<&'static str> {
        let place = Place::new(harness);
        let unmet = self.needs.iter().find_map(|need| need.unmet(&place));
        if unmet.is_none() {
            match self.check {
                Check::Store(check) => check(&*place.open()),
                Check::Place(check) => check(&place),
            }
        }
        unmet
    }
}

/// Lists the cases of a theme: for each, the parameter of its function, the function, and its
/// requirements.
macro_rules! cases {
    ($theme:literal: $($kind:ident $check:ident $([$($need:ident),+])?),+ $(,)?) => {
        pub(super) const CASES: &[$crate::stores::Case] = &[$($crate::stores::Case {
            name: concat!($theme, "::", stringify!($check)),
            needs: &[$($($crate::stores::Need::$need),+)?],
            check: $crate::stores::case::Check::$kind($check),
        }),+];
    };
}
pub(super) use cases;
