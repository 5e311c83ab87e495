//! Judges the records: each as it is written, and all of them in the end.

use std::collections::{BTreeMap, HashMap};

use apscheduler_core::ledger::{Reason, RunRecord, RunState};
use apscheduler_core::run::RunId;

use super::super::rules::Rule;
use super::super::time::{Seconds, since_start};
use super::{Oracle, describe};

impl Oracle {
    /// Judges a record that was written.
    pub(super) fn judge_new(&mut self, record: &RunRecord) {
        let wrong = if let Some(left_out) = self.left_out.get(&record.run_id) {
            let expected = (&*left_out.job, left_out.first, left_out.count, left_out.state);
            let found = (&*record.job_id, record.scheduled_run_time, record.count, record.state);
            (expected != found).then(|| "is not about what its claim left out".to_owned())
        } else if record.reason == Some(Reason::Paused) {
            let first = since_start(record.scheduled_run_time);
            let last = record.until.map_or(first, since_start);
            let schedule = self.jobs.get_mut(&*record.job_id);
            let is_known = schedule
                .is_some_and(|schedule| schedule.record_held_back(first, last, record.count));
            (!is_known).then(|| format!("until {} is about no pause", Seconds(last)))
        } else {
            let mut runs = (0..usize::try_from(record.count).unwrap_or_default())
                .map(|index| record.run_id.nth(index));
            runs.find_map(|run| self.judge_attempt(run, record))
        };
        if let Some(wrong) = wrong {
            self.broken(Rule::TrueOutcome, format!("{} {wrong}", describe(record)));
        }
    }

    /// Returns what is wrong with the record of an attempt.
    fn judge_attempt(&mut self, id: RunId, record: &RunRecord) -> Option<String> {
        let Some(run) = self.runs.get_mut(&id) else { return Some("is of no run".to_owned()) };
        let schedule = self.jobs.get(&run.job)?;
        let Some(attempt) = run.attempt(record.attempt) else {
            return Some("is of an attempt that nobody has claimed".to_owned());
        };
        if attempt.record.is_some() {
            return Some("is the second of its attempt".to_owned());
        }
        attempt.record = Some(record.state);
        let process = attempt.process;
        // A run that a user asked for ends with its job.
        let may_be_dropped =
            self.owners.was_shut_down(process) || (run.is_asked && schedule.is_gone);
        let grace = schedule.plan.grace;
        run.untruth(record, &schedule.plan.policies, grace, may_be_dropped)
    }

    /// Judges the records that are left when everything has ended.
    pub(in super::super) fn judge(&mut self, records: &[RunRecord]) {
        let mut broken = self.missing();
        for record in records {
            let first = self.records.get(&(record.run_id, record.attempt));
            let first = first.map(|first| (first.state, first.ended));
            if first != Some((record.state, record.ended)) {
                let wrong = format!("{} is not the first outcome", describe(record));
                broken.push((Rule::OutcomesStay, wrong));
            }
        }
        broken.extend(self.uneven(records));
        // In the order of time, so that the same violation is reported each time.
        broken.sort_by(|(_, left), (_, right)| left.cmp(right));
        if let Some((rule, details)) = broken.into_iter().next() {
            self.broken(rule, details);
        }
    }

    /// Returns the runs that have not ended as they should, and the run times that have no record.
    fn missing(&self) -> Vec<(Rule, String)> {
        let mut broken = Vec::new();
        for (id, run) in &self.runs {
            let number = u32::try_from(run.attempts.len()).unwrap_or(u32::MAX);
            let name = self.name(super::Attempt { run: *id, number });
            let last = run.attempts.last().and_then(|attempt| attempt.record);
            let Some(policies) = self.jobs.get(&run.job).map(|job| job.plan.policies) else {
                continue;
            };
            let needs_another = matches!(last, Some(RunState::Failed | RunState::Lost))
                && run.refusal(&policies).is_none();
            if last.is_none() {
                broken.push((Rule::OneOutcome, format!("{name} has no outcome")));
            } else if needs_another && !run.is_cancelled {
                let wrong = format!("{name} is not tried again, although its policies ask for it");
                broken.push((Rule::AttemptsInOrder, wrong));
            }
        }
        for (run, left_out) in &self.left_out {
            if !self.records.contains_key(&(*run, 1)) {
                let (count, job) = (left_out.count, &left_out.job);
                let first = Seconds(since_start(left_out.first));
                let wrong = format!("{count} run times of {job} from {first} have no record");
                broken.push((Rule::OneOutcome, wrong));
            }
        }
        for (job, schedule) in &self.jobs {
            let held = schedule.held_back.iter();
            let lost = held.filter(|held| {
                held.is_answered && !held.is_recorded && self.owners.is_reliable(held.process)
            });
            broken.extend(lost.map(|held| {
                let first = Seconds(held.first);
                let count = held.count;
                let wrong = format!(
                    "{count} run times of {job} that a pause held back from {first} have no record"
                );
                (Rule::OneOutcome, wrong)
            }));
            if schedule.taken < schedule.planned.len() {
                let next = Seconds(schedule.planned[schedule.taken]);
                broken.push((Rule::Settled, format!("{job} at {next} was not claimed")));
            }
        }
        broken
    }

    /// Counts how many outcomes each planned run time has, and compares that with how often it was taken.
    fn uneven(&self, records: &[RunRecord]) -> Vec<(Rule, String)> {
        let mut last: BTreeMap<RunId, &RunRecord> = BTreeMap::new();
        for record in records {
            let known = last.entry(record.run_id).or_insert(record);
            if known.attempt < record.attempt {
                *known = record;
            }
        }
        let mut counts: HashMap<(&str, i64), (u32, Vec<&str>)> = HashMap::new();
        let mut broken = Vec::new();
        for record in last.values() {
            if self.runs.get(&record.run_id).is_some_and(|run| run.is_asked) {
                continue;
            }
            let Some(schedule) = self.jobs.get(&*record.job_id) else { continue };
            let first = since_start(record.scheduled_run_time);
            let until = record.until.map_or(first, since_start);
            let times = schedule.planned.iter().filter(|time| (first..=until).contains(*time));
            let mut found = 0;
            for time in times {
                found += 1;
                let (count, states) = counts.entry((&record.job_id, *time)).or_default();
                *count += 1;
                states.push(record.state.name());
            }
            if found != record.count {
                let wrong = format!("{} counts {}, not {found}", describe(record), record.count);
                broken.push((Rule::OneOutcome, wrong));
            }
        }
        for (job, schedule) in &self.jobs {
            for (time, taken) in schedule.planned.iter().zip(&schedule.times_taken) {
                let held = schedule.held_back.iter().filter(|held| !held.is_recorded);
                let unrecorded =
                    held.filter(|held| (held.first..=held.last).contains(time)).count();
                let (count, states) =
                    counts.get(&(job.as_str(), *time)).cloned().unwrap_or_default();
                if u64::from(count) + unrecorded as u64 != u64::from(*taken) {
                    let wrong =
                        format!("{job} at {} has {count} outcomes: {states:?}", Seconds(*time));
                    broken.push((Rule::OneOutcome, wrong));
                }
            }
        }
        broken
    }
}
