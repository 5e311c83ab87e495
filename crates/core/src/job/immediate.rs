//! The trigger of jobs that were added without one.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::time::{Timestamp, Zone};
use crate::trigger::Trigger;

/// Fires once, when the job was added. Stores keep it as the trigger `date`, which is in a crate of its own.
#[derive(Debug)]
pub(super) struct ImmediateTrigger {
    added: Timestamp,
    zone: Zone,
}

impl ImmediateTrigger {
    pub(super) fn new(added: Timestamp, zone: Zone) -> Self {
        Self { added, zone }
    }
}

#[derive(Serialize)]
struct DateOptions {
    run_date: String,
    from_clock: bool,
}

impl Trigger for ImmediateTrigger {
    fn next_fire_time(&self, previous: Option<Timestamp>, _now: Timestamp) -> Option<Timestamp> {
        previous.is_none_or(|previous| previous < self.added).then_some(self.added)
    }

    fn with_corrected_start(&self, now: Timestamp) -> Option<Arc<dyn Trigger>> {
        (self.added > now).then(|| Arc::new(Self::new(now, self.zone)) as Arc<dyn Trigger>)
    }

    fn kind(&self) -> &'static str {
        "date"
    }

    fn options(&self) -> Box<dyn erased_serde::Serialize + '_> {
        Box::new(DateOptions { run_date: self.zone.iso(self.added), from_clock: true })
    }

    fn zone(&self, _fire_time: Timestamp) -> Zone {
        self.zone
    }
}

impl fmt::Display for ImmediateTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "date[{}]", self.zone.display(self.added))
    }
}
