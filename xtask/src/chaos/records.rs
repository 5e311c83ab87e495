//! The records of fires in the ledger of the store.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::fire::{Fire, Micros, PERIOD, micros};

/// How many records each fire has, by its state.
#[derive(Default)]
pub(super) struct Records {
    pub(super) states: BTreeMap<Fire, Vec<String>>,
}

impl Records {
    /// Adds what `apscheduler runs list --json` printed. A record of several fires in a row counts for each of them. Returns
    /// the last run of the page, or `None` if the page is empty.
    pub(super) fn read_page(&mut self, json: &[u8]) -> Result<Option<String>> {
        let runs: Vec<Value> = serde_json::from_slice(json)?;
        for run in &runs {
            let text = |key: &str| run[key].as_str().with_context(|| format!("no `{key}`: {run}"));
            let (job, first) = (text("job_id")?, micros(text("scheduled_run_time")?)?);
            let last = if run["until"].is_null() { first } else { micros(text("until")?)? };
            let mut time = first;
            while time <= last {
                let fire = (job.to_owned(), time);
                self.states.entry(fire).or_default().push(text("state")?.to_owned());
                time += PERIOD;
            }
        }
        Ok(runs.last().and_then(|run| run["run_id"].as_str()).map(str::to_owned))
    }

    /// Returns the fires that were due until this time, in microseconds.
    pub(super) fn until(&self, time: Micros) -> Vec<Fire> {
        self.states.keys().filter(|(_, due)| *due <= time).cloned().collect()
    }

    /// Returns whether a run is open: its scheduler has not recorded its end, or was not found dead yet.
    pub(super) fn is_any_open(&self) -> bool {
        self.states.values().flatten().any(|state| state == "claimed" || state == "waiting")
    }
}
