//! A job as it was at an earlier time, from the records of its changes.

use apscheduler_core::job::Paused;
use apscheduler_core::ledger::{Change, ChangeKind, RunRecord};
use apscheduler_core::time::Timestamp;
use serde_json::Value;

/// A change with its record.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) record: RunRecord,
    pub(super) change: Change,
}

/// What is known of a job at an earlier time.
pub(super) struct JobPast<'a> {
    /// Those up to that time, the earliest first.
    earlier: &'a [Noted],
    /// Those after it, the earliest first.
    later: &'a [Noted],
    time: Timestamp,
    /// Whether the store has the job now.
    exists_now: bool,
}

/// Whether there was a job.
#[derive(Debug)]
pub(super) enum Existence<'a> {
    Existed,
    /// It was added later, by this change.
    NotYet(&'a Noted),
    /// It had been removed, by this change.
    Removed(&'a Noted),
    /// Nothing is recorded.
    Unknown,
}

/// A value of the stored job at an earlier time.
#[derive(Debug, PartialEq)]
pub(super) enum ValueThen<'a> {
    /// It was this one; `None` if there was none.
    Recorded(Option<&'a Value>),
    /// It has not changed since.
    Current,
    Unknown,
}

/// A pause at an earlier time.
#[derive(Debug)]
pub(super) struct PauseThen<'a> {
    /// What the job kept of it. `None`: the job had no next run time, or its states are not recorded.
    pub(super) details: Option<Paused>,
    /// The change with which it began, if that is recorded.
    pub(super) begun: Option<&'a Noted>,
    /// The change with which it ended, if it has ended.
    pub(super) ended: Option<&'a Noted>,
}

impl Noted {
    /// Returns the changes that these records are about, the earliest first.
    pub(super) fn all(mut records: Vec<RunRecord>) -> Vec<Self> {
        records.sort_by_key(|record| record.run_id);
        let noted = |record: RunRecord| record.change().map(|change| Self { record, change });
        records.into_iter().filter_map(noted).collect()
    }

    pub(super) fn time(&self) -> Timestamp {
        self.record.scheduled_run_time
    }

    /// Returns whether this change removed a job: alone, or with all others of its store.
    fn removes(&self) -> bool {
        self.change.what == ChangeKind::Removed
    }

    fn adds(&self) -> bool {
        matches!(self.change.what, ChangeKind::Added | ChangeKind::Imported)
    }

    /// Returns whether the value of a key differs before and after the change.
    fn changes(&self, key: &str) -> bool {
        self.change.keys.iter().any(|changed| changed == key)
    }
}

/// Returns a value of a recorded state. A job that can't be written as JSON has only its next run time.
fn value_of<'a>(state: Option<&'a Value>, key: &str, is_whole: bool) -> ValueThen<'a> {
    match state {
        Some(state) if !is_whole || state.get("trigger").is_some() || key == "next_run_time" => {
            ValueThen::Recorded(state.get(key).filter(|value| !value.is_null()))
        }
        _ => ValueThen::Unknown,
    }
}

impl<'a> JobPast<'a> {
    /// `changes` are those of the job, and those with which all jobs of the store were removed, the earliest first.
    pub(super) fn new(changes: &'a [Noted], time: Timestamp, exists_now: bool) -> Self {
        let earlier = changes.partition_point(|noted| noted.time() <= time);
        let (earlier, later) = changes.split_at(earlier);
        Self { earlier, later, time, exists_now }
    }

    pub(super) fn existence(&self) -> Existence<'a> {
        match (self.earlier.last(), self.later.first()) {
            // Of many jobs that are added at once, none has a record of its own.
            (Some(last), _) if last.removes() => {
                let is_added_again = self.later.iter().any(Noted::adds);
                let is_there = self.exists_now || !self.later.is_empty();
                if is_there && !is_added_again {
                    Existence::Existed
                } else {
                    Existence::Removed(last)
                }
            }
            (None, Some(first)) if first.adds() => Existence::NotYet(first),
            (None, None) if !self.exists_now => Existence::Unknown,
            _ => Existence::Existed,
        }
    }

    /// Returns a value of the stored job at that time.
    pub(super) fn value(&self, key: &str) -> ValueThen<'a> {
        for noted in self.later {
            let before = noted.change.before.as_ref();
            if noted.removes() {
                return value_of(before, key, true);
            }
            if noted.adds() {
                // It replaced the job.
                return self.value_before(key);
            }
            if noted.changes(key) {
                return value_of(before, key, false);
            }
        }
        if self.exists_now { ValueThen::Current } else { self.value_before(key) }
    }

    /// As `value`, from the changes up to that time alone.
    fn value_before(&self, key: &str) -> ValueThen<'a> {
        for noted in self.earlier.iter().rev() {
            let after = noted.change.after.as_ref();
            if noted.adds() {
                return value_of(after, key, true);
            }
            if noted.removes() {
                break;
            }
            if noted.changes(key) {
                return value_of(after, key, false);
            }
        }
        ValueThen::Unknown
    }

    /// Returns the first change after that time with which a value of the job changed.
    pub(super) fn next_change_of(&self, key: &str) -> Option<&'a Noted> {
        self.later.iter().find(|noted| noted.changes(key))
    }

    /// Returns the last change up to that time that set the next run time, with that time.
    pub(super) fn next_run_time_set(&self) -> Option<(&'a Noted, Timestamp)> {
        let noted = self
            .earlier
            .iter()
            .rev()
            .find(|noted| noted.adds() || noted.removes() || noted.changes("next_run_time"))?;
        let after = noted.change.after.as_ref()?.get("next_run_time")?;
        Some((noted, after.as_str()?.parse().ok()?))
    }

    /// Returns the pause of the job at that time. `current` is what the job keeps of a pause now, and `has_next` whether it has
    /// a next run time now.
    pub(super) fn pause(&self, current: Option<&Paused>, has_next: bool) -> Option<PauseThen<'a>> {
        let details = match self.value("pause") {
            ValueThen::Recorded(value) => {
                value.and_then(|value| serde_json::from_value(value.clone()).ok())
            }
            ValueThen::Current => current.cloned(),
            ValueThen::Unknown => None,
        };
        let details =
            details.filter(|pause: &Paused| pause.since <= self.time && !pause.is_over(self.time));
        let begun = self.earlier.iter().rev().find(|noted| {
            noted.adds()
                || noted.changes("pause")
                || noted.changes("next_run_time")
                || is_switch(noted)
        });
        let is_held = match self.value("next_run_time") {
            ValueThen::Recorded(value) => value.is_none(),
            ValueThen::Current => !has_next,
            // Without states, what was done tells.
            ValueThen::Unknown => {
                begun.is_some_and(|noted| noted.change.what == ChangeKind::Paused)
            }
        };
        if details.is_none() && !is_held {
            return None;
        }
        let ended = self.later.iter().find(|noted| {
            noted.changes("pause")
                || noted.changes("next_run_time")
                || is_switch(noted)
                || noted.removes()
        });
        Some(PauseThen { details, begun, ended })
    }
}

fn is_switch(noted: &Noted) -> bool {
    matches!(noted.change.what, ChangeKind::Paused | ChangeKind::Resumed)
}

#[cfg(test)]
mod tests {
    use apscheduler_core::run::OwnerId;
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
    }

    fn noted(second: i64, change: Change) -> Noted {
        let record = change.record("a", at(second), OwnerId::random());
        Noted { record, change }
    }

    fn change(what: ChangeKind) -> Change {
        Change::new("ada", what)
    }

    fn job(trigger: &str) -> Value {
        json!({"id": "a", "trigger": {"type": trigger}, "next_run_time": "1970-01-01T00:01:40+00:00"})
    }

    /// Added at 10 with `cron`, paused from 20 to 30, rescheduled to `interval` at 40, removed at 50.
    fn life() -> Vec<Noted> {
        let next = json!({"next_run_time": "1970-01-01T00:01:40+00:00"});
        let pause = json!({"next_run_time": null, "pause":
            {"since": "1970-01-01T00:00:20+00:00", "by": "ada", "note": "why"}});
        let (cron, interval) =
            (json!({"trigger": {"type": "cron"}}), json!({"trigger": {"type": "interval"}}));
        vec![
            noted(10, change(ChangeKind::Added).after(job("cron"))),
            noted(20, change(ChangeKind::Paused).states(&next, &pause)),
            noted(30, change(ChangeKind::Resumed).states(&pause, &next)),
            noted(40, change(ChangeKind::Rescheduled).states(&cron, &interval)),
            noted(50, change(ChangeKind::Removed).before(job("interval"))),
        ]
    }

    fn trigger(past: &JobPast<'_>) -> Option<String> {
        match past.value("trigger") {
            ValueThen::Recorded(value) => value.map(|value| value["type"].as_str().unwrap().into()),
            ValueThen::Current => Some("current".to_owned()),
            ValueThen::Unknown => None,
        }
    }

    #[test]
    fn a_job_exists_from_its_addition_to_its_removal() {
        let life = life();
        let then = |second| JobPast::new(&life, at(second), false);
        assert!(matches!(then(9).existence(), Existence::NotYet(added) if added.time() == at(10)));
        assert!(matches!(then(10).existence(), Existence::Existed));
        assert!(matches!(then(49).existence(), Existence::Existed));
        assert!(matches!(then(60).existence(), Existence::Removed(gone) if gone.time() == at(50)));
    }

    #[test]
    fn the_trigger_is_the_one_of_that_time() {
        let life = life();
        let then = |second| trigger(&JobPast::new(&life, at(second), false));
        assert_eq!(then(15).as_deref(), Some("cron"));
        assert_eq!(then(45).as_deref(), Some("interval"));
        let still_there = |second| trigger(&JobPast::new(&life[..4], at(second), true));
        assert_eq!(still_there(15).as_deref(), Some("cron"));
        assert_eq!(still_there(45).as_deref(), Some("current"));
        // The record of the change is gone.
        assert_eq!(trigger(&JobPast::new(&life[..3], at(35), false)).as_deref(), Some("cron"));
    }

    #[test]
    fn a_job_that_was_replaced_had_the_trigger_of_its_own_record() {
        let mut life = life();
        life.truncate(1);
        life.push(noted(70, change(ChangeKind::Added).after(job("date"))));
        let past = JobPast::new(&life, at(60), true);
        assert_eq!(trigger(&past).as_deref(), Some("cron"));
        assert!(matches!(past.existence(), Existence::Existed));
    }

    #[test]
    fn a_pause_is_found_with_its_begin_and_its_end() {
        let life = life();
        let then = |second| JobPast::new(&life, at(second), false).pause(None, true);
        assert!(then(15).is_none() && then(35).is_none());
        let pause = then(25).unwrap();
        assert_eq!(pause.details.unwrap().note.as_deref(), Some("why"));
        assert_eq!(pause.begun.map(Noted::time), Some(at(20)));
        assert_eq!(pause.ended.map(Noted::time), Some(at(30)));
    }

    #[test]
    fn a_pause_without_states_is_known_by_what_was_done() {
        let private = |what| change(what).keys_alone(&["next_run_time", "pause"]);
        let life = [
            noted(10, change(ChangeKind::Added)),
            noted(20, private(ChangeKind::Paused)),
            noted(30, private(ChangeKind::Resumed)),
        ];
        let then = |second| JobPast::new(&life, at(second), true).pause(None, true);
        assert!(then(15).is_none());
        assert!(then(25).unwrap().details.is_none());
        assert!(then(35).is_none());
    }

    #[test]
    fn a_pause_that_lasts_is_the_one_of_the_job() {
        let current = Paused::new("ada", at(20));
        let then = |second| JobPast::new(&[], at(second), true).pause(Some(&current), false);
        assert_eq!(then(25).unwrap().details, Some(current.clone()));
        assert!(then(25).unwrap().ended.is_none());
    }

    #[test]
    fn a_next_run_time_that_was_set_is_found() {
        let life = life();
        let (noted, next) = JobPast::new(&life, at(15), false).next_run_time_set().unwrap();
        assert_eq!((noted.time(), next), (at(10), at(100)));
    }

    trait KeysAlone {
        fn keys_alone(self, keys: &[&str]) -> Self;
    }

    impl KeysAlone for Change {
        /// The keys that differ, without their values, as a job with `record_result = false` has it.
        fn keys_alone(self, keys: &[&str]) -> Self {
            let state = |value: i64| {
                Value::Object(keys.iter().map(|key| ((*key).to_owned(), json!(value))).collect())
            };
            self.states(&state(0), &state(1)).without_states()
        }
    }
}
