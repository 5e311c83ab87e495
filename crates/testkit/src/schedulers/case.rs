//! A case of the suite.

use super::SchedulerHarness;

/// A requirement of a case on the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Listeners are called on the thread of the loop.
    Listeners,
    /// The loop can end while the scheduler is running.
    Loss,
    /// The scheduler can be dropped while it is running.
    Drop,
}

/// A case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name: `theme::what_holds`.
    pub name: &'static str,
    /// The requirements on the scheduler.
    pub needs: &'static [Need],
    pub(super) check: fn(&SchedulerHarness),
}

impl Case {
    /// Runs the case. If the scheduler does not meet a requirement, returns the reason.
    ///
    /// # Panics
    /// If the scheduler violates its contract.
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

/// Lists the cases of a theme: for each, its function and its requirements.
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
