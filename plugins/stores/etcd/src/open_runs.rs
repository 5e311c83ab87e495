//! Queries of open runs, and claims of those that wait.

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenQuery, OpenRun, OpenState};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::text::{read_time, time_text};

use crate::access::{Access, TRIES};
use crate::keys::KeyRange;
use crate::open_rows::{change, read, resolve};
use crate::transaction::{Entry, Operations, Query, is_missing, is_older};

/// How many rows are read at once.
const PAGE: usize = 250;

/// Returns the open runs that match, in the order of their identifiers.
pub(crate) fn list(access: &Access, query: &OpenQuery) -> Result<Vec<OpenRun>> {
    let mut found = Vec::new();
    if let Some(run) = query.run_id {
        found = read(access, &[run])?;
        found.retain(|run| query.matches(run));
        found.truncate(query.limit);
        return Ok(found);
    }
    let mut after = query.after;
    while found.len() < query.limit {
        let (rows, last) = page(access, query, after)?;
        // A row may change meanwhile.
        found.extend(rows.into_iter().filter(|run| query.matches(run)));
        if last.is_none() {
            break;
        }
        after = last;
    }
    found.truncate(query.limit);
    Ok(found)
}

/// Returns the next rows after one, in order, and the last run that was looked at, unless there are no more.
fn page(
    access: &Access,
    query: &OpenQuery,
    after: Option<RunId>,
) -> Result<(Vec<OpenRun>, Option<RunId>)> {
    let keys = access.keys();
    let part = |range: &KeyRange| match after {
        Some(after) => range.after(&format!("{}{after}", range.from)),
        None => range.clone(),
    };
    let run_of = |range: &KeyRange, key: &str| key.strip_prefix(&range.from)?.parse::<RunId>().ok();
    let ranges: Vec<KeyRange> = match (&query.owner, &query.job_id) {
        (Some(owner), _) => {
            let states = [OpenState::Claimed, OpenState::Waiting];
            let states =
                states.iter().filter(|state| query.state.is_none_or(|wanted| wanted == **state));
            states.map(|state| keys.open_of_owner(*owner, state.name())).collect()
        }
        (None, Some(job)) => vec![keys.open_of_job(job)],
        (None, None) => {
            let all = keys.all_open();
            let found = access.read_one(Query::range(&part(&all), PAGE))?;
            let last = found.entries.last().and_then(|entry| run_of(&all, &entry.key));
            let texts = found.entries.into_iter();
            let texts = texts.filter_map(|entry| Some((run_of(&all, &entry.key)?, entry.value)));
            let rows = resolve(access, texts)?;
            return Ok((rows, last.filter(|_| found.has_more)));
        }
    };
    let mut snapshot =
        access.read(ranges.iter().map(|range| Query::range(&part(range), PAGE).keys_only()))?;
    let (mut runs, mut has_more) = (Vec::new(), false);
    for range in &ranges {
        let found = snapshot.take();
        has_more |= found.has_more;
        runs.extend(found.entries.iter().filter_map(|entry| run_of(range, &entry.key)));
    }
    runs.sort_unstable();
    runs.dedup();
    has_more |= runs.len() > PAGE;
    runs.truncate(PAGE);
    let last = runs.last().copied().filter(|_| has_more);
    Ok((read(access, &runs)?, last))
}

/// Claims up to `limit` waiting runs that are due, those that were due first.
pub(crate) fn claim(
    access: &Access,
    owner: OwnerId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<OpenRun>> {
    let keys = access.keys();
    let due = keys.all_open_due().before(keys.after_open_due(&time_text(now)));
    let (mut claimed, mut tries) = (Vec::new(), TRIES);
    while claimed.len() < limit && tries > 0 {
        let wanted = Query::range(&due, limit - claimed.len()).keys_only();
        let mut snapshot = access.read([Query::key(keys.dead(owner)), wanted])?;
        let [dead, found] = snapshot.take_all();
        if !dead.is_empty() {
            break;
        }
        let run_of = |entry: &Entry| entry.key.rsplit_once('/')?.1.parse().ok();
        let runs: Vec<RunId> = found.entries.iter().filter_map(run_of).collect();
        let (mut then, mut part, mut has_more) = (Operations::default(), Vec::new(), false);
        for row in read(access, &runs)? {
            if row.state != OpenState::Waiting || row.due.is_none_or(|due| due > now) {
                continue;
            }
            let after = row.clone().claimed_by(owner);
            change(&mut then, keys, Some(&row), Some(&after));
            part.push(after);
            has_more = then.are_many();
            if has_more {
                break;
            }
        }
        if part.is_empty() {
            break;
        }
        then.put(keys.rows(), "");
        let when = vec![is_missing(keys.dead(owner)), is_older(keys.rows(), snapshot.revision)];
        if !access.note(when, then)? {
            // Others have changed rows meanwhile.
            tries -= 1;
            continue;
        }
        claimed.extend(part);
        if !has_more {
            break;
        }
    }
    Ok(claimed)
}

/// Returns when the first of the waiting runs is due.
pub(crate) fn next_due(access: &Access) -> Result<Option<Timestamp>> {
    let all = access.keys().all_open_due();
    let first = access.read_one(Query::range(&all, 1).keys_only())?;
    let time = first.first().and_then(|first| first.key.strip_prefix(&all.from)?.split_once('/'));
    Ok(time.and_then(|(time, _)| read_time(time)))
}
