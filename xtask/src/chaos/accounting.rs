//! What became of every fire.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// An instant, in microseconds since 1970.
pub(super) type Micros = i64;

/// How often a job fires.
pub(super) const PERIOD: Micros = 100_000;

/// A job and one of its run times.
type Fire = (String, Micros);

/// The events of a scheduler process.
pub(super) struct Process {
    pub(super) events: PathBuf,
    pub(super) killed: bool,
}

/// What the events say.
#[derive(Default)]
pub(super) struct Fires {
    /// How often each was told to be submitted, and to have ended.
    submitted: BTreeMap<Fire, usize>,
    ended: BTreeMap<Fire, usize>,
    /// What processes had submitted that were killed.
    of_killed: BTreeSet<Fire>,
    killed: usize,
    outages: usize,
}

pub(super) fn micros(text: &str) -> Result<Micros> {
    let time = chrono::DateTime::parse_from_rfc3339(text);
    Ok(time.with_context(|| format!("`{text}` is no instant"))?.timestamp_micros())
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
                    // The last line of a process that was killed.
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

/// How it came out.
pub(super) struct Account {
    due: usize,
    ended: usize,
    /// Claimed by a process that was killed, and told to be.
    lost: usize,
    /// Told to be submitted by a process that was not killed, and never to have ended.
    vanished: Vec<Fire>,
    /// Neither ended nor told to be claimed. A process that is killed between the claim and its event leaves such.
    untold: Vec<Fire>,
    doubled: Vec<Fire>,
    /// What was run and was not due.
    unknown: usize,
    killed: usize,
    server_kills: usize,
    noticed_outages: usize,
}

impl Account {
    pub(super) fn of(fires: &Fires, due: impl Iterator<Item = Fire>, server_kills: usize) -> Self {
        let mut account = Self {
            due: 0,
            ended: 0,
            lost: 0,
            vanished: Vec::new(),
            untold: Vec::new(),
            doubled: Vec::new(),
            unknown: 0,
            killed: fires.killed,
            server_kills,
            noticed_outages: fires.outages,
        };
        for fire in due {
            account.due += 1;
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
                account.untold.push(fire);
            }
        }
        let seen = account.ended + account.doubled.len();
        account.unknown = fires.ended.len().saturating_sub(seen);
        account
    }

    /// Whether nothing was doubled, and nothing was lost but what processes that were killed had claimed.
    pub(super) fn is_right(&self) -> bool {
        self.due > 0
            && self.doubled.is_empty()
            && self.vanished.is_empty()
            && self.unknown == 0
            && self.untold_claims() <= self.killed
    }

    /// How many claims of one job were never told of, at the most. A scheduler that is killed has one under way, which has
    /// all run times of the job that were due then: they lie side by side.
    fn untold_claims(&self) -> usize {
        let mut claims: BTreeMap<&str, usize> = BTreeMap::new();
        let untold: BTreeSet<&Fire> = self.untold.iter().collect();
        let mut last = None;
        for fire in untold {
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
            "{} fires were due; {} ended in an event, {} were lost with {} killed schedulers that had told of them, {} without \
             a word, {} vanished, {} doubled, {} unknown; the server was killed {} times, which schedulers told {} times",
            self.due,
            self.ended,
            self.lost,
            self.killed,
            self.untold.len(),
            self.vanished.len(),
            self.doubled.len(),
            self.unknown,
            self.server_kills,
            self.noticed_outages
        )?;
        let lists = [
            ("vanished", &self.vanished),
            ("without a word", &self.untold),
            ("doubled", &self.doubled),
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
    use super::*;

    /// The account of one fire that was due, from the events of a process that lives and of one that was killed.
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
        Account::of(&fires, std::iter::once(("a".to_owned(), 1_000_000)), 0)
    }

    #[test]
    fn what_ends_once_is_right() {
        let run = ["JOB_SUBMITTED", "JOB_EXECUTED"];
        assert!(account(&run, &[]).is_right());
        assert!(account(&[], &run).is_right());
        let lost = account(&[], &["JOB_SUBMITTED"]);
        assert_eq!((lost.is_right(), lost.lost), (true, 1));
    }

    #[test]
    fn each_killed_scheduler_may_leave_one_claim_of_a_job_untold() {
        let untold = |killed: usize, times: &[Micros]| {
            let due = times.iter().map(|time| ("a".to_owned(), *time));
            Account::of(&Fires { killed, ..Fires::default() }, due, 0).is_right()
        };
        assert!(untold(1, &[0, PERIOD, 2 * PERIOD]), "one claim");
        assert!(!untold(1, &[0, 2 * PERIOD]), "two claims");
        assert!(untold(2, &[0, 2 * PERIOD]), "of two schedulers");
    }

    #[test]
    fn what_is_lost_or_doubled_is_wrong() {
        let run = ["JOB_SUBMITTED", "JOB_EXECUTED"];
        assert!(!account(&[], &[]).is_right(), "lost though nobody was killed");
        assert!(!account(&["JOB_SUBMITTED"], &[]).is_right(), "lost by a process that lives");
        assert!(!account(&["JOB_SUBMITTED"], &["JOB_ADDED"]).is_right(), "whoever was killed");
        assert!(!account(&run, &run).is_right(), "run by both");
        assert!(!account(&run, &["JOB_SUBMITTED"]).is_right(), "claimed by both");
    }
}
