//! Removes what the retention does not keep.
//!
//! Names alone tell which records are old, whether they succeeded, and whether enough later ones of the job follow. So old
//! records are removed without reading them, and most of the others are not even listed.

use std::collections::{BTreeMap, HashMap};

use apscheduler_core::ledger::{Retention, RunState};
use apscheduler_core::run::RunId;
use apscheduler_core::time::Timestamp;
use zookeeper_client::Error as ClientError;

use crate::failure::{Attempt, Failure};
use crate::latest::Latest;
use crate::nodes::Nodes;
use crate::records::{ALL, Key, OTHERS, hour};
use crate::runs::{Hours, all_shards, hours, keys};
use crate::session::Session;
use crate::transaction::{Operation, Outcome, Room, commit};

/// How old a token is that nobody asks for any more, in milliseconds.
const OLD_TOKEN: i64 = 7 * 24 * 60 * 60 * 1000;

/// How many tokens are looked at in one call.
const TOKENS: usize = 1000;

/// The records of all parts, by hours.
struct Records<'a> {
    session: &'a Session,
    nodes: &'a Nodes,
    all: Hours,
    others: Hours,
}

/// A record, and its state if it did not succeed.
type Listed = (Key, Option<RunState>);

/// Removes up to `limit` records, the oldest first. Returns how many.
pub(crate) async fn prune(
    session: &Session,
    nodes: &Nodes,
    now: Timestamp,
    retention: &Retention,
    limit: usize,
) -> Attempt<usize> {
    let all = hours(session, &all_shards(nodes, ALL)).await?;
    let others = hours(session, &all_shards(nodes, OTHERS)).await?;
    let records = Records { session, nodes, all, others };
    let ok = retention.ok_before(now).max(records.surplus(retention.max_ok).await?);
    let other = retention.other_before(now);
    let last_hour = hour(ok.max(other));
    let mut surplus = Vec::new();
    let mut latest = Latest::new(session, &records.all, retention.keep_last);
    for hour in records.all.keys().filter(|hour| **hour <= last_hour) {
        if surplus.len() >= limit {
            break;
        }
        let mut listed = records.list(hour).await?;
        listed.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        for listed in listed {
            let before = if listed.1.is_none() { ok } else { other };
            if surplus.len() < limit
                && listed.0.run < before
                && !latest.contains(hour, &listed.0).await?
            {
                surplus.push(listed);
            }
        }
    }
    records.remove(&surplus).await?;
    Ok(surplus.len())
}

impl Records<'_> {
    /// Returns the records of an hour.
    async fn list(&self, hour: &str) -> Attempt<Vec<Listed>> {
        let folders = |hours: &Hours| hours.get(hour).cloned().unwrap_or_default();
        let all = keys(self.session, &folders(&self.all)).await?;
        let others = keys(self.session, &folders(&self.others)).await?;
        let states: HashMap<Key, Option<RunState>> = others.into_iter().collect();
        let state = |key: &Key| states.get(key).copied().flatten();
        Ok(all.into_iter().map(|(key, _)| (key.clone(), state(&key))).collect())
    }

    /// Returns the run before which there are more records of success than this many.
    async fn surplus(&self, most: usize) -> Attempt<RunId> {
        let none = RunId::from_u128(0);
        let (all, others) = (self.counts(&self.all).await?, self.counts(&self.others).await?);
        let mut count = 0;
        for (hour, records) in all.iter().rev() {
            let ok = records.saturating_sub(others.get(hour).copied().unwrap_or(0));
            if count + ok <= most {
                count += ok;
                continue;
            }
            let mut listed = self.list(hour).await?;
            listed.retain(|(_, state)| state.is_none());
            listed.sort_unstable_by(|one, other| other.0.cmp(&one.0));
            let first = listed.get(most - count);
            return Ok(first.map_or(none, |(key, _)| key.run.nth(1)));
        }
        Ok(none)
    }

    /// Returns how many nodes there are in each hour.
    async fn counts(&self, hours: &Hours) -> Attempt<BTreeMap<String, usize>> {
        let folders: Vec<(&String, &String)> = hours
            .iter()
            .flat_map(|(hour, folders)| folders.iter().map(move |folder| (hour, folder)))
            .collect();
        let stats: Vec<_> = folders.iter().map(|(_, folder)| self.session.stat(folder)).collect();
        let mut counts = BTreeMap::new();
        for ((hour, _), stat) in folders.into_iter().zip(stats) {
            let count = stat.await?.map_or(0, |stat| stat.num_children);
            *counts.entry(hour.clone()).or_default() += usize::try_from(count).unwrap_or(0);
        }
        Ok(counts)
    }

    async fn remove(&self, records: &[Listed]) -> Attempt<()> {
        let (mut requests, mut room): (Vec<Vec<Operation>>, _) = (Vec::new(), Room::default());
        for (key, state) in records {
            let mut operations = vec![Operation::delete(key.path(self.nodes))];
            operations
                .extend(state.map(|state| Operation::delete(key.other_path(self.nodes, state))));
            if !room.take(&operations) || requests.is_empty() {
                requests.push(Vec::new());
                room = Room::default();
                room.take(&operations);
            }
            if let Some(request) = requests.last_mut() {
                request.extend(operations);
            }
        }
        let sent: Vec<_> = requests.iter().map(|request| commit(self.session, request)).collect();
        for (request, sent) in requests.iter().zip(sent) {
            match sent.await? {
                Outcome::Committed => {}
                Outcome::Refused(_, ClientError::NoNode) => {
                    // Another scheduler removes them too. Each on its own, without those that are gone.
                    for operation in request {
                        commit(self.session, std::slice::from_ref(operation)).await?;
                    }
                }
                Outcome::Refused(_, error) => return Err(Failure::Refused(error)),
            }
        }
        Ok(())
    }
}

/// Removes the tokens of claims whose processes have ended without asking for them.
pub(crate) async fn prune_tokens(session: &Session, nodes: &Nodes, now: Timestamp) -> Attempt<()> {
    let mut tokens = session.list(&nodes.folder("claims")).await?.ok_or(Failure::Missing)?;
    tokens.truncate(TOKENS);
    let paths: Vec<String> = tokens.iter().map(|token| nodes.claim(token)).collect();
    let stats: Vec<_> = paths.iter().map(|path| session.stat(path)).collect();
    for (path, stat) in paths.iter().zip(stats) {
        let before = now.timestamp_millis() - OLD_TOKEN;
        if stat.await?.is_some_and(|stat| stat.mtime < before) {
            session.discard(path);
        }
    }
    Ok(())
}
