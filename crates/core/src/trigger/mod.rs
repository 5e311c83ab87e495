//! Triggers compute when jobs run.

mod after;
mod config;
mod context;
mod source;
mod warning;

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

pub use after::{After, AfterOn, fold_after};
pub use config::TriggerConfig;
pub use context::{Lookup, TriggerContext, TriggerLookup};
/// Options of a trigger that can be written: anything that implements `serde::Serialize`.
pub use erased_serde::Serialize as SerializeOptions;
pub use source::{DeferredTrigger, TriggerSource};
pub use warning::schedule_warning;

use crate::time::{Timestamp, Zone};

/// Computes when a job runs. Its methods are pure, and it has no state that changes after construction.
///
/// `Display` is the short text that lists show, such as `interval[1 day, 2:00:00]`. `Serialize` is what stores keep: an
/// object with `type`, which is [`kind`](Self::kind), and the [`options`](Self::options).
pub trait Trigger: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Returns the next fire time, or `None` if the schedule has ended.
    ///
    /// With a `previous` fire time, the result is strictly later than it and `now` does not matter: the result may have
    /// passed already, because the scheduler has to know about missed times. Without one, the result is the first fire
    /// time at or after `now`; a trigger that fires once may return its time even if it has passed.
    ///
    /// `previous` may be any instant, not only a fire time of this trigger: a job may have been run manually, or its
    /// next run time may have been set. The result is then the first fire time after it. The schedule itself does not
    /// move.
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp>;

    /// Returns the next time of the schedule without jitter.
    ///
    /// The default is [`next_fire_time`](Self::next_fire_time). A trigger that adds a random delay returns the time before
    /// the delay here, and adds the delay in [`add_jitter`](Self::add_jitter). Combining triggers compare grid times, so
    /// that the delay of one trigger never hides a fire of another.
    fn next_grid_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        self.next_fire_time(previous, now)
    }

    /// Adds a new random delay to a grid time. The result is between `grid_time` and `latest`, inclusive. `latest` is
    /// never earlier than `grid_time`.
    ///
    /// The default adds none.
    fn add_jitter(&self, grid_time: Timestamp, _latest: Timestamp) -> Timestamp {
        grid_time
    }

    /// Returns the last fire time at or before `until`, or `first` if there is none after `first`.
    ///
    /// `first` is never later than `until`. It is the fire time that is due, or any other instant if the next run time was
    /// set.
    ///
    /// A scheduler calls this to coalesce the runs that it missed. The default steps through all fire times in between;
    /// override it if the trigger can compute the answer directly.
    fn last_fire_time(&self, first: Timestamp, until: Timestamp) -> Timestamp {
        let mut last = first;
        while let Some(next) = self.next_fire_time(Some(last), until) {
            if next > until || next <= last {
                break;
            }
            last = next;
        }
        last
    }

    /// Returns how many fire times lie after `first`, and at or before `until`.
    ///
    /// A scheduler calls this to record how many runs coalesced. The default counts up to 100,000, so that a long sleep does
    /// not delay other jobs; override it if the trigger can compute the answer directly.
    fn count_fire_times(&self, first: Timestamp, until: Timestamp) -> u64 {
        const MOST: u64 = 100_000;
        let (mut last, mut count) = (first, 0);
        while count < MOST
            && let Some(next) = self.next_fire_time(Some(last), until)
            && next <= until
            && next > last
        {
            (last, count) = (next, count + 1);
        }
        count
    }

    /// Explains why the schedule, or a part of it, can never fire, and how to fix that. Returns `None` if it can.
    ///
    /// The text is shown after the name of the trigger: "no date matches month='2', day='31'". A schedule that has fired
    /// and then ended is not a problem. Programs show the text as a warning when a job is checked or added.
    ///
    /// The default returns `None`.
    fn diagnose(&self, _now: Timestamp) -> Option<String> {
        None
    }

    /// Returns the same trigger as if it had been created at `now`, if its start was taken from a clock that was ahead of
    /// `now`. Returns `None`, the default, for any other trigger: a start that was given stays, and so does one that `now`
    /// may have passed.
    ///
    /// A scheduler calls this when it resumes or runs a job, so that a job that was added while the clock was wrong does
    /// not wait for that wrong date.
    fn with_corrected_start(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        let _ = now;
        None
    }

    /// Returns the jobs after whose runs this trigger fires too, beside its times. The default returns none.
    fn follows(&self) -> Vec<After> {
        Vec::new()
    }

    /// Returns the name of the plugin that builds this trigger, such as `cron`.
    fn kind(&self) -> &str;

    /// Returns the options from which the plugin builds an equal trigger: anything that serializes as a table. A trigger
    /// without options returns `Box::new(())`.
    ///
    /// An option that was taken from the clock or from the scheduler, such as the start or the zone, is part of them.
    fn options(&self) -> Box<dyn SerializeOptions + '_>;

    /// Returns the zone to show a fire time of this trigger in.
    fn zone(&self, fire_time: Timestamp) -> Zone;
}

/// The table `{"type": kind, ...options}`.
impl Serialize for dyn Trigger + '_ {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Described<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            #[serde(flatten)]
            options: Box<dyn erased_serde::Serialize + 'a>,
        }

        Described { kind: self.kind(), options: self.options() }.serialize(serializer)
    }
}
