//! Which past run times of a job a backfill runs. Pure.

use std::collections::HashMap;
use std::str::FromStr;

use apscheduler_core::ledger::{RunRecord, RunState};
use apscheduler_core::time::Timestamp;
use apscheduler_core::trigger::Trigger;
use apscheduler_core::{Error, ErrorKind, Result, suggestion};
use serde::Serialize;
use serde_json::Value;

/// The most run times of one backfill: each has a row of its own until it has ended.
const MOST: usize = 10_000;

/// Which run times a backfill runs, of those that have been run before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reprocess {
    /// None: only those that did not run.
    #[default]
    None,
    /// Also those of which no run succeeded: that failed, timed out, were cancelled or are lost.
    Failed,
    /// Also those that succeeded.
    All,
}

impl Reprocess {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Failed, Self::All];

    /// Returns the name, such as `failed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Failed => "failed",
            Self::All => "all",
        }
    }
}

impl FromStr for Reprocess {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name);
            let hint = suggestion::hint(name, "known values", known);
            Error::new(ErrorKind::Config, format!("reprocess: unknown value `{name}`{hint}"))
        })
    }
}

/// A run time of a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) run_time: Timestamp,
    /// What its last record says.
    pub(super) before: Option<RunState>,
}

/// Returns the fire times of a trigger from one instant to another, both included.
///
/// # Errors
/// [`ErrorKind::InvalidTrigger`] if the fire times are random, or too many.
pub(super) fn fire_times(
    trigger: &dyn Trigger,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Timestamp>> {
    let invalid = |message: String| Err(Error::new(ErrorKind::InvalidTrigger, message));
    if is_random(&serde_json::to_value(trigger).unwrap_or_default()) {
        let message = format!(
            "the fire times of {trigger} have `jitter`, so those of the past are not known"
        );
        return invalid(message);
    }
    let (mut times, mut next) = (Vec::new(), trigger.next_fire_time(None, from));
    while let Some(time) = next.filter(|time| *time <= to) {
        // A trigger that fires once returns its time even if it has passed.
        if time >= from {
            if times.len() == MOST {
                let message = format!(
                    "{trigger} has more than {MOST} fire times between {from} and {to}; run them in several parts"
                );
                return invalid(message);
            }
            times.push(time);
        }
        next = trigger.next_fire_time(Some(time), time).filter(|next| *next > time);
    }
    Ok(times)
}

/// Returns whether a trigger, or one that it combines, adds a random delay.
fn is_random(trigger: &Value) -> bool {
    match trigger {
        Value::Object(options) => options.iter().any(|(key, value)| {
            let is_jitter = key == "jitter" && value.as_f64().is_some_and(|seconds| seconds > 0.0);
            is_jitter || is_random(value)
        }),
        Value::Array(all) => all.iter().any(is_random),
        _ => false,
    }
}

/// Returns the run times to run, of those that the trigger gives. `records` are those of the job, the latest first.
pub(super) fn choose(
    times: &[Timestamp],
    records: &[RunRecord],
    reprocess: Reprocess,
) -> Vec<Chosen> {
    let mut known: HashMap<Timestamp, Vec<RunState>> = HashMap::new();
    let is_range = |record: &&RunRecord| record.until.is_some();
    for record in records.iter().filter(|record| !is_range(record)) {
        known.entry(record.scheduled_run_time).or_default().push(record.state);
    }
    let ranges: Vec<&RunRecord> = records.iter().filter(is_range).collect();
    let chosen = times.iter().filter_map(|time| {
        let states = known.get(time).map_or(&[][..], |states| states);
        let covers = |range: &&&RunRecord| {
            range.scheduled_run_time <= *time && range.until.is_some_and(|until| *time <= until)
        };
        let range = || ranges.iter().find(covers).map(|range| range.state);
        let before = states.first().copied().or_else(range);
        wants(states, reprocess).then_some(Chosen { run_time: *time, before })
    });
    chosen.collect()
}

/// Returns whether a run time with runs in these states is run again.
fn wants(states: &[RunState], reprocess: Reprocess) -> bool {
    let is_open = |state: &RunState| matches!(state, RunState::Waiting | RunState::Claimed);
    let has_run = |state: &RunState| {
        matches!(
            state,
            RunState::Ok
                | RunState::Failed
                | RunState::TimedOut
                | RunState::Cancelled
                | RunState::Lost
        )
    };
    if states.iter().any(is_open) {
        return false;
    }
    match reprocess {
        Reprocess::None => !states.iter().any(has_run),
        Reprocess::Failed => !states.contains(&RunState::Ok),
        Reprocess::All => true,
    }
}

#[cfg(test)]
mod tests {
    use apscheduler_core::run::{OwnerId, RunId};
    use apscheduler_core::time::Zone;
    use apscheduler_triggers::{CronTrigger, DateTrigger, IntervalTrigger};
    use chrono::TimeDelta;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn record(minute: i64, state: RunState) -> RunRecord {
        RunRecord::new(RunId::new(at(minute)), "a", at(minute), OwnerId::random(), state)
    }

    fn minutes(records: &[RunRecord], reprocess: Reprocess) -> Vec<i64> {
        let times: Vec<Timestamp> = (0..6).map(at).collect();
        let chosen = choose(&times, records, reprocess);
        chosen.iter().map(|chosen| (chosen.run_time - at(0)).num_minutes()).collect()
    }

    #[test]
    fn runs_that_succeeded_or_failed_are_run_again_only_if_wanted() {
        let records = [
            record(0, RunState::Ok),
            record(1, RunState::Failed),
            record(2, RunState::Missed),
            record(3, RunState::Coalesced).until(at(4), 2),
        ];
        assert_eq!(minutes(&records, Reprocess::None), [2, 3, 4, 5]);
        assert_eq!(minutes(&records, Reprocess::Failed), [1, 2, 3, 4, 5]);
        assert_eq!(minutes(&records, Reprocess::All), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn one_success_of_several_attempts_counts() {
        let records = [record(1, RunState::Ok), record(1, RunState::Failed)];
        assert_eq!(minutes(&records, Reprocess::Failed), [0, 2, 3, 4, 5]);
    }

    #[test]
    fn open_runs_are_left_alone() {
        let records = [record(1, RunState::Waiting), record(2, RunState::Claimed)];
        assert_eq!(minutes(&records, Reprocess::All), [0, 3, 4, 5]);
    }

    #[test]
    fn the_last_record_is_told() {
        let records = [record(3, RunState::Coalesced).until(at(4), 2), record(5, RunState::Missed)];
        let chosen = choose(&[at(2), at(4), at(5)], &records, Reprocess::None);
        let before: Vec<_> = chosen.iter().map(|chosen| chosen.before).collect();
        assert_eq!(before, [None, Some(RunState::Coalesced), Some(RunState::Missed)]);
    }

    #[test]
    fn both_ends_belong_to_the_range() {
        let trigger = IntervalTrigger::builder().minutes(1).start_date(at(0)).build().unwrap();
        assert_eq!(fire_times(&trigger, at(2), at(4)).unwrap(), [at(2), at(3), at(4)]);
        let once = DateTrigger::at(at(1));
        assert_eq!(fire_times(&once, at(1), at(9)).unwrap(), [at(1)]);
        assert!(fire_times(&once, at(2), at(9)).unwrap().is_empty());
    }

    #[test]
    fn random_and_too_many_fire_times_are_refused() {
        let random = CronTrigger::builder()
            .minute("*")
            .jitter(std::time::Duration::from_secs(5))
            .timezone(Zone::UTC)
            .build();
        let error = fire_times(&random.unwrap(), at(0), at(9)).unwrap_err();
        assert!(error.to_string().contains("have `jitter`"), "{error}");
        let trigger = IntervalTrigger::builder().seconds(1).start_date(at(0)).build().unwrap();
        let error = fire_times(&trigger, at(0), at(9999)).unwrap_err();
        assert!(error.to_string().contains("more than 10000 fire times"), "{error}");
    }

    #[test]
    fn a_misspelt_word_has_a_hint() {
        assert_eq!("failed".parse::<Reprocess>().unwrap(), Reprocess::Failed);
        let error = "fail".parse::<Reprocess>().unwrap_err().to_string();
        assert_eq!(
            error,
            "reprocess: unknown value `fail`; did you mean `failed`? known values: all, failed, none"
        );
    }
}
