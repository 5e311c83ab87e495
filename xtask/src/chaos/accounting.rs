//! Accounts for each fire.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::fire::{Fire, PERIOD, micros};
use super::records::Records;

/// The events of a scheduler process.
pub(super) struct Process {
    pub(super) events: PathBuf,
    pub(super) killed: bool,
}

/// The fires in the events of all processes.
#[derive(Default)]
pub(super) struct Fires {
    /// How often each fire was submitted, and how often it ended.
    submitted: BTreeMap<Fire, usize>,
    ended: BTreeMap<Fire, usize>,
    /// The fires that killed processes had submitted.
    of_killed: BTreeSet<Fire>,
    killed: usize,
    outages: usize,
}

impl Fires {
    pub(super) fn read(processes: &[Process]) -> Result<Self> {
        let mut fires = Self::default();
        for process in processes {
            fires.killed += usize::from(process.killed);
            let text = fs::read_to_string(&process.events).unwrap_or_default();
            for line in text.lines() {
                match serde_json::from_str(line) {
                    Ok(event) => fires.note(&event, process.killed)?,
                    // The last line of a killed process may be incomplete.
                    Err(_) if process.killed => {}
                    Err(error) => return Err(error).context(line.to_owned()),
                }
            }
        }
        Ok(fires)
    }

    fn note(&mut self, event: &Value, killed: bool) -> Result<()> {
        let name = event["event"].as_str().unwrap_or_default();
        let Some(job) = event["job_id"].as_str() else {
            self.outages += usize::from(name == "JOBSTORE_ERROR");
            return Ok(());
        };
        let one = event.get("scheduled_run_time").into_iter();
        let many = event["scheduled_run_times"].as_array().into_iter().flatten();
        for time in one.chain(many) {
            let fire = (job.to_owned(), micros(time.as_str().unwrap_or_default())?);
            let count = match name {
                "JOB_SUBMITTED" => {
                    if killed {
                        self.of_killed.insert(fire.clone());
                    }
                    &mut self.submitted
                }
                "JOB_EXECUTED" | "JOB_ERROR" | "JOB_MISSED" | "JOB_MAX_INSTANCES" => {
                    &mut self.ended
                }
                _ => continue,
            };
            *count.entry(fire).or_default() += 1;
        }
        Ok(())
    }
}

/// The result.
pub(super) struct Account {
    due: usize,
    ended: usize,
    /// Fires that a killed process had reported as submitted.
    lost: usize,
    /// Fires that a process that was not killed had reported as submitted, and that never ended.
    vanished: Vec<Fire>,
    /// Fires without any event. A process that is killed between a claim and its event leaves some.
    unreported: Vec<Fire>,
    doubled: Vec<Fire>,
    /// Fires without a record, and those with more than one.
    unrecorded: Vec<Fire>,
    recorded_twice: Vec<Fire>,
    /// Fires that are recorded as lost.
    recorded_as_lost: usize,
    /// Fires that ended and were not due.
    unknown: usize,
    killed: usize,
    server_kills: usize,
    noticed_outages: usize,
}

impl Account {
    pub(super) fn of(
        fires: &Fires,
        records: &Records,
        due: impl Iterator<Item = Fire>,
        server_kills: usize,
    ) -> Self {
        let mut account = Self {
            due: 0,
            ended: 0,
            lost: 0,
            vanished: Vec::new(),
            unreported: Vec::new(),
            doubled: Vec::new(),
            unrecorded: Vec::new(),
            recorded_twice: Vec::new(),
            recorded_as_lost: 0,
            unknown: 0,
            killed: fires.killed,
            server_kills,
            noticed_outages: fires.outages,
        };
        for fire in due {
            account.due += 1;
            match records.states.get(&fire).map_or(&[][..], Vec::as_slice) {
                [] => account.unrecorded.push(fire.clone()),
                [state] => account.recorded_as_lost += usize::from(state == "lost"),
                _ => account.recorded_twice.push(fire.clone()),
            }
            let count = |counts: &BTreeMap<Fire, usize>| counts.get(&fire).copied().unwrap_or(0);
            let (submitted, ended) = (count(&fires.submitted), count(&fires.ended));
            if submitted > 1 || ended > 1 {
                account.doubled.push(fire);
            } else if ended == 1 {
                account.ended += 1;
            } else if fires.of_killed.contains(&fire) {
                account.lost += 1;
            } else if submitted > 0 {
                account.vanished.push(fire);
            } else {
                account.unreported.push(fire);
            }
        }
        let seen = account.ended + account.doubled.len();
        account.unknown = fires.ended.len().saturating_sub(seen);
        account
    }

    /// Whether no fire ran twice, only fires that killed processes had claimed were lost, and each has exactly one record.
    pub(super) fn is_correct(&self) -> bool {
        self.due > 0
            && self.doubled.is_empty()
            && self.vanished.is_empty()
            && self.unrecorded.is_empty()
            && self.recorded_twice.is_empty()
            && self.unknown == 0
            && self.unreported_claims() <= self.killed
    }

    /// Returns the highest number of unreported claims of one job. A killed scheduler can leave one: it contains all run times
    /// of the job that were due then, which are consecutive.
    fn unreported_claims(&self) -> usize {
        let mut claims: BTreeMap<&str, usize> = BTreeMap::new();
        let unreported: BTreeSet<&Fire> = self.unreported.iter().collect();
        let mut last = None;
        for fire in unreported {
            let (job, time) = fire;
            if last != Some((job, time - PERIOD)) {
                *claims.entry(job).or_default() += 1;
            }
            last = Some((job, *time));
        }
        claims.into_values().max().unwrap_or_default()
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} fires were due: {} ended in an event, {} were lost after they were submitted by the {} killed schedulers, \
             {} unreported, {} vanished, {} doubled, {} unknown; {} without a record, {} with two, {} recorded as lost; the \
             server was killed {} times, and schedulers reported {} outages",
            self.due,
            self.ended,
            self.lost,
            self.killed,
            self.unreported.len(),
            self.vanished.len(),
            self.doubled.len(),
            self.unknown,
            self.unrecorded.len(),
            self.recorded_twice.len(),
            self.recorded_as_lost,
            self.server_kills,
            self.noticed_outages
        )?;
        let lists = [
            ("vanished", &self.vanished),
            ("unreported", &self.unreported),
            ("doubled", &self.doubled),
            ("without a record", &self.unrecorded),
            ("with two records", &self.recorded_twice),
        ];
        for (what, fires) in lists {
            for (job, time) in fires.iter().take(10) {
                write!(f, "\n  {what}: {job} at {time}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fire::Micros;
    use super::*;

    /// Accounts for one due fire, from the events of a living process and of a killed one.
    fn account(living: &[&str], killed: &[&str]) -> Account {
        let mut fires = Fires { killed: usize::from(!killed.is_empty()), ..Fires::default() };
        for (events, is_killed) in [(living, false), (killed, true)] {
            for name in events {
                let event = serde_json::json!({
                    "event": name, "job_id": "a", "scheduled_run_time": "1970-01-01T00:00:01Z"
                });
                fires.note(&event, is_killed).unwrap();
            }
        }
        let due = ("a".to_owned(), 1_000_000);
        Account::of(&fires, &recorded(&[1_000_000]), std::iter::once(due), 0)
    }

    /// One record of each of these fires.
    fn recorded(times: &[Micros]) -> Records {
        let states = times.iter().map(|time| (("a".to_owned(), *time), vec!["ok".to_owned()]));
        Records { states: states.collect() }
    }

    #[test]
    fn each_fire_has_one_record() {
        let is_correct = |json: &str| {
            let (mut records, due) = (Records::default(), [1_000_000, 1_100_000]);
            records.read_page(json.as_bytes()).unwrap();
            let fires = Fires { killed: 1, ..Fires::default() };
            Account::of(&fires, &records, due.into_iter().map(|time| ("a".to_owned(), time)), 0)
                .is_correct()
        };
        let first =
            r#"{"job_id": "a", "scheduled_run_time": "1970-01-01T00:00:01Z", "state": "ok"}"#;
        let second = first.replace("01Z", "01.1Z").replace("ok", "lost");
        assert!(is_correct(&format!("[{first}, {second}]")));
        assert!(!is_correct(&format!("[{first}]")), "one has none");
        assert!(!is_correct(&format!("[{first}, {second}, {first}]")), "one has two");
        let both = first.replace("ok\"", "skipped\", \"until\": \"1970-01-01T00:00:01.1Z\"");
        assert!(is_correct(&format!("[{both}]")), "a record may be about several");
    }

    #[test]
    fn a_fire_that_ends_once_is_correct() {
        let run = ["JOB_SUBMITTED", "JOB_EXECUTED"];
        assert!(account(&run, &[]).is_correct());
        assert!(account(&[], &run).is_correct());
        let lost = account(&[], &["JOB_SUBMITTED"]);
        assert_eq!((lost.is_correct(), lost.lost), (true, 1));
    }

    #[test]
    fn each_killed_scheduler_may_leave_one_unreported_claim_of_a_job() {
        let is_correct = |killed: usize, times: &[Micros]| {
            let due = times.iter().map(|time| ("a".to_owned(), *time));
            let fires = Fires { killed, ..Fires::default() };
            Account::of(&fires, &recorded(times), due, 0).is_correct()
        };
        assert!(is_correct(1, &[0, PERIOD, 2 * PERIOD]), "one claim");
        assert!(!is_correct(1, &[0, 2 * PERIOD]), "two claims");
        assert!(is_correct(2, &[0, 2 * PERIOD]), "of two schedulers");
    }

    #[test]
    fn a_lost_or_doubled_fire_is_an_error() {
        let run = ["JOB_SUBMITTED", "JOB_EXECUTED"];
        assert!(!account(&[], &[]).is_correct(), "lost, and no process was killed");
        assert!(!account(&["JOB_SUBMITTED"], &[]).is_correct(), "lost by a living process");
        assert!(
            !account(&["JOB_SUBMITTED"], &["JOB_ADDED"]).is_correct(),
            "lost by a living process, while another was killed"
        );
        assert!(!account(&run, &run).is_correct(), "run by both");
        assert!(!account(&run, &["JOB_SUBMITTED"]).is_correct(), "claimed by both");
    }
}
