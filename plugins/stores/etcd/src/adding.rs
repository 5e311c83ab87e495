//! Adds jobs: all or none.
//!
//! A few jobs are one transaction, which compares each id. More do not fit, so they are [staged](crate::staging) first.

use apscheduler_core::store::NewRecord;
use apscheduler_core::{Error, Result};
use apscheduler_plugin_kit::store::refuse_duplicate_ids;
use apscheduler_plugin_kit::store::text::run_time_text;

use crate::access::{Access, Guard, TRIES, Written, busy};
use crate::new_jobs::{NewJob, parts, put};
use crate::transaction::{Operations, Query, is_unchanged};
use crate::{floor, staging};

/// The most jobs that are compared in one transaction, whose comparisons and operations are limited together.
const FEW: usize = 40;

/// Adds all jobs or none.
pub(crate) fn add(access: &Access, records: &[NewRecord]) -> Result<()> {
    refuse_duplicate_ids(records)?;
    let jobs = records.iter().map(|record| {
        let time = run_time_text(record.next_run_time);
        Ok(NewJob { id: &record.id, time, state: record.text()?, replace: record.replace })
    });
    let jobs: Vec<NewJob<'_>> = jobs.collect::<Result<_>>()?;
    if jobs.is_empty() {
        return Ok(());
    }
    let fit = jobs.len() <= FEW && parts(access.keys(), &jobs).len() == 1;
    if fit { add_few(access, &jobs) } else { staging::add(access, &jobs) }
}

fn add_few(access: &Access, jobs: &[NewJob<'_>]) -> Result<()> {
    let keys = access.keys();
    for _ in 0..TRIES {
        let queries = jobs.iter().map(|job| Query::key(keys.run(job.id)));
        let mut found = access.read(queries)?;
        let (mut when, mut then) = (Vec::with_capacity(jobs.len()), Operations::default());
        for job in jobs {
            let run = found.take();
            if !run.is_empty() && !job.replace {
                // Somebody may be adding it with many others.
                staging::finish(access)?;
                return Err(Error::conflicting_id(job.id));
            }
            when.push(is_unchanged(keys.run(job.id), run.revision()));
            let before = run.first().map(|run| run.text().into_owned());
            put(&mut then, keys, job, before.as_deref());
        }
        floor::lower(&mut then, keys, jobs.iter().map(|job| &*job.time));
        then.put(keys.changed(), access.own.as_str());
        then.put(keys.added(), access.own.as_str());
        match access.write(Guard::Jobs, when, then)? {
            Written::Done(_) => return Ok(()),
            Written::Refused => {}
            Written::Adding => drop(staging::finish(access)?),
        }
    }
    Err(busy())
}
