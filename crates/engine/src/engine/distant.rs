//! Finds jobs whose next run time is far later than their trigger's, for example after the clock
//! was wrong.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::TimeDelta;

use super::decide::restore;
use super::pausing::active;
use super::state::Engine;
use super::store_runner::StoreRunner;
use apscheduler_core::Result;
use apscheduler_core::job::JobSpec;
use apscheduler_core::printable;
use apscheduler_core::store::{Cursor, JobRecord};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::TriggerContext;

/// The excess over the trigger's fire time from which a job is reported.
const DISTANT: TimeDelta = TimeDelta::hours(1);

/// The distances from now at which to sample jobs. Sampling keeps the cost low for a large store,
/// and few jobs wait for more than a year.
const SAMPLE_DISTANCES: [TimeDelta; 3] = [TimeDelta::days(400), TimeDelta::days(40), DISTANT];
const SAMPLE_SIZE: usize = 300;

/// The maximum number of jobs named in the log.
const MAX_NAMED: usize = 3;

impl Engine {
    /// Logs a warning about jobs of a store whose next run time is far later than their trigger's.
    pub(super) fn report_distant_jobs(&self, runner: &StoreRunner, now: Timestamp) -> Result<()> {
        let context = self.trigger_context();
        let mut distant = BTreeMap::new();
        for place in SAMPLE_DISTANCES {
            let Some(after) = now.checked_add_signed(place) else { continue };
            let after = Cursor::new(Some(after), "");
            for record in runner.store.get_jobs(Some(&after), SAMPLE_SIZE)? {
                if let Some(text) = distance(&record, now, &context) {
                    distant.insert(record.id, text);
                }
            }
        }
        if distant.is_empty() {
            return Ok(());
        }
        let count = distant.len();
        let named: Vec<&str> = distant.values().take(MAX_NAMED).map(String::as_str).collect();
        let more = if count > MAX_NAMED { "; and others" } else { "" };
        tracing::warn!(
            jobstore = &*runner.alias,
            "{count} {} much longer than the trigger requires, as after a wrong clock: {}{more}. Unless that is intended, \
             resume them (`apscheduler jobs resume ID`)",
            if count == 1 { "job waits" } else { "jobs wait" },
            named.join("; ")
        );
        Ok(())
    }
}

/// Formats how much later than its trigger a job runs, if that exceeds [`DISTANT`].
fn distance(record: &JobRecord, now: Timestamp, context: &TriggerContext<'_>) -> Option<String> {
    let next = record.next_run_time?;
    // Broken records are reported elsewhere.
    let spec: Arc<JobSpec> = restore(record, context).ok()?;
    if active(&spec, now).is_some() {
        return None;
    }
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
