//! Jobs that stand beside their functions in the source.

use serde_json::{Map, Value};

use super::{JobBuilder, JobDefaults, PendingJob};
use crate::trigger::TriggerContext;
use crate::{Result, suggestion};

/// A job that `#[scheduled_job]` declares on its function; [`Scheduler::add_declared_jobs`] adds it.
///
/// [`Scheduler::add_declared_jobs`]: crate::Scheduler::add_declared_jobs
#[derive(Clone, Copy, Debug)]
pub struct DeclaredJob {
    function: &'static str,
    table: fn() -> Map<String, Value>,
}

inventory::collect!(DeclaredJob);

impl DeclaredJob {
    /// A job that calls the function of this name. The table is as [`JobBuilder::from_table`] reads it, without `func`.
    pub const fn new(function: &'static str, table: fn() -> Map<String, Value>) -> Self {
        Self { function, table }
    }

    /// The name of its function.
    pub fn function(&self) -> &'static str {
        self.function
    }

    /// The options of the job.
    pub fn table(&self) -> Map<String, Value> {
        (self.table)()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.function == other.function && std::ptr::fn_addr_eq(self.table, other.table)
    }

    /// Checks the table and makes the job.
    ///
    /// # Errors
    /// What is wrong with the table, its place named.
    pub fn build(
        &self,
        context: &TriggerContext<'_>,
        defaults: &JobDefaults,
    ) -> Result<PendingJob> {
        let mut table = self.table();
        let options = table.get("trigger").and_then(Value::as_object).cloned().unwrap_or_default();
        table.insert("func".to_owned(), self.function.into());
        let place = format!("`#[scheduled_job]` on `{}`", self.function);
        let job = JobBuilder::from_table(&place, &table, context.timezone)?;
        job.replace_existing(true).build(context, defaults).map_err(|error| {
            let meant = options
                .keys()
                .find_map(|given| Some((given, suggestion::nearest(given, OPTIONS)?)));
            match meant {
                Some((given, option)) => error.with_context(format!(
                    "{place} (is `{given}` meant as the option `{option}` of the job?)"
                )),
                None => error.with_context(place),
            }
        })
    }
}

/// What is no option of the job goes to its trigger; these may have been meant.
const OPTIONS: [&str; 8] = [
    "misfire_grace_time",
    "coalesce",
    "max_instances",
    "timeout",
    "next_run_time",
    "jobstore",
    "executor",
    "kwargs",
];
