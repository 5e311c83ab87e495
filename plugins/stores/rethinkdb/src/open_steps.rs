//! Steps of open runs.
//!
//! The record of an attempt and the step that ends the attempt belong together: if only one of them were made, a run that has
//! succeeded could be run again, or one that has failed might not be tried again. There is no transaction for both, so the
//! step writes the record into the row, into the array `outcomes`. It is removed once it is in the table of records. If the
//! process ends before that, others [record](record_outcomes) it.

use std::collections::HashMap;

use apscheduler_core::Result;
use apscheduler_core::ledger::{OpenMark, OpenRun, RunRecord, Writes};
use apscheduler_core::run::RunId;
use apscheduler_plugin_kit::store::OpenSteps;
use serde_json::{Value, json};

use crate::client::{Term, datum};
use crate::connection::{Connection, Table};
use crate::document::hex;
use crate::names::{ENDED, UNRECORDED};
use crate::open_rows::{add, document, has_mark, id, texts};
use crate::runs;
use crate::writes::{self, LIMITS, compare_and_set, existing, with_keys};

/// Steps that have been carried out, whose outcomes are still in their rows.
#[derive(Default)]
pub(crate) struct Outcomes {
    rows: Vec<String>,
    /// The keys of the records.
    records: Vec<String>,
}

/// A change of a row, and the bytes of its texts.
struct Change {
    row: String,
    step: Value,
    texts: usize,
}

impl Change {
    fn new(run: RunId, from: &OpenMark, outcome: Option<&RunRecord>) -> Self {
        let mut step = json!({
            "attempt": from.attempt,
            "state": from.state.name(),
            "owner": hex(from.owner.as_u128()),
        });
        if let Some(record) = outcome {
            step["outcome"] = runs::document(record);
        }
        Self { row: id(run), step, texts: outcome.map_or(0, runs::texts) }
    }

    /// What a row with this mark becomes.
    fn to(from: &OpenMark, run: &OpenRun, outcome: Option<&RunRecord>) -> Self {
        let mut change = Self::new(run.run_id, from, outcome);
        change.step["to"] = Value::Object(document(run));
        change.texts += texts(run);
        change
    }
}

/// Returns what a step makes of a row.
fn stepped(row: &Term, step: &Term) -> Term {
    let outcomes = row.clone().field("outcomes").default(Term::array([]));
    let outcomes = outcomes.append(step.clone().field("outcome"));
    let outcomes = step
        .clone()
        .has_field("outcome")
        .branch(Term::object([("outcomes", outcomes)]), Term::object([]));
    let sure = row.clone().without("claiming").without("due");
    let ended = sure.clone().without("data").merge(Term::object([("state", ENDED.into())]));
    let ended = step.clone().has_field("outcome").branch(ended.merge(outcomes.clone()), ());
    let changed = sure.merge(step.clone().field("to")).merge(outcomes);
    let after = step.clone().has_field("to").branch(changed, ended);
    has_mark(row, step).branch(after, row.clone())
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
        let mut changes = Vec::new();
        for (from, run) in changed {
            let outcome = records.get(&(run.run_id, from.attempt)).copied();
            outcomes.extend(outcome);
            changes.push(Change::to(&from, run, outcome));
        }
        for (run, from) in ended {
            let outcome = records.get(&(run, from.attempt)).copied();
            outcomes.extend(outcome);
            changes.push(Change::new(run, &from, outcome));
        }
        add(connection, &added, false)?;
        for chunk in LIMITS.split(&changes, |change| change.texts) {
            let chunk = chunk.iter().map(|change| (change.row.clone(), change.step.clone()));
            let done = compare_and_set(connection, Table::OpenRuns, chunk.collect(), stepped)?;
            done.check(connection)?;
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
        for (rows, records) in self.rows.chunks(LIMITS.items).zip(self.records.chunks(LIMITS.items))
        {
            let query = datum(json!(records)).call(Term::function(|records| {
                let function = existing(|row| without_recorded(&row, &records));
                let rows = with_keys(connection.table(Table::OpenRuns), rows);
                rows.replace(function).with("durability", "hard")
            }));
            writes::run(connection, &query)?;
        }
        Ok(())
    }
}

/// Returns what a row becomes when these records are in their table.
fn without_recorded(row: &Term, records: &Term) -> Term {
    let is_left = Term::function(|outcome| records.clone().contains(outcome.field("id")).not());
    let left = row.clone().field("outcomes").default(Term::array([])).filter(is_left);
    left.call(Term::function(|left| {
        let has_ended = row.clone().field("state").eq(ENDED);
        let without = has_ended.branch((), row.clone().without("outcomes"));
        let with = row.clone().merge(Term::object([("outcomes", left.clone())]));
        left.is_empty().branch(without, with)
    }))
}

/// Records the outcomes that are still in rows, because the processes that wrote them are not done, or have ended.
pub(crate) fn record_outcomes(connection: &Connection) -> Result<()> {
    let rows = connection.committed(Table::OpenRuns).get_all([true.into()]);
    let rows = rows.with("index", UNRECORDED).limit(LIMITS.items).pluck(["id", "outcomes"]);
    let found = connection.rows(&rows)?;
    let outcomes_of = |row: &Value| -> Vec<RunRecord> {
        let outcomes = row.get("outcomes").and_then(Value::as_array);
        outcomes.into_iter().flatten().filter_map(runs::read).collect()
    };
    let records: Vec<RunRecord> = found.iter().flat_map(outcomes_of).collect();
    runs::insert(connection, &records)?;
    // Rows that have ended have no outcome if two processes have recorded theirs at the same time.
    let bare = found.iter().filter(|row| row.get("outcomes").is_none());
    let bare = bare.filter_map(|row| row.get("id")?.as_str().map(str::to_owned));
    let mut outcomes = Outcomes::default();
    outcomes.extend(&records);
    for row in bare {
        outcomes.rows.push(row);
        outcomes.records.push(String::new());
    }
    outcomes.remove(connection)
}
