//! `after`: when runs of other jobs end.

mod options;
mod trigger;

use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::options::{Options, parse};
use apscheduler_core::registry::Plugin;
use apscheduler_core::trigger::{Trigger, TriggerContext};

use options::{AfterOptions, WHAT};
pub use trigger::AfterTrigger;

/// The descriptor of this trigger.
///
/// | option | meaning |
/// |---|---|
/// | `jobs` | the jobs that are followed: a list of ids, or of tables with `job` and `on` (`ok`, `failed` or `any`) |
pub static PLUGIN: Plugin = Plugin::trigger("after", &build)
    .summary("fires when runs of other jobs end")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

fn build(given: &Options, _context: &TriggerContext<'_>) -> Result<Arc<dyn Trigger>> {
    let AfterOptions { jobs } = parse(WHAT, given)?;
    Ok(Arc::new(AfterTrigger::new(jobs)?))
}
