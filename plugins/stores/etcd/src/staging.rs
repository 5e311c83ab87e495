//! Adds more jobs than fit into one transaction: all or none.
//!
//! 1. The jobs are written into `staged`, in parts that nobody looks at.
//! 2. Their ids are checked.
//! 3. One transaction writes `adding`, on the condition that nobody has added jobs since the check (`added`). Now the jobs are
//!    added: nobody reads or writes jobs before [`finish`].
//! 4. [`finish`] moves each part to its place, in a transaction, and removes `adding` at the end. The process that adds does
//!    so, or any other one that finds `adding`.
//!
//! A process that ends before the third step leaves parts that belong to nobody. They are removed a week later.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use apscheduler_core::time::{Clock as _, SystemClock, to_micros};
use apscheduler_core::{Error, Result};

use crate::access::{Access, Guard, Written, busy};
use crate::floor;
use crate::new_jobs::{NewJob, existing, parts, put};
use crate::transaction::{Entry, Operations, Query, is_older, is_unchanged};

/// How often to check the ids again if others add jobs at the same time.
const CHECKS: usize = 20;

/// How long a store that may not write waits for others to finish.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether jobs that were being added are there now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// All are.
    Done,
    /// Others have to write them, and have not done so yet.
    Waiting,
}

impl Finish {
    pub(crate) fn is_waiting(self) -> bool {
        self == Self::Waiting
    }
}

/// Adds all jobs or none.
pub(crate) fn add(access: &Access, jobs: &[NewJob<'_>]) -> Result<()> {
    let keys = access.keys();
    let time = to_micros(SystemClock.now());
    let call = format!("{time}.{}", uuid::Uuid::new_v4().simple());
    for (number, part) in parts(keys, jobs).into_iter().enumerate() {
        let mut stage = Operations::default();
        stage.put(keys.staged_part(&call, number), encode(part));
        access.note(Vec::new(), stage)?;
    }
    let added = commit(access, &call, jobs);
    match added {
        Ok(()) => finish(access).map(drop),
        Err(error) => {
            // Unless it is unknown whether they are added.
            if !error.is_retryable() {
                let mut forget = Operations::default();
                forget.delete_range(keys.staged_by(&call));
                if let Err(error) = access.note(vec![], forget) {
                    tracing::debug!("staged jobs are left for a week: {}", error.chain());
                }
            }
            Err(error)
        }
    }
}

/// Checks the ids, and makes the staged jobs count.
fn commit(access: &Access, call: &str, jobs: &[NewJob<'_>]) -> Result<()> {
    let keys = access.keys();
    for _ in 0..CHECKS {
        // What is added after this revision makes the check void.
        let mut since = access.read([Query::key(keys.adding())])?;
        let revision = since.revision;
        if !since.take().is_empty() {
            finish(access)?;
            continue;
        }
        let new = jobs.iter().filter(|job| !job.replace);
        let taken = existing(access, new.clone().map(|job| job.id))?;
        if let Some(job) = new.into_iter().find(|job| taken.contains_key(job.id)) {
            return Err(Error::conflicting_id(job.id));
        }
        let mut then = Operations::default();
        then.put(keys.adding(), call);
        then.put(keys.added(), access.own.as_str());
        match access.write(Guard::Jobs, vec![is_older(keys.added(), revision)], then)? {
            Written::Done(_) => return Ok(()),
            Written::Refused => {}
            Written::Adding => drop(finish(access)?),
        }
    }
    Err(busy())
}

/// Moves the jobs that are being added to their places.
pub(crate) fn finish(access: &Access) -> Result<Finish> {
    let keys = access.keys();
    let is_read_only = access.session()?.is_read_only;
    let begin = Instant::now();
    loop {
        let adding = access.read_one(Query::key(keys.adding()))?;
        let Some(adding) = adding.first() else { return Ok(Finish::Done) };
        if is_read_only {
            if begin.elapsed() > PATIENCE {
                return Ok(Finish::Waiting);
            }
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        let staged = keys.staged_by(&adding.text());
        let part = access.read_one(Query::range(&staged, 1))?;
        let mut then = Operations::default();
        let mut when = vec![is_unchanged(keys.adding(), adding.revision)];
        if let Some(part) = part.first() {
            when.push(is_unchanged(part.key.clone(), part.revision));
            move_part(access, &mut then, part)?;
        } else {
            then.delete(keys.adding());
        }
        then.put(keys.changed(), access.own.as_str());
        // Whether it is written, or another has done the same meanwhile: what is next is read again.
        access.write(Guard::Store, when, then)?;
    }
}

/// Writes the jobs of a part.
fn move_part(access: &Access, then: &mut Operations, part: &Entry) -> Result<()> {
    let keys = access.keys();
    then.delete(part.key.clone());
    let text = part.text();
    let Some(jobs) = decode(&text) else {
        tracing::error!("`{}` is damaged, and is set aside: some jobs are not added", part.key);
        then.put(keys.damaged(&part.key), part.value.clone());
        return Ok(());
    };
    let before: HashMap<String, String> = existing(access, jobs.iter().map(|job| job.id))?;
    for job in &jobs {
        put(then, keys, job, before.get(job.id).map(String::as_str));
    }
    floor::lower(then, keys, jobs.iter().map(|job| &*job.time));
    Ok(())
}

/// Returns a part as text: for each job `RUN_TIME LENGTH LENGTH ID STATE`, with the lengths of id and state in bytes.
fn encode(jobs: &[NewJob<'_>]) -> String {
    let mut text = String::new();
    for NewJob { id, time, state, .. } in jobs {
        for word in [time.as_str(), &id.len().to_string(), &state.len().to_string()] {
            text.push_str(word);
            text.push(' ');
        }
        text.push_str(id);
        text.push_str(state);
    }
    text
}

/// Reads what [`encode`] returned. Returns `None` if a manual edit broke it.
fn decode(mut text: &str) -> Option<Vec<NewJob<'_>>> {
    let mut jobs = Vec::new();
    while !text.is_empty() {
        let mut words = text.splitn(4, ' ');
        let (time, id, state) = (words.next()?, words.next()?, words.next()?);
        let rest = words.next()?;
        let (id, rest) = rest.split_at_checked(id.parse().ok()?)?;
        let (state, rest) = rest.split_at_checked(state.parse().ok()?)?;
        jobs.push(NewJob { id, time: time.to_owned(), state, replace: true });
        text = rest;
    }
    Some(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job<'a>(id: &'a str, state: &'a str) -> NewJob<'a> {
        NewJob { id, time: "paused".to_owned(), state, replace: false }
    }

    #[test]
    fn a_part_is_read_as_it_was_written() {
        let jobs = [job("a b", "{\"x\": 1}"), job("", ""), job("\u{e9}", "\u{1f4a5} 1 2 ")];
        let text = encode(&jobs);
        let read = decode(&text).unwrap();
        let values = |jobs: &[NewJob<'_>]| {
            jobs.iter()
                .map(|job| format!("{} {} {}", job.time, job.id, job.state))
                .collect::<Vec<_>>()
        };
        assert_eq!(values(&read), values(&jobs));
        for text in ["x", "paused 1 1 a", "paused 1 x ab", "paused 1 1 \u{e9}x"] {
            assert!(decode(text).is_none(), "{text}");
        }
    }
}
