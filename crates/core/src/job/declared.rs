//! Jobs that are declared on their functions.

use serde_json::{Map, Value};

use super::{JobBuilder, JobDefaults, PendingJob};
use crate::trigger::TriggerContext;
use crate::{Result, suggestion};

/// A job that `#[scheduled_job]` declares on its function; `Scheduler::add_declared_jobs` adds it.
#[derive(Clone, Copy, Debug)]
pub struct DeclaredJob {
    function: &'static str,
    table: fn() -> Map<String, Value>,
}

inventory::collect!(DeclaredJob);

impl DeclaredJob {
    /// Creates a job that calls the function with this name. [`JobBuilder::from_table`] reads the table, which has no
    /// `func`.
    pub const fn new(function: &'static str, table: fn() -> Map<String, Value>) -> Self {
        Self { function, table }
    }

    /// Returns the name of its function.
    pub fn function(&self) -> &'static str {
        self.function
    }

    /// Returns the options of the job.
    pub fn table(&self) -> Map<String, Value> {
        (self.table)()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.function == other.function && std::ptr::fn_addr_eq(self.table, other.table)
    }

    /// Checks the table and builds the job.
    ///
    /// # Errors
    /// An error that names the function and the option that is not valid.
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
                    "{place} (did you mean the option `{option}` of the job instead of `{given}`?)"
                )),
                None => error.with_context(place),
            }
        })
    }
}

/// Options of jobs that are not known are passed to the trigger; one of these may have been misspelt.
const OPTIONS: [&str; 17] = [
    "misfire_grace_time",
    "coalesce",
    "max_instances",
    "timeout",
    "next_run_time",
    "jobstore",
    "executor",
    "kwargs",
    "retry",
    "on_crash",
    "overlap",
    "overlap_scope",
    "catchup_limit",
    "on_resume",
    "deadline",
    "history",
    "record_result",
];
