//! Steps of open runs.
//!
//! The record of an attempt and the step that ends the attempt belong together: if only one of them were made, a run that has
//! succeeded could be run again, or one that has failed might not be tried again. There is no transaction for both, so the
//! step writes the record into the row, into the array `outcomes`. It is removed once it is in the collection of records.
//! If the process ends before that, others [record](record_outcomes) it.

use std::collections::HashMap;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenMark, OpenRun, RunRecord, Writes};
use apscheduler_core::run::RunId;
use apscheduler_plugin_kit::store::OpenSteps;
use mongodb::bson::{Bson, Document, doc};

use crate::commands::{self, MOST_STATEMENTS, Order};
use crate::connection::Connection;
use crate::finding::{Search, find};
use crate::open_runs::{ENDED, add, document, execute, id, marked, run_of, texts};
use crate::runs;

/// Steps that have been carried out, whose outcomes are still in their rows.
#[derive(Default)]
pub(crate) struct Outcomes {
    rows: Vec<Bson>,
    /// The `_id`s of the records.
    records: Vec<Document>,
    /// Those of the rows that have ended.
    ended: Vec<Bson>,
}

/// A change of a row, and the bytes of its texts.
struct Change {
    statement: Document,
    texts: usize,
}

impl Change {
    fn new(row: Document, mut change: Document, outcome: Option<&RunRecord>) -> Self {
        if let Some(record) = outcome {
            change.insert("$push", doc! {"outcomes": runs::document(record)});
        }
        let texts = outcome.map_or(0, runs::texts);
        Self { statement: doc! {"q": row, "u": change}, texts }
    }

    /// What a row with this mark becomes.
    fn to(from: &OpenMark, run: &OpenRun, outcome: Option<&RunRecord>) -> Self {
        let mut row = document(run);
        row.remove("_id");
        let mut removed = doc! {"claiming": ""};
        if run.due.is_none() {
            removed.insert("due", "");
        }
        let change = doc! {"$set": row, "$unset": removed};
        let mut change = Self::new(marked(run.run_id, from), change, outcome);
        change.texts += texts(run);
        change
    }

    /// The end of a row with this mark.
    fn end(run: RunId, from: &OpenMark, outcome: &RunRecord) -> Self {
        let change =
            doc! {"$set": {"state": ENDED}, "$unset": {"claiming": "", "due": "", "data": ""}};
        Self::new(marked(run, from), change, Some(outcome))
    }
}

/// Carries out steps. One whose row is not as it expects does nothing.
pub(crate) fn carry_out(connection: &Connection, writes: &Writes<'_>) -> Result<Outcomes> {
    if writes.steps.is_empty() {
        return Ok(Outcomes::default());
    }
    let records = writes.records.iter().map(|record| ((record.run_id, record.attempt), record));
    let records: HashMap<(RunId, u32), &RunRecord> = records.collect();
    let mut outcomes = Outcomes::default();
    for OpenSteps { added, changed, ended, .. } in OpenSteps::rounds(writes.steps) {
        let (mut changes, mut removed) = (Vec::new(), Vec::new());
        for (from, run) in changed {
            let outcome = records.get(&(run.run_id, from.attempt)).copied();
            outcomes.extend(outcome);
            changes.push(Change::to(&from, run, outcome));
        }
        for (run, from) in ended {
            let Some(outcome) = records.get(&(run, from.attempt)).copied() else {
                removed.push(doc! {"q": marked(run, &from), "limit": 1});
                continue;
            };
            outcomes.extend([outcome]);
            outcomes.ended.push(id(run));
            changes.push(Change::end(run, &from, outcome));
        }
        add(connection, &added, false)?;
        let mut rest = &changes[..];
        while !rest.is_empty() {
            let (chunk, others) = commands::split(rest, |change| change.texts);
            rest = others;
            let statements = chunk.iter().map(|change| change.statement.clone()).collect();
            execute(connection, commands::update(&connection.open_runs, statements, Order::Any))?;
        }
        for chunk in removed.chunks(MOST_STATEMENTS) {
            execute(connection, commands::delete(&connection.open_runs, chunk.to_vec()))?;
        }
    }
    Ok(outcomes)
}

impl Outcomes {
    fn extend<'a>(&mut self, records: impl IntoIterator<Item = &'a RunRecord>) {
        for record in records {
            self.rows.push(id(record.run_id));
            self.records.push(runs::key(record.run_id, record.attempt));
        }
    }

    /// Removes the outcomes from their rows after they have been recorded, and the rows that have ended.
    pub(crate) fn remove(self, connection: &Connection) -> Result<()> {
        let Self { rows: ids, records, ended } = self;
        if ids.is_empty() && ended.is_empty() {
            return Ok(());
        }
        // One with another outcome is removed together with that.
        let others = doc! {"$elemMatch": {"_id": {"$nin": &records}}};
        let ended = doc! {
            "_id": {"$in": ended}, "state": ENDED, "outcomes": {"$not": others},
        };
        let recorded = doc! {"$pull": {"outcomes": {"_id": {"$in": records}}}};
        let rows = connection.open_runs.clone();
        connection.run(async move {
            rows.delete_many(ended).await?;
            rows.update_many(doc! {"_id": {"$in": ids}}, recorded).await.map(drop)
        })
    }
}

/// Records the outcomes that are still in rows, because the processes that wrote them are not done, or have ended.
pub(crate) fn record_outcomes(connection: &Connection) -> Result<()> {
    // Rows that have ended have no outcome if two processes have recorded theirs at the same time.
    let search = Search {
        filter: doc! {"$or": [{"outcomes._id": {"$exists": true}}, {"state": ENDED}]},
        limit: MOST_STATEMENTS,
        fields: doc! {"outcomes": 1},
        ..Search::default()
    };
    let found = find(connection, &connection.open_runs, search)?;
    let records = found.iter().filter_map(|row| row.get_array("outcomes").ok()).flatten();
    let records: Vec<RunRecord> =
        records.filter_map(|record| runs::read(record.as_document()?)).collect();
    let existing = runs::insert(connection, &records)?;
    runs::note_late(connection, existing)?;
    let mut outcomes = Outcomes::default();
    outcomes.extend(&records);
    outcomes.ended = found.iter().filter_map(run_of).map(id).collect();
    outcomes.remove(connection)
}
