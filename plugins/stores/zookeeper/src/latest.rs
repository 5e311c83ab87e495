//! Which records are among the latest of their jobs.

use std::collections::HashMap;

use apscheduler_core::run::RunId;

use crate::failure::Attempt;
use crate::records::Key;
use crate::runs::{Hours, keys};
use crate::session::Session;

/// The most hours that are listed at once.
const MOST_HOURS: usize = 64;

/// The latest records of jobs. The names of a part of the records are listed from the latest hour to earlier ones, as far as
/// somebody asks.
pub(crate) struct Latest<'a> {
    session: &'a Session,
    hours: &'a Hours,
    /// How many of the latest records of each job are kept.
    keep: usize,
    shards: HashMap<char, Shard>,
}

/// A part of the records.
struct Shard {
    /// The hours that were not listed, with their folders; the latest is the last.
    left: Vec<(String, String)>,
    /// How many hours are listed next.
    count: usize,
    /// The latest runs of each job, the latest first, as many as are kept.
    runs: HashMap<String, Vec<RunId>>,
}

impl<'a> Latest<'a> {
    pub(crate) fn new(session: &'a Session, hours: &'a Hours, keep: usize) -> Self {
        Self { session, hours, keep, shards: HashMap::new() }
    }

    /// Whether a record, of this hour, is among the latest of its job.
    pub(crate) async fn contains(&mut self, hour: &str, key: &Key) -> Attempt<bool> {
        let Some(digit) = key.job.chars().next().filter(|_| self.keep > 0) else {
            return Ok(false);
        };
        let hours = self.hours;
        let shard = self.shards.entry(digit).or_insert_with(|| Shard::new(hours, digit));
        loop {
            let runs = shard.runs.get(&key.job).map_or(&[][..], Vec::as_slice);
            if let Some(first_kept) = runs.get(self.keep - 1) {
                return Ok(key.run >= *first_kept);
            }
            let is_listed = shard.left.last().is_none_or(|(last, _)| last.as_str() < hour);
            if is_listed {
                return Ok(true);
            }
            shard.list(self.session, self.keep).await?;
        }
    }
}

impl Shard {
    fn new(hours: &Hours, digit: char) -> Self {
        let part = format!("/{digit}/");
        let folder =
            |folders: &Vec<String>| folders.iter().find(|folder| folder.contains(&part)).cloned();
        let left =
            hours.iter().filter_map(|(hour, folders)| Some((hour.clone(), folder(folders)?)));
        Self { left: left.collect(), count: 1, runs: HashMap::new() }
    }

    /// Lists some more hours.
    async fn list(&mut self, session: &Session, keep: usize) -> Attempt<()> {
        let some = self.left.split_off(self.left.len().saturating_sub(self.count));
        self.count = (self.count * 2).min(MOST_HOURS);
        let mut listed = keys(session, some.iter().map(|(_, folder)| folder)).await?;
        listed.sort_unstable_by(|one, other| other.0.cmp(&one.0));
        for (key, _) in listed {
            let runs = self.runs.entry(key.job).or_default();
            if runs.len() < keep {
                runs.push(key.run);
            }
        }
        Ok(())
    }
}
