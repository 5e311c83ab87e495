//! Metrics, as text in the format `OpenMetrics`.

mod gauges;
mod labels;
mod meters;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use apscheduler_core::{Error, ErrorKind, Result};
use apscheduler_engine::Scheduler;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::registry::Registry;

use gauges::JobCounts;
pub(crate) use meters::Meters;

/// The content type of the metrics.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long the numbers of jobs are used before they are counted anew: that reads the jobs.
const COUNTED_FOR: Duration = Duration::from_secs(60);

/// The numbers of jobs, and when they were counted.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<Option<(Duration, JobCounts)>>);

impl Counted {
    fn get(&self, scheduler: &Scheduler) -> JobCounts {
        let now = scheduler.clock().elapsed();
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, counts)) = &*lock()
            && now.saturating_sub(*at) < COUNTED_FOR
        {
            return counts.clone();
        }
        let counts = JobCounts::of(scheduler);
        *lock() = Some((now, counts.clone()));
        counts
    }
}

/// Returns the metrics as text. It may wait for stores, once a minute.
///
/// # Errors
/// [`ErrorKind::Other`], if they can't be written as text.
pub(crate) fn text(scheduler: &Scheduler, meters: &Meters, counted: &Counted) -> Result<String> {
    let mut now = Registry::with_prefix("apscheduler");
    gauges::register(&mut now, scheduler, &counted.get(scheduler));
    let mut text = String::new();
    let written = encode_registry(&mut text, meters.registry())
        .and_then(|()| encode_registry(&mut text, &now))
        .and_then(|()| encode_eof(&mut text));
    written.map_err(|error| {
        Error::new(ErrorKind::Other, "the metrics can't be written").with_source(error)
    })?;
    Ok(text)
}
