//! One case of the suite.

use apscheduler_core::store::JobStore;

use super::{Meeting, Place, StoreHarness};

/// What a case needs of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Jobs survive the end of the process.
    Durable,
    /// Jobs end with the process.
    Fleeting,
    /// Several handles and processes may open the same jobs.
    Shared,
    /// Jobs are kept as text.
    Serializes,
    /// Jobs are kept as they are.
    KeepsObjects,
    /// It tells of changes that others make.
    Watch,
    /// Jobs on which somebody decides are passed by.
    PassesBy,
    /// Jobs on which somebody decides may be claimed by others.
    Races,
    /// The harness knows how to break a record.
    Corrupt,
    /// The harness knows how to set a run time to a number.
    SetRunTime,
    /// The harness knows how to change the version of the schema.
    SetVersion,
    /// The harness knows what another program could keep in place of jobs.
    Occupy,
    /// The harness knows a user who may read, and not write.
    MayOnlyRead,
    /// The harness knows how to empty a place.
    Empty,
    /// There is a server, and the harness knows its URL.
    Server,
}

impl Need {
    /// What to say of a store that does not have it.
    fn unmet(self, place: &Place<'_>) -> Option<&'static str> {
        let can = place.capabilities();
        let (met, reason) = match self {
            Self::Durable => (can.durable, "the store is not durable"),
            Self::Fleeting => (!can.durable, "the store is durable"),
            Self::Shared => (can.shared, "the store is not shared"),
            Self::Serializes => (can.serializes, "the store does not serialize"),
            Self::KeepsObjects => (!can.serializes, "the store serializes"),
            Self::Watch => (can.watch, "the store has no watch"),
            Self::PassesBy => {
                (place.harness().meeting() == Meeting::PassesBy, "a claim passes by no locked job")
            }
            Self::Races => {
                (place.harness().meeting() == Meeting::Races, "a claim locks what it looks at")
            }
            Self::Corrupt => (place.harness().corrupt().is_some(), "nobody could break a record"),
            Self::SetRunTime => {
                (place.harness().set_run_time().is_some(), "run times are no numbers")
            }
            Self::SetVersion => {
                (place.harness().set_version().is_some(), "the schema has no version")
            }
            Self::Occupy => (place.harness().occupy().is_some(), "nobody else keeps things there"),
            Self::MayOnlyRead => {
                (place.harness().may_only_read().is_some(), "whoever may read may write")
            }
            Self::Empty => (place.harness().empty().is_some(), "nobody could empty a place"),
            Self::Server => (place.harness().url().is_some(), "the store has no server"),
        };
        (!met).then_some(reason)
    }
}

/// What is called: with one started store, or with a place to open stores on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    Store(fn(&dyn JobStore)),
    Place(fn(&Place<'_>)),
}

/// One case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name: `theme::what_holds`.
    pub name: &'static str,
    /// What a store must have, for the case to make sense.
    pub needs: &'static [Need],
    pub(super) check: Check,
}

impl Case {
    /// Runs it on a new place. Returns the reason where the store lacks what it needs.
    ///
    /// # Panics
    /// Where the store does not do what it promises.
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

/// The cases of a theme: for each, what it is called with, its function, and what it needs.
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
