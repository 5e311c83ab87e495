//! Finds jobs in the order of their run times.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use apscheduler_core::store::{Cursor, JobRecord};
use apscheduler_core::time::{Clock as _, SystemClock};
use apscheduler_plugin_kit::store::text::time_text;

use crate::access::Access;
use crate::buckets::Buckets;
use crate::entry::Entry;
use crate::failure::{Attempt, Failure};
use crate::jobs::{self, Stored};
use crate::nodes::{Nodes, join_time};
use crate::session::Session;
use crate::transaction::{Operation, Outcome, commit};

/// How many folders are listed at once: the first time, if one entry is enough; the first time otherwise; and at most. Folders
/// that have just been emptied are still there.
const WINDOWS: [usize; 3] = [2, 8, 128];

/// How long a folder is empty before it is removed here, if the server has not done so.
const EMPTY: Duration = Duration::from_secs(120);

/// A part of the entries of jobs that have run times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Range {
    /// Only entries after this time and id.
    pub(crate) after: Option<(String, String)>,
    /// Only entries up to this time.
    pub(crate) until: Option<String>,
}

impl Range {
    fn contains(&self, entry: &Entry) -> bool {
        let Some(time) = entry.time.as_deref() else { return false };
        let is_after = self
            .after
            .as_ref()
            .is_none_or(|(after, id)| (time, &*entry.id) > (after.as_str(), id.as_str()));
        is_after && self.until.as_deref().is_none_or(|until| time <= until)
    }

    /// Whether a folder may contain such entries, whose times begin with this.
    fn meets(&self, start: &str) -> bool {
        let cut = |time: &str| time.get(..start.len()).map(str::to_owned).unwrap_or_default();
        self.after.as_ref().is_none_or(|(after, _)| start >= cut(after).as_str())
            && self.until.as_deref().is_none_or(|until| start <= cut(until).as_str())
    }
}

/// Returns the first entries in a range, in order: as many as are asked for, or all if there are not that many.
pub(crate) async fn entries(
    session: &Session,
    nodes: &Nodes,
    range: &Range,
    count: usize,
) -> Attempt<Vec<Entry>> {
    let mut found = Vec::new();
    let mut hours = session.list(&nodes.due()).await?.ok_or(Failure::Missing)?;
    hours.retain(|hour| range.meets(hour));
    hours.sort_unstable();
    let mut window = Window::new(count);
    let mut hours = &hours[..];
    while !hours.is_empty() && found.len() < count {
        let (some, rest) = window.split(hours);
        hours = rest;
        let paths = some.iter().map(|hour| format!("{}/{hour}", nodes.due()));
        let lists: Vec<_> = paths.map(|path| session.list(&path)).collect();
        let mut tens = Vec::new();
        for (hour, list) in some.iter().zip(lists) {
            // The server may have removed it meanwhile.
            let mut names = list.await?.unwrap_or_default();
            names.sort_unstable();
            tens.extend(names.into_iter().map(|ten| (hour.clone(), ten)));
        }
        tens.retain(|(hour, ten)| range.meets(&join_time(hour, ten, "")));
        entries_of(session, nodes, range, count, &tens, &mut found).await?;
    }
    found.truncate(count);
    Ok(found)
}

/// Adds the entries in these folders.
async fn entries_of(
    session: &Session,
    nodes: &Nodes,
    range: &Range,
    count: usize,
    mut tens: &[(String, String)],
    found: &mut Vec<Entry>,
) -> Attempt<()> {
    let mut window = Window::new(count);
    while !tens.is_empty() && found.len() < count {
        let (some, rest) = window.split(tens);
        tens = rest;
        let paths = some.iter().map(|(hour, ten)| format!("{}/{hour}/{ten}", nodes.due()));
        let lists: Vec<_> = paths.map(|path| session.list(&path)).collect();
        for ((hour, ten), list) in some.iter().zip(lists) {
            let names = list.await?.unwrap_or_default();
            let entries = names.iter().filter_map(|name| Entry::of_due(hour, ten, name));
            let mut entries: Vec<Entry> = entries.filter(|entry| range.contains(entry)).collect();
            entries.sort_unstable();
            found.append(&mut entries);
        }
    }
    Ok(())
}

/// How many folders are listed at once. It grows while nothing is found.
struct Window(usize);

impl Window {
    fn new(count: usize) -> Self {
        Self(WINDOWS[usize::from(count > 1)])
    }

    fn split<'a, T>(&mut self, all: &'a [T]) -> (&'a [T], &'a [T]) {
        let count = self.0.min(all.len());
        self.0 = (self.0 * 2).min(WINDOWS[2]);
        all.split_at(count)
    }
}

/// Returns the entries of paused jobs after this id, in order.
pub(crate) async fn paused(
    session: &Session,
    nodes: &Nodes,
    after: Option<&str>,
    count: usize,
) -> Attempt<Vec<Entry>> {
    let names = session.list(&nodes.paused()).await?.ok_or(Failure::Missing)?;
    let entries = names.iter().filter_map(|name| Entry::of_paused(name));
    let mut entries: Vec<Entry> =
        entries.filter(|entry| after.is_none_or(|after| &*entry.id > after)).collect();
    entries.sort_unstable();
    entries.truncate(count);
    Ok(entries)
}

/// Returns the first jobs in a range, in order, after the first `skip`.
pub(crate) async fn timed(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    mut range: Range,
    skip: usize,
    limit: usize,
) -> Attempt<Vec<Stored>> {
    let mut found = Vec::new();
    let mut skip = skip;
    while found.len() < limit {
        let wanted = (limit - found.len()).min(PAGE);
        let mut page = entries(session, nodes, &range, skip.saturating_add(wanted)).await?;
        let is_last = page.len() < skip.saturating_add(wanted);
        page.drain(..skip.min(page.len()));
        skip = 0;
        let Some(last) = page.last() else { break };
        range.after = last.time.clone().map(|time| (time, last.id.to_string()));
        found.append(&mut fetch(access, (session, nodes), page).await?);
        if is_last {
            break;
        }
    }
    // A job that was moved meanwhile may have been found at both places.
    let mut ids = HashSet::with_capacity(found.len());
    found.retain(|stored| ids.insert(Arc::clone(&stored.record.id)));
    Ok(found)
}

/// The most jobs that are read at once.
const PAGE: usize = 2000;

/// Returns a page of records after a place, in order; paused jobs last.
pub(crate) async fn page(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    after: Option<&Cursor>,
    limit: usize,
) -> Attempt<Vec<JobRecord>> {
    let mut found = Vec::new();
    let mut after_id = None;
    match after {
        Some(Cursor { next_run_time: None, id, .. }) => after_id = Some(id.to_string()),
        after => {
            let after = after
                .and_then(|after| Some((time_text(after.next_run_time?), after.id.to_string())));
            let range = Range { after, until: None };
            found = timed(access, (session, nodes), range, 0, limit).await?;
        }
    }
    while found.len() < limit {
        let wanted = (limit - found.len()).min(PAGE);
        let page = paused(session, nodes, after_id.as_deref(), wanted).await?;
        let is_last = page.len() < wanted;
        after_id = page.last().map(|entry| entry.id.to_string()).or(after_id);
        found.append(&mut fetch(access, (session, nodes), page).await?);
        if is_last {
            break;
        }
    }
    Ok(found.into_iter().map(|stored| stored.record).collect())
}

/// Reads the jobs of these entries, in their order. Repairs entries that do not fit their jobs, after a manual edit.
async fn fetch(
    access: &Access,
    (session, nodes): (&Session, &Nodes),
    entries: Vec<Entry>,
) -> Attempt<Vec<Stored>> {
    let wanted = entries.iter().map(|entry| (entry.id.clone(), Some(entry.clone())));
    let read = jobs::read(session, nodes, wanted).await?;
    let mut found = Vec::with_capacity(entries.len());
    for (entry, stored) in entries.into_iter().zip(read) {
        match stored {
            Some(stored) if stored.transaction.is_some() => {}
            Some(stored) if stored.entry() == entry => found.push(stored),
            _ if access.is_read_only() => {}
            Some(stored) => repair(&access.buckets, (session, nodes), &stored, &entry).await?,
            None => session.discard(&entry.path(nodes)),
        }
    }
    Ok(found)
}

/// Removes an entry that does not fit its job, and adds the right one if there is none.
async fn repair(
    buckets: &Buckets,
    (session, nodes): (&Session, &Nodes),
    stored: &Stored,
    wrong: &Entry,
) -> Attempt<()> {
    let right = stored.entry();
    let wrong = wrong.path(nodes);
    if session.stat(&right.path(nodes)).await?.is_some() {
        session.discard(&wrong);
        return Ok(());
    }
    buckets.ensure(session, right.buckets(nodes).into_iter().flatten()).await?;
    let job = nodes.job(&stored.record.id);
    let operations = [
        Operation::Check { path: job, version: stored.version },
        Operation::delete(wrong),
        Operation::create(right.path(nodes), ""),
    ];
    if let Outcome::Refused(..) = commit(session, &operations).await? {
        // The job was changed meanwhile, or the server has removed the folder. The next reader looks again.
        buckets.forget();
    }
    Ok(())
}

/// Returns the entry of a job, found among all. For jobs whose data a manual edit broke.
pub(crate) async fn entry_of(session: &Session, nodes: &Nodes, id: &str) -> Attempt<Option<Entry>> {
    let mut all = entries(session, nodes, &Range::default(), usize::MAX).await?;
    all.append(&mut paused(session, nodes, None, usize::MAX).await?);
    Ok(all.into_iter().find(|entry| &*entry.id == id))
}

/// Removes folders that are empty and that no run time will need again. The server does so too, unless nothing was ever in
/// them.
pub(crate) async fn remove_empty(session: &Session, nodes: &Nodes) -> Attempt<()> {
    let before = SystemClock.now() - EMPTY;
    let range = Range { after: None, until: Some(time_text(before)) };
    let mut hours = session.list(&nodes.due()).await?.ok_or(Failure::Missing)?;
    hours.retain(|hour| range.meets(hour));
    for hour in hours {
        let path = format!("{}/{hour}", nodes.due());
        let tens = session.list(&path).await?.unwrap_or_default();
        for ten in tens.iter().filter(|ten| range.meets(&join_time(&hour, ten, ""))) {
            // Refused if it contains entries.
            session.discard(&format!("{path}/{ten}"));
        }
        session.discard(&path);
    }
    Ok(())
}
