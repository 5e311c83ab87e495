//! Warnings about schedules.

use super::Trigger;
use crate::time::Timestamp;

/// Returns a warning for users who check or add a job with this trigger: it, or a part of it, can never fire and why, or
/// its schedule has ended before `now`.
pub fn schedule_warning(trigger: &dyn Trigger, now: Timestamp) -> Option<String> {
    let problem = trigger.diagnose(now);
    let fires = trigger.next_fire_time(None, now).is_some();
    match (problem, fires) {
        (Some(problem), false) => Some(format!("{trigger} never fires: {problem}")),
        (Some(problem), true) => Some(format!("{trigger}: {problem}")),
        (None, false) if !trigger.follows().is_empty() => None,
        (None, false) => Some(format!("{trigger} does not fire any more: its schedule has ended")),
        (None, true) => None,
    }
}
