//! The nodes of open runs.
//!
//! A run has `open/RUN`, with its row as data, and an entry `open.index/RUN STATE OWNER DUE JOB`, whose name says what
//! queries look for: one list of names answers most of them. `JOB` is a hash of the id.

use apscheduler_core::ledger::{OpenRun, OpenState, OpenStep};
use apscheduler_core::run::{OwnerId, RunId};
use apscheduler_core::time::Timestamp;
use apscheduler_plugin_kit::store::text::{read_row, read_time, row_text, time_text};

use crate::failure::{Attempt, Failure};
use crate::nodes::{Nodes, job_hash};
use crate::session::Session;
use crate::transaction::Operation;

/// What stands for no time.
const NONE: &str = "-";

/// How many rows are read at once.
const PAGE: usize = 1000;

/// An entry in the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IndexEntry {
    pub(crate) run: RunId,
    pub(crate) is_waiting: bool,
    pub(crate) owner: OwnerId,
    pub(crate) due: Option<Timestamp>,
    pub(crate) job: String,
}

impl IndexEntry {
    fn read(name: &str) -> Option<Self> {
        let mut words = name.splitn(5, ' ');
        let run = words.next()?.parse().ok()?;
        let is_waiting = OpenState::from_name(words.next()?)? == OpenState::Waiting;
        let owner = words.next()?.parse().ok()?;
        let due = read_time(words.next()?);
        Some(Self { run, is_waiting, owner, due, job: words.next()?.to_owned() })
    }
}

/// A row as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// `None` if a manual edit broke it.
    pub(crate) run: Option<OpenRun>,
    pub(crate) version: i32,
}

fn index_name(run: &OpenRun) -> String {
    let due = run.due.map_or(NONE.to_owned(), time_text);
    let (id, state, owner) = (run.run_id, run.state.name(), run.owner);
    format!("{id} {state} {owner} {due} {}", job_hash(&run.job_id))
}

/// Returns the operations that add a row.
pub(crate) fn add(nodes: &Nodes, run: &OpenRun) -> [Operation; 2] {
    [
        Operation::create(nodes.open_run(run.run_id), row_text(run)),
        Operation::create(nodes.open_index(&index_name(run)), ""),
    ]
}

/// Returns the operations that make a row of this version another one.
pub(crate) fn write(
    nodes: &Nodes,
    version: i32,
    before: &OpenRun,
    run: &OpenRun,
) -> Vec<Operation> {
    let path = nodes.open_run(run.run_id);
    let mut operations = vec![Operation::set(path, row_text(run), version)];
    let (before, after) = (index_name(before), index_name(run));
    if before != after {
        operations.push(Operation::delete(nodes.open_index(&before)));
        operations.push(Operation::create(nodes.open_index(&after), ""));
    }
    operations
}

/// Returns the operations that remove a row of this version.
pub(crate) fn remove(nodes: &Nodes, version: i32, run: &OpenRun) -> Vec<Operation> {
    let path = nodes.open_run(run.run_id);
    let index = nodes.open_index(&index_name(run));
    vec![Operation::Delete { path, version: Some(version) }, Operation::delete(index)]
}

/// Returns the operations that carry out these steps of one run. One whose row is not as it expects does nothing.
pub(crate) fn carry_out(nodes: &Nodes, row: Option<&Row>, steps: &[&OpenStep]) -> Vec<Operation> {
    // A row that is broken is as no step expects it.
    let version = row.map_or(0, |row| row.version);
    let Some(before) = row.map_or(Some(None), |row| row.run.as_ref().map(Some)) else {
        return Vec::new();
    };
    let mut now = before;
    for step in steps {
        if step.from == now.map(OpenRun::mark) {
            now = step.to.as_ref();
        }
    }
    match (before, now) {
        (None, Some(run)) => add(nodes, run).into(),
        (Some(before), None) => remove(nodes, version, before),
        (Some(before), Some(run)) if before != run => write(nodes, version, before, run),
        _ => Vec::new(),
    }
}

/// Returns the index, in the order of the runs.
pub(crate) async fn index(session: &Session, nodes: &Nodes) -> Attempt<Vec<IndexEntry>> {
    let names = session.list(&nodes.folder("open.index")).await?.ok_or(Failure::Missing)?;
    let mut index: Vec<IndexEntry> =
        names.iter().filter_map(|name| IndexEntry::read(name)).collect();
    index.sort_unstable();
    Ok(index)
}

/// Reads the rows of these runs. Those that do not exist are `None`.
pub(crate) async fn read(
    session: &Session,
    nodes: &Nodes,
    runs: &[RunId],
) -> Attempt<Vec<Option<Row>>> {
    let mut rows = Vec::with_capacity(runs.len());
    for page in runs.chunks(PAGE) {
        let reads: Vec<_> = page.iter().map(|run| session.get(&nodes.open_run(*run))).collect();
        for (run, read) in page.iter().zip(reads) {
            let row = read.await?.map(|(data, stat)| (read_row(*run, &data), stat.version));
            rows.push(row.map(|(run, version)| Row { run, version }));
        }
    }
    Ok(rows)
}
