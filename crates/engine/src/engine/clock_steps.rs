//! Reports steps of the system clock.

use chrono::TimeDelta;

use super::state::Engine;

impl Engine {
    /// Logs a warning if the clock was set since the last turn.
    pub(super) fn watch_clock(&self) {
        let Some(step) = self.clock_watch.look(&*self.clock) else { return };
        let size = in_words(step.abs());
        if step > TimeDelta::zero() {
            tracing::warn!(
                "the clock moved forward by {size}: it was set, or the machine slept; jobs due in that time are late"
            );
            return;
        }
        tracing::warn!(
            "the clock was set back by {size}: each job waits until the clock shows its next run time; to reschedule \
             a job from now on, resume it"
        );
        for store in self.stores().values() {
            store.look_for_distant_jobs();
        }
    }
}

/// Formats the two largest units, for example `2 h 5 min`.
fn in_words(time: TimeDelta) -> String {
    let mut rest = time.num_seconds();
    let mut parts = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)] {
        if rest >= length && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}
