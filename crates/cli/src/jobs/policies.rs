//! Command line options for the policies of a job.

use anyhow::Result;
use apscheduler::job::PolicyOptions;
use serde_json::{Map, Value};

/// The policies of a job, as in a jobs file. Each is a word, a number, or a JSON table.
#[derive(clap::Args)]
#[command(next_help_heading = "Policies")]
pub(super) struct PolicyArgs {
    /// Try a run that fails again: the most attempts, or a table with `max_attempts`, `delay`, `backoff`, `max_delay`, `jitter`, `on`; `none` for never
    #[arg(long, value_name = "N or JSON")]
    retry: Option<String>,
    /// What becomes of a run whose scheduler dies: lost, rerun, or a table such as {"rerun": 5}
    #[arg(long, value_name = "POLICY")]
    on_crash: Option<String>,
    /// What becomes of a run above the maximum of instances: skip, `buffer_one`, `buffer_all`, `cancel_other`, `terminate_other`, allow
    #[arg(long, value_name = "POLICY")]
    overlap: Option<String>,
    /// Which running instances count: process or cluster
    #[arg(long, value_name = "SCOPE")]
    overlap_scope: Option<String>,
    /// How many overdue run times run, the newest; `none` for all
    #[arg(long, value_name = "N")]
    catchup_limit: Option<String>,
    /// Which run times follow when the job is resumed: next or `catch_up`
    #[arg(long, value_name = "POLICY")]
    on_resume: Option<String>,
    /// How long after its scheduled start a run must have succeeded: seconds, or text such as "1h 30m"; `none` for no limit
    #[arg(long, value_name = "TIME")]
    deadline: Option<String>,
    /// Which runs are recorded: off, failures or all; `none` for those that the scheduler records
    #[arg(long, value_name = "LEVEL")]
    history: Option<String>,
    /// Whether return values and errors are recorded: true or false
    #[arg(long, value_name = "BOOL")]
    record_result: Option<String>,
}

impl PolicyArgs {
    /// Returns the policies that were given, or `None` if there are none.
    pub(super) fn given(&self) -> Result<Option<PolicyOptions>> {
        let values = [
            &self.retry,
            &self.on_crash,
            &self.overlap,
            &self.overlap_scope,
            &self.catchup_limit,
            &self.on_resume,
            &self.deadline,
            &self.history,
            &self.record_result,
        ];
        let given = PolicyOptions::NAMES.into_iter().zip(values);
        let given = given.filter_map(|(name, text)| Some((name.to_owned(), value(text.as_ref()?))));
        let given: Map<String, Value> = given.collect();
        if given.is_empty() {
            return Ok(None);
        }
        Ok(Some(PolicyOptions::from_table("policies", &given)?))
    }
}

/// A table is JSON; anything else is a word, a number or a length of time.
fn value(text: &str) -> Value {
    serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or_else(|| text.into())
}
