//! The clock of a process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::time::{Clock, Timestamp};

use super::events::ProcessId;
use super::time::timestamp;
use super::world::World;

/// The clock of a process: it may be wrong, and is set by faults.
pub(super) struct ProcessClock {
    pub(super) world: Arc<World>,
    pub(super) process: ProcessId,
}

impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        let (now, offset) = self.world.clock_of(self.process);
        timestamp(now) + chrono::TimeDelta::microseconds(offset)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.world.uptime_of(self.process))
    }
}

impl fmt::Debug for ProcessClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessClock").field("process", &self.process).finish_non_exhaustive()
    }
}
