//! A custom trigger: with a few lines, it works like the built-in ones.
#![allow(clippy::print_stdout, reason = "an example")]

use std::fmt;
use std::time::Duration;

use apscheduler::Result;
use apscheduler::prelude::*;
use apscheduler::trigger::{SerializeOptions, Trigger};
use chrono::TimeDelta;
use serde_json::json;

/// Fires 1, 2, 4, 8, ... steps after its start.
#[derive(Debug)]
struct BackoffTrigger {
    start: Timestamp,
    step: TimeDelta,
}

impl Trigger for BackoffTrigger {
    /// Returns the first fire time after `previous`; without one, the first that is not before `now`.
    fn next_fire_time(&self, previous: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let mut wait = self.step;
        loop {
            let fire = self.start.checked_add_signed(wait)?;
            if previous.map_or(fire >= now, |previous| fire > previous) {
                return Some(fire);
            }
            wait = wait.checked_mul(2)?;
        }
    }

    /// Returns the name of the plugin that builds it from stored options: see docs/PLUGINS.md.
    fn kind(&self) -> &'static str {
        "backoff"
    }

    /// Returns the options that a store keeps.
    fn options(&self) -> Box<dyn SerializeOptions + '_> {
        Box::new(json!({
            "start_date": Zone::UTC.iso(self.start),
            "step": self.step.num_milliseconds(),
        }))
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        Zone::UTC
    }
}

impl fmt::Display for BackoffTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "backoff[{} ms]", self.step.num_milliseconds())
    }
}

fn main() -> Result<()> {
    let scheduler = BackgroundScheduler::new();
    let start = scheduler.clock().now();
    let trigger = BackoffTrigger { start, step: TimeDelta::milliseconds(200) };
    let tick = move |context: &JobContext| {
        println!("after {} ms", (context.scheduled_run_time() - start).num_milliseconds());
    };
    let job = scheduler.add_job(JobBuilder::new(tick).name("tick").trigger(trigger))?;
    println!("{job}");
    scheduler.start()?;
    std::thread::sleep(Duration::from_secs(4));
    scheduler.shutdown(Shutdown::Wait)
}
