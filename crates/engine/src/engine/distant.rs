//! Jobs that wait for much longer than their triggers say: what a clock that was wrong leaves behind.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::TimeDelta;

use super::Engine;
use super::decide::restore;
use super::store_runner::StoreRunner;
use apscheduler_core::Result;
use apscheduler_core::job::JobSpec;
use apscheduler_core::printable;
use apscheduler_core::store::{Cursor, JobRecord};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::TriggerContext;

/// A job that waits so much longer than its trigger says is told of.
const DISTANT: TimeDelta = TimeDelta::hours(1);

/// From where on jobs are looked at, and how many from each place: it must not cost what all jobs of a large store do. Few
/// wait for longer than a year.
const PLACES: [TimeDelta; 3] = [TimeDelta::days(400), TimeDelta::days(40), DISTANT];
const LOOKED_AT: usize = 300;

/// How many are named in the log.
const NAMED: usize = 3;

impl Engine {
    /// Warns of jobs in a store whose next run time lies far beyond what their triggers say.
    pub(super) fn report_distant_jobs(&self, runner: &StoreRunner, now: Timestamp) -> Result<()> {
        let context = self.trigger_context();
        let mut distant = BTreeMap::new();
        for place in PLACES {
            let Some(after) = now.checked_add_signed(place) else { continue };
            let after = Cursor::new(Some(after), "");
            for record in runner.store.get_jobs(Some(&after), LOOKED_AT)? {
                if let Some(text) = distance(&record, now, &context) {
                    distant.insert(record.id, text);
                }
            }
        }
        if distant.is_empty() {
            return Ok(());
        }
        let count = distant.len();
        let named: Vec<&str> = distant.values().take(NAMED).map(String::as_str).collect();
        let more = if count > NAMED { "; and others" } else { "" };
        tracing::warn!(
            jobstore = &*runner.alias,
            "{count} {} much longer than by the trigger, as after a wrong clock: {}{more}. Unless that is meant, resume them \
             (`apscheduler jobs resume ID`)",
            if count == 1 { "job waits" } else { "jobs wait" },
            named.join("; ")
        );
        Ok(())
    }
}

/// How much longer than by its trigger a job waits, in words, where that is long.
fn distance(record: &JobRecord, now: Timestamp, context: &TriggerContext<'_>) -> Option<String> {
    let next = record.next_run_time?;
    // A broken record is told of elsewhere.
    let spec: Arc<JobSpec> = restore(record, context).ok()?;
    let own = catch_unwind(AssertUnwindSafe(|| {
        let trigger = spec.trigger().with_corrected_start(now);
        trigger.as_ref().unwrap_or(spec.trigger()).next_fire_time(None, now)
    }));
    let own = own.ok()??;
    (next.signed_duration_since(own) > DISTANT).then(|| {
        let zone = spec.trigger().zone(own);
        let id = printable::line(&record.id);
        format!("`{id}` until {} instead of {}", zone.iso(next), zone.iso(own))
    })
}
