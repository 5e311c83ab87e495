//! The records of runs.
//!
//! A record is under its state, and the state is under the job. Both are in the order from the latest run to the earliest, so
//! a page of any query is one range for each state, or one of the job: the server would sort a whole range to return its end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use apscheduler_core::Result;
use apscheduler_core::ledger::{RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;
use apscheduler_plugin_kit::store::text::{read_record, record_text};

use crate::access::Access;
use crate::keys::{KeyRange, Keys, place, read_place};
use crate::transaction::{Operations, Query, is_missing, is_unchanged};

/// The most records that are read at once; each may have a result of 64 KiB.
const PAGE: usize = 250;

/// The most runs that are looked up at once.
const LOOKUPS: usize = 1000;

/// The longest result or error of a record: a longer one is cut, because it would not fit into a request.
const MOST_TEXT: usize = 512 * 1024;

/// How many operations the paths of a record may have.
const RECORD_BUDGET: usize = 8;

/// Where a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) state: RunState,
    /// The run and the attempt, as in keys.
    pub(crate) attempt: String,
    pub(crate) job: Arc<str>,
}

impl Place {
    pub(crate) fn of(record: &RunRecord) -> Self {
        let attempt = place(record.run_id, record.attempt);
        Self { state: record.state, attempt, job: Arc::clone(&record.job_id) }
    }

    /// Returns the key of the record.
    pub(crate) fn record(&self, keys: &Keys) -> String {
        keys.record(self.state, &self.attempt, &self.job)
    }

    /// Returns the key of the state.
    pub(crate) fn recorded(&self, keys: &Keys) -> String {
        keys.recorded(&self.job, &self.attempt)
    }

    /// Reads the part of a record's key after its state.
    pub(crate) fn read(state: RunState, key: &str) -> Option<Self> {
        let (run, rest) = key.split_once('/')?;
        let (attempt, job) = rest.split_once('/')?;
        Some(Self { state, attempt: format!("{run}/{attempt}"), job: job.into() })
    }
}

/// Returns how many bytes a record takes.
pub(crate) fn size(record: &RunRecord) -> usize {
    let texts = [&record.result, &record.error].into_iter().flatten();
    2 * record.job_id.len() + texts.map(|text| text.len().min(MOST_TEXT)).sum::<usize>() + 700
}

/// Writes a record, unless there is one of the same attempt.
pub(crate) fn insert(then: &mut Operations, keys: &Keys, record: &RunRecord) {
    let place = Place::of(record);
    let mut write = Operations::default();
    write.put(place.recorded(keys), record.state.name());
    write.put(place.record(keys), record_text(&shortened(record)));
    let when = vec![is_missing(place.recorded(keys))];
    then.nested(when, write, Operations::default(), RECORD_BUDGET);
}

fn shortened(record: &RunRecord) -> RunRecord {
    let mut record = record.clone();
    for text in [&mut record.result, &mut record.error].into_iter().flatten() {
        if text.len() > MOST_TEXT {
            let end = (0..=MOST_TEXT).rev().find(|end| text.is_char_boundary(*end));
            *text = text[..end.unwrap_or(0)].into();
        }
    }
    record
}

/// Writes how runs ended into those of their records that say that they are lost.
pub(crate) fn note_late(access: &Access, records: &[RunRecord]) -> Result<()> {
    let keys = access.keys();
    let outcomes = records.iter().filter(|record| record.state != RunState::Lost);
    let outcomes: Vec<(String, RunState)> = outcomes
        .map(|record| {
            let lost = Place { state: RunState::Lost, ..Place::of(record) };
            (lost.record(keys), record.state)
        })
        .collect();
    for chunk in outcomes.chunks(PAGE) {
        let mut found = access.read(chunk.iter().map(|(key, _)| Query::key(key.clone())))?;
        for (key, state) in chunk {
            let Some(lost) = found.take().entries.pop() else { continue };
            if let Some(text) = lost.text().strip_prefix("lost ") {
                let mut note = Operations::default();
                note.put(key.clone(), format!("lost+{state} {text}"));
                // If it was changed meanwhile, another has noted it.
                access.note(vec![is_unchanged(key.clone(), lost.revision)], note)?;
            }
        }
    }
    Ok(())
}

/// Returns the records that match, the latest first.
pub(crate) fn find(access: &Access, query: &RunQuery) -> Result<Vec<RunRecord>> {
    let (mut records, mut after) = (Vec::new(), None);
    if let Some(run) = query.run_id
        && query.before.is_some_and(|before| run >= before)
    {
        return Ok(records);
    }
    while records.len() < query.limit {
        let limit = PAGE.min(query.limit - records.len());
        let (places, next) = page(access, query, after.as_deref(), limit)?;
        let mut found =
            access.read(places.iter().map(|place| Query::key(place.record(access.keys()))))?;
        for place in &places {
            // A record may be removed meanwhile.
            let record = found.take().entries.pop().and_then(|entry| {
                let (run, attempt) = read_place(&place.attempt)?;
                read_record(&format!("{run} {attempt}"), Arc::clone(&place.job), &entry.value)
            });
            records.extend(record);
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    records.truncate(query.limit);
    Ok(records)
}

/// Returns up to `limit` places of records that may match, after a place, and the place after which to continue, if there are
/// more.
fn page(
    access: &Access,
    query: &RunQuery,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<Place>, Option<String>)> {
    let keys = access.keys();
    let is_wanted = |state: &RunState| query.states.is_empty() || query.states.contains(state);
    let part = |range: KeyRange| {
        // The characters after the place are a slash and the job's id, if any.
        let start = |place: &str| format!("{}{place}0", range.from);
        let run = |run: RunId| start(&crate::keys::inverted(run));
        let mut part = range.clone();
        if let Some(run) = query.run_id {
            part = KeyRange::of_prefix(format!("{}{}/", range.from, crate::keys::inverted(run)));
        } else if let Some(before) = query.before {
            part = part.starting_at(run(before));
        }
        match after {
            Some(after) => part.starting_at(start(after)),
            None => part,
        }
    };
    if let Some(job) = &query.job_id {
        let range = keys.recorded_of(job);
        let found = access.read_one(Query::range(&part(range.clone()), limit))?;
        let place_of = |key: &str| key.strip_prefix(&range.from).map(str::to_owned);
        let last = found.entries.last().and_then(|entry| place_of(&entry.key));
        let places = found.entries.iter().filter_map(|entry| {
            let state = RunState::from_name(&entry.text())?;
            Some(Place { state, attempt: place_of(&entry.key)?, job: Arc::clone(job) })
        });
        let places = places.filter(|place| is_wanted(&place.state)).collect();
        return Ok((places, last.filter(|_| found.has_more)));
    }
    let states: Vec<RunState> = RunState::ALL.into_iter().filter(is_wanted).collect();
    let ranges = states.iter().map(|state| keys.records(*state));
    let mut snapshot =
        access.read(ranges.map(|range| Query::range(&part(range), limit).keys_only()))?;
    let (mut places, mut has_more) = (Vec::new(), false);
    for state in states {
        let found = snapshot.take();
        has_more |= found.has_more;
        let from = keys.records(state).from;
        places.extend(
            found
                .entries
                .iter()
                .filter_map(|entry| Place::read(state, entry.key.strip_prefix(&from)?)),
        );
    }
    places.sort_by(|one, other| one.attempt.cmp(&other.attempt));
    has_more |= places.len() > limit;
    places.truncate(limit);
    let last = places.last().map(|place| place.attempt.clone());
    Ok((places, last.filter(|_| has_more)))
}

/// Returns which of these runs, of these jobs, have a record of their first attempt.
pub(crate) fn have_ended(
    access: &Access,
    runs: &[RunId],
    jobs: &HashMap<RunId, Arc<str>>,
) -> Result<HashSet<RunId>> {
    let mut ended = HashSet::new();
    for chunk in runs.chunks(LOOKUPS) {
        let known: Vec<(RunId, &Arc<str>)> =
            chunk.iter().filter_map(|run| Some((*run, jobs.get(run)?))).collect();
        let queries = known
            .iter()
            .map(|(run, job)| Query::key(access.keys().recorded(job, &place(*run, 1))).keys_only());
        let mut found = access.read(queries)?;
        ended.extend(known.iter().filter(|_| !found.take().is_empty()).map(|(run, _)| *run));
    }
    Ok(ended)
}
