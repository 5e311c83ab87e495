//! Reads jobs: in the order of their run times, or one.
//!
//! The run time in `run` is the valid one, and its revision is that of the job. The places in `due` follow from it. Every write
//! of ours changes both, so they differ only after a manual edit; then the place is repaired when it is found.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apscheduler_core::Result;
use apscheduler_core::store::{JobPayload, JobRecord};
use apscheduler_core::time::{Clock as _, SystemClock, Timestamp};
use apscheduler_plugin_kit::store::text::{PAUSED, read_run_time, time_text};
use chrono::TimeDelta;

use crate::access::{Access, Guard};
use crate::keys::KeyRange;
use crate::transaction::{Entry, Found, Operations, Query, is_unchanged};
use crate::{floor, staging};

/// The most places that are read at once.
const PAGE: usize = 1000;

/// The most jobs whose states are read at once.
const STATES: usize = 500;

/// How far ahead to look for the next run time at first, and how much farther each time, until this distance: etcd 3.4 passes
/// all keys of a range, however few it returns.
const AHEAD: [TimeDelta; 2] = [TimeDelta::minutes(1), TimeDelta::days(100)];
const FARTHER: i32 = 60;

/// How often the floor is raised.
const RAISED_EVERY: Duration = Duration::from_secs(10);

/// A job as it is stored.
pub(crate) struct Stored {
    pub(crate) record: JobRecord,
    /// Its run time as it is written.
    pub(crate) time: String,
}

/// Returns the job with this id.
pub(crate) fn find(access: &Access, id: &str) -> Result<Option<Stored>> {
    let keys = access.keys();
    loop {
        let queries = [keys.adding(), keys.run(id), keys.job(id)].map(Query::key);
        let [adding, run, job] = access.read(queries)?.take_all();
        if adding.is_empty() || staging::finish(access)?.is_waiting() {
            return Ok(run.first().map(|run| {
                let time = run.text().into_owned();
                let record = record(id, read_run_time(&time).flatten(), run, &job);
                Stored { record, time }
            }));
        }
    }
}

fn record(id: &str, time: Option<Timestamp>, run: &Entry, job: &Found) -> JobRecord {
    // A state that a manual edit removed is empty, so that the job is set aside.
    let state = job.first().map(Entry::text).unwrap_or_default();
    JobRecord::new(
        Arc::from(id),
        time,
        run.revision.cast_unsigned(),
        JobPayload::Encoded(state.into()),
    )
}

/// Returns up to `limit` jobs in a range of places, after the first `skip`.
pub(crate) fn list(
    access: &Access,
    range: &KeyRange,
    skip: usize,
    limit: usize,
) -> Result<Vec<JobRecord>> {
    let session = access.session()?;
    let keys = access.keys();
    let (mut range, mut skip, mut records) = (range.clone(), skip, Vec::new());
    while records.len() < limit {
        let known = session.floor().time.clone();
        let part = range.starting_at(keys.due(&known, ""));
        let wanted = (limit - records.len()).min(PAGE).saturating_add(skip);
        // All places may be above the range, unless the floor was lowered since.
        let is_above = part.from >= part.to;
        let places = Query::range(&part, wanted).keys_only();
        let queries = [keys.store(), keys.adding(), keys.floor()].map(Query::key).into_iter();
        let queries = queries.chain((!is_above).then_some(places));
        let mut snapshot = access.read(queries)?;
        let [store, adding, floor, places] = snapshot.take_all();
        access.check_identity(&session, &store)?;
        let time = floor.first().map(|floor| floor.text().into_owned()).unwrap_or_default();
        if !adding.is_empty() && !staging::finish(access)?.is_waiting() {
            continue;
        }
        let was_lowered = time < known;
        session.floor().time.clone_from(&time);
        if was_lowered {
            continue;
        }
        let Some(last) = places.entries.last() else { break };
        range = range.after(&last.key);
        let after_skip: Vec<&str> =
            places.entries.iter().skip(skip).map(|place| place.key.as_str()).collect();
        skip = skip.saturating_sub(places.entries.len());
        for chunk in after_skip.chunks(STATES) {
            records.extend(read(access, chunk, snapshot.revision)?);
        }
        if !places.has_more {
            break;
        }
    }
    Ok(records)
}

/// Reads the jobs at these places, as of a revision.
fn read(access: &Access, places: &[&str], revision: i64) -> Result<Vec<JobRecord>> {
    let keys = access.keys();
    let places = places.iter().filter_map(|place| keys.read_due(place));
    let places: Vec<(&str, &str)> = places.collect();
    let queries = places.iter().flat_map(|(_, id)| [keys.run(id), keys.job(id)]);
    let mut snapshot = access.read(queries.map(|key| Query::key(key).at(revision)))?;
    let mut records = Vec::with_capacity(places.len());
    for (time, id) in places {
        let [run, job] = snapshot.take_all();
        let valid = run.first().filter(|run| {
            // A time that can't be read has no other place.
            let stored = run.text();
            stored == time || read_run_time(&stored).is_none()
        });
        match valid {
            Some(run) => records.push(record(id, read_run_time(time).flatten(), run, &job)),
            None => repair(access, time, id, &run),
        }
    }
    Ok(records)
}

/// Removes a wrong place of a job, and makes sure that it has the right one.
fn repair(access: &Access, time: &str, id: &str, run: &Found) {
    let keys = access.keys();
    let mut repaired = Operations::default();
    repaired.delete(keys.due(time, id));
    if let Some(run) = run.first() {
        repaired.put(keys.due(&run.text(), id), "");
    }
    floor::lower(&mut repaired, keys, run.first().map(Entry::text).as_deref());
    repaired.put(keys.changed(), "");
    match access.session() {
        Ok(session) if !session.is_read_only => {}
        _ => return,
    }
    let when = vec![is_unchanged(keys.run(id), run.revision())];
    match access.write(Guard::Jobs, when, repaired) {
        Ok(_) => tracing::warn!(
            job_id = id,
            "the run time was edited; its place in the order is repaired"
        ),
        Err(error) => tracing::warn!(job_id = id, "a wrong place is left: {}", error.chain()),
    }
}

/// Returns the earliest run time later than `after`.
pub(crate) fn next_run_time(
    access: &Access,
    after: Option<Timestamp>,
) -> Result<Option<Timestamp>> {
    let keys = access.keys();
    let mut range = keys.all_due();
    if let Some(after) = after {
        range = range.starting_at(keys.after_due(&time_text(after)));
    }
    range = range.before(keys.due(PAUSED, ""));
    let ends = ends_ahead(access, after)?.map(|end| keys.after_due(&time_text(end)));
    for end in ends.chain([range.to.clone()]) {
        let part = range.before(end.clone());
        if part.from < part.to {
            // A wrong place is repaired, and is not counted.
            if let Some(first) = list(access, &part, 0, 1)?.first() {
                return Ok(first.next_run_time);
            }
            range = range.starting_at(end);
        }
    }
    Ok(None)
}

/// Returns the ends of the parts in which to look for the next run time, one after the other.
fn ends_ahead(
    access: &Access,
    after: Option<Timestamp>,
) -> Result<impl Iterator<Item = Timestamp> + use<>> {
    let floor = read_run_time(&access.session()?.floor().time).flatten();
    let begin =
        after.or(floor).map_or_else(|| SystemClock.now(), |first| first.max(SystemClock.now()));
    let [first, farthest] = AHEAD;
    let distances = std::iter::successors(Some(first), |ahead| ahead.checked_mul(FARTHER));
    let distances = distances.take_while(move |ahead| *ahead < farthest);
    Ok(distances.filter_map(move |ahead| begin.checked_add_signed(ahead)))
}

/// Raises the floor, if that was not done for a while.
pub(crate) fn raise_floor(access: &Access) -> Result<()> {
    let (session, keys) = (access.session()?, access.keys());
    {
        let mut floor = session.floor();
        if floor.raised.is_some_and(|raised| raised.elapsed() < RAISED_EVERY) {
            return Ok(());
        }
        floor.raised = Some(Instant::now());
    }
    let known = session.floor().time.clone();
    let all = keys.all_due();
    let places = all.starting_at(keys.due(&known, ""));
    let queries = [Query::key(keys.floor()), Query::range(&places, 1).keys_only()];
    let [floor, first] = access.read(queries)?.take_all();
    let time = floor.first().map(|floor| floor.text().into_owned()).unwrap_or_default();
    let first = first.first().and_then(|first| keys.read_due(&first.key));
    match first {
        Some((first, _)) if first > &*time => floor::raise(access, &time, floor.revision(), first),
        _ => Ok(()),
    }
}
