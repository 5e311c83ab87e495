//! One case of the suite.

use super::SchedulerHarness;

/// What a case needs of a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Listeners are called in the thread of the loop.
    Listeners,
    /// The loop can end under the scheduler.
    Loss,
    /// It can be dropped while it runs.
    Drop,
}

/// One case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name: `theme::what_holds`.
    pub name: &'static str,
    /// What a scheduler must have, for the case to make sense.
    pub needs: &'static [Need],
    pub(super) check: fn(&SchedulerHarness),
}

impl Case {
    /// Runs it. Returns the reason where the scheduler lacks what it needs.
    ///
    /// # Panics
    /// Where the scheduler does not do what it promises.
    pub fn run(&self, harness: &SchedulerHarness) -> Option<&'static str> {
        let unmet = self.needs.iter().find_map(|need| {
            let (met, reason) = match need {
                Need::Listeners => {
                    (harness.takes_listeners, "listeners are called where the event happens")
                }
                Need::Loss => (harness.can_lose_its_loop, "the loop is the scheduler's own"),
                Need::Drop => {
                    (harness.stops_when_dropped, "the scheduler is borrowed while it runs")
                }
            };
            (!met).then_some(reason)
        });
        if unmet.is_none() {
            (self.check)(harness);
        }
        unmet
    }
}

/// The cases of a theme: for each its function, and what it needs.
macro_rules! cases {
    ($theme:literal: $($check:ident $([$($need:ident),+])?),+ $(,)?) => {
        pub(super) const CASES: &[$crate::schedulers::Case] = &[$($crate::schedulers::Case {
            name: concat!($theme, "::", stringify!($check)),
            needs: &[$($($crate::schedulers::Need::$need),+)?],
            check: $check,
        }),+];
    };
}
pub(super) use cases;
