//! The rows of open runs: how they are written and read.
//!
//! A row has an entry for its job, one for its owner and state, and, if it waits for a time, one for that. The rows of a claim
//! with many run times have the same data, which may be large. It is then written once, and the rows name it.

use apscheduler_core::Result;
use apscheduler_core::ledger::OpenRun;
use apscheduler_core::run::RunId;
use apscheduler_plugin_kit::store::text::{read_row, row_text, time_text};

use crate::access::Access;
use crate::keys::Keys;
use crate::transaction::{Operations, Query, is_empty, is_unchanged};

/// The most bytes of data that the rows of one claim repeat.
const MOST_REPEATED: usize = 16 * 1024;

/// What precedes the key of data that rows share, in place of their data.
const SHARED: char = '@';

/// How many rows are read at once.
const PAGE: usize = 500;

/// Returns the keys of the entries of a row.
fn entries(keys: &Keys, run: &OpenRun) -> Vec<String> {
    let of_job = keys.open_of_job(&run.job_id).from;
    let of_owner = keys.open_of_owner(run.owner, run.state.name()).from;
    let mut entries = vec![format!("{of_job}{}", run.run_id), format!("{of_owner}{}", run.run_id)];
    entries.extend(run.due.map(|due| keys.open_due(&time_text(due), run.run_id)));
    entries
}

/// Writes the row of a run that had the row `before`.
pub(crate) fn change(
    then: &mut Operations,
    keys: &Keys,
    before: Option<&OpenRun>,
    after: Option<&OpenRun>,
) {
    let old = before.map(|before| entries(keys, before)).unwrap_or_default();
    let new = after.map(|after| entries(keys, after)).unwrap_or_default();
    for entry in old.iter().filter(|entry| !new.contains(entry)) {
        then.delete(entry.clone());
    }
    for entry in new.iter().filter(|entry| !old.contains(entry)) {
        then.put(entry.clone(), "");
    }
    match (before, after) {
        (_, Some(after)) => then.put(keys.open(after.run_id), row_text(after)),
        (Some(before), None) => then.delete(keys.open(before.run_id)),
        (None, None) => {}
    }
}

/// Adds the rows of a claim, which all have the same data.
pub(crate) fn add_claimed(then: &mut Operations, keys: &Keys, rows: &[OpenRun]) {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
    if first.data.len() * (rows.len() - 1) <= MOST_REPEATED {
        for row in rows {
            change(then, keys, None, Some(row));
        }
        return;
    }
    let data = keys.open_data(first.run_id, last.run_id.nth(1));
    then.put(data.clone(), &*first.data);
    for row in rows {
        let mut row = row.clone();
        row.data = format!("{SHARED}{data}").into();
        change(then, keys, None, Some(&row));
    }
}

/// Reads the rows of these runs, without those that are gone. Returns them with the revision of the snapshot.
pub(crate) fn read(access: &Access, runs: &[RunId]) -> Result<Vec<OpenRun>> {
    let mut rows = Vec::with_capacity(runs.len());
    for chunk in runs.chunks(PAGE) {
        let mut found =
            access.read(chunk.iter().map(|run| Query::key(access.keys().open(*run))))?;
        let texts = chunk.iter().filter_map(|run| Some((*run, found.take().entries.pop()?.value)));
        rows.extend(resolve(access, texts)?);
    }
    Ok(rows)
}

/// Reads rows from their texts, and the data that they share. A row that a manual edit broke is left out.
pub(crate) fn resolve(
    access: &Access,
    texts: impl Iterator<Item = (RunId, Vec<u8>)>,
) -> Result<Vec<OpenRun>> {
    let rows = texts.filter_map(|(run, text)| read_row(run, &text));
    let mut rows: Vec<OpenRun> = rows.collect();
    let shared = rows.iter().filter_map(|row| row.data.strip_prefix(SHARED));
    let mut shared: Vec<String> = shared.map(str::to_owned).collect();
    shared.dedup();
    if shared.is_empty() {
        return Ok(rows);
    }
    let mut found = access.read(shared.iter().map(|key| Query::key(key.clone())))?;
    for key in shared {
        let Some(data) = found.take().entries.pop() else { continue };
        let data: std::sync::Arc<str> = data.text().into();
        for row in &mut rows {
            if row.data.strip_prefix(SHARED) == Some(&key) {
                row.data = data.clone();
            }
        }
    }
    Ok(rows)
}

/// Removes data that no row has any more.
pub(crate) fn remove_unshared(access: &Access) -> Result<()> {
    let all = access.keys().all_open_data();
    for data in access.read_one(Query::range(&all, PAGE).keys_only())?.entries {
        let runs = data.key.strip_prefix(&all.from).and_then(|runs| runs.split_once('/'));
        let read = |run: &str| run.parse::<RunId>().ok();
        let Some((Some(first), Some(end))) = runs.map(|(first, end)| (read(first), read(end)))
        else {
            continue;
        };
        let rows = access.keys().all_open();
        let rows = rows.starting_at(access.keys().open(first)).before(access.keys().open(end));
        let mut remove = Operations::default();
        remove.delete(data.key.clone());
        access.note(vec![is_unchanged(data.key, data.revision), is_empty(rows)], remove)?;
    }
    Ok(())
}
