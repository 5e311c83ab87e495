//! A case of the suite.

use std::sync::Arc;

use apscheduler_core::registry::Registry;
use apscheduler_core::time::{Timestamp, Zone};
use apscheduler_core::trigger::{Trigger, TriggerConfig, TriggerContext};
use chrono::{DateTime, TimeDelta};

use super::TriggerHarness;

/// The setup of a case: one sample of a harness.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    harness: &'a TriggerHarness,
    config: &'a TriggerConfig,
}

/// A case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name: `theme::what_holds`.
    pub name: &'static str,
    pub(super) check: fn(&Setup<'_>),
}

impl<'a> Setup<'a> {
    /// The time at which samples are built and from which fires are computed:
    /// 2027-01-01T00:00:00.123456Z, with a realistic fraction of a second.
    pub const NOW: Timestamp = match DateTime::from_timestamp(1_798_761_600, 123_456_000) {
        Some(now) => now,
        None => Timestamp::UNIX_EPOCH,
    };

    /// The number of fires that the cases check.
    pub const STEPS: usize = 60;

    /// Returns the setup for this configuration.
    pub fn new(harness: &'a TriggerHarness, config: &'a TriggerConfig) -> Self {
        Self { harness, config }
    }

    /// Returns the trigger of the sample, for a scheduler in UTC at [`NOW`](Self::NOW).
    ///
    /// # Panics
    /// If the configuration is refused.
    pub fn trigger(&self) -> Arc<dyn Trigger> {
        build(self.harness.registry(), self.config, Zone::UTC, Self::NOW)
    }

    /// Returns a trigger of another configuration, for a scheduler in another zone at another time.
    ///
    /// # Panics
    /// If the configuration is refused.
    pub fn restore(&self, config: &TriggerConfig) -> Arc<dyn Trigger> {
        let zone = "Asia/Kathmandu".parse().unwrap_or(Zone::UTC);
        build(self.harness.registry(), config, zone, Self::NOW + TimeDelta::days(1234))
    }

    /// Returns the first grid times from [`NOW`](Self::NOW) on, in order.
    ///
    /// # Panics
    /// If there are none: such a sample tests nothing.
    pub fn grid(&self) -> Vec<Timestamp> {
        let trigger = self.trigger();
        let mut grid: Vec<Timestamp> = Vec::new();
        while grid.len() < Self::STEPS
            && let Some(time) = trigger.next_grid_time(grid.last().copied(), Self::NOW)
        {
            grid.push(time);
        }
        assert!(!grid.is_empty(), "the sample {trigger} has no fire time from {} on", Self::NOW);
        grid
    }
}

fn build(
    registry: &Registry,
    config: &TriggerConfig,
    timezone: Zone,
    now: Timestamp,
) -> Arc<dyn Trigger> {
    let built = TriggerContext::at(registry, timezone, now).build(config);
    built.unwrap_or_else(|error| panic!("{config:?} is refused: {}", error.chain()))
}

impl Case {
    /// Runs the case.
    ///
    /// # Panics
    /// If the trigger violates its contract.
    pub fn run(&self, setup: &Setup<'_>) {
        (self.check)(setup);
    }
}

/// Lists the cases of a theme.
macro_rules! cases {
    ($theme:literal: $($check:ident),+ $(,)?) => {
        pub(super) const CASES: &[$crate::triggers::Case] = &[$($crate::triggers::Case {
            name: concat!($theme, "::", stringify!($check)),
            check: $check,
        }),+];
    };
}
pub(super) use cases;
