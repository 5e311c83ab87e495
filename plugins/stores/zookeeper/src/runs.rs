//! Queries of the records of runs.

use std::collections::{BTreeMap, HashSet};

use apscheduler_core::ledger::{RunQuery, RunRecord, RunState};
use apscheduler_core::run::RunId;

use crate::failure::{Attempt, Failure};
use crate::nodes::{Nodes, RUN_SHARDS, job_hash};
use crate::records::{ALL, Key, OTHERS, hour, read, shard_of};
use crate::session::Session;

/// The most hours that are listed at once.
const MOST_HOURS: usize = 32;

/// The most records that are read at once; each may have a result of 64 KiB.
const PAGE: usize = 250;

/// The hours of the records, each with the folders that it has.
pub(crate) type Hours = BTreeMap<String, Vec<String>>;

/// Returns the hours of the parts of the records in these folders.
pub(crate) async fn hours(session: &Session, shards: &[String]) -> Attempt<Hours> {
    let lists: Vec<_> = shards.iter().map(|shard| session.list(shard)).collect();
    let mut hours = Hours::new();
    for (shard, list) in shards.iter().zip(lists) {
        for hour in list.await?.ok_or(Failure::Missing)? {
            let path = format!("{shard}/{hour}");
            hours.entry(hour).or_default().push(path);
        }
    }
    Ok(hours)
}

/// Returns the folders of all parts of the records.
pub(crate) fn all_shards(nodes: &Nodes, folder: &str) -> Vec<String> {
    (0..RUN_SHARDS).map(|shard| nodes.run_shard(folder, shard)).collect()
}

/// Returns the keys in these folders, with the states in their names.
pub(crate) async fn keys(
    session: &Session,
    folders: impl IntoIterator<Item = &String>,
) -> Attempt<Vec<(Key, Option<RunState>)>> {
    let lists: Vec<_> = folders.into_iter().map(|folder| session.list(folder)).collect();
    let mut keys = Vec::new();
    for list in lists {
        // The server may have removed it meanwhile.
        let names = list.await?.unwrap_or_default();
        keys.extend(names.iter().filter_map(|name| Key::read(name)));
    }
    Ok(keys)
}

/// Returns the records that match, those of the latest runs first.
pub(crate) async fn find(
    session: &Session,
    nodes: &Nodes,
    query: &RunQuery,
) -> Attempt<Vec<RunRecord>> {
    let is_other = |state: &RunState| *state != RunState::Ok;
    let has_states = !query.states.is_empty();
    let folder = if has_states && query.states.iter().all(is_other) { OTHERS } else { ALL };
    let job = query.job_id.as_deref().map(job_hash);
    let shards = match &job {
        Some(job) => vec![shard_of(nodes, folder, job)],
        None => all_shards(nodes, folder),
    };
    let mut hours: Vec<(String, Vec<String>)> =
        hours(session, &shards).await?.into_iter().collect();
    let before = query.before.map(hour);
    let only = query.run_id.map(hour);
    hours.retain(|(hour, _)| {
        before.as_ref().is_none_or(|before| hour <= before)
            && only.as_ref().is_none_or(|only| hour == only)
    });
    let is_wanted = |(key, state): &(Key, Option<RunState>)| {
        job.as_ref().is_none_or(|job| *job == key.job)
            && query.run_id.is_none_or(|run| run == key.run)
            && query.before.is_none_or(|before| key.run < before)
            && (folder == ALL || state.is_some_and(|state| query.states.contains(&state)))
    };
    let (mut found, mut count) = (Vec::new(), 1);
    while found.len() < query.limit && !hours.is_empty() {
        let latest = hours.split_off(hours.len().saturating_sub(count));
        count = (count * 2).min(MOST_HOURS);
        let mut keys = keys(session, latest.iter().flat_map(|(_, folders)| folders)).await?;
        keys.retain(is_wanted);
        keys.sort_unstable_by(|one, other| other.0.cmp(&one.0));
        read_records(session, nodes, query, &keys, &mut found).await?;
    }
    Ok(found)
}

/// Adds the records with these keys that match, up to the limit of the query.
async fn read_records(
    session: &Session,
    nodes: &Nodes,
    query: &RunQuery,
    mut keys: &[(Key, Option<RunState>)],
    found: &mut Vec<RunRecord>,
) -> Attempt<()> {
    while !keys.is_empty() && found.len() < query.limit {
        let (page, rest) = keys.split_at(PAGE.min(query.limit - found.len()).min(keys.len()));
        keys = rest;
        let reads: Vec<_> = page.iter().map(|(key, _)| session.get(&key.path(nodes))).collect();
        for ((key, _), data) in page.iter().zip(reads) {
            // It may be removed meanwhile.
            let Some((data, _)) = data.await? else { continue };
            match read(key, &data) {
                Some(record) if query.matches(&record.job_id, record.run_id, record.state) => {
                    found.push(record);
                }
                Some(_) => {}
                None => tracing::warn!("the record `{}` is damaged", key.path(nodes)),
            }
        }
    }
    Ok(())
}

/// Returns which of these runs have a record of their first attempt. Each is given with its job.
pub(crate) async fn have_ended(
    session: &Session,
    nodes: &Nodes,
    runs: &[(RunId, &str)],
) -> Attempt<HashSet<RunId>> {
    let stats: Vec<_> =
        runs.iter().map(|(run, job)| session.stat(&Key::new(*run, 1, job).path(nodes))).collect();
    let mut ended = HashSet::new();
    for ((run, _), stat) in runs.iter().zip(stats) {
        if stat.await?.is_some() {
            ended.insert(*run);
        }
    }
    Ok(ended)
}
