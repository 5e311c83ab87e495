//! The indexes of each table. A document whose function returns null, or fails, is not in the index.

use crate::client::Term;
use crate::connection::Table;
use crate::names::{
    CLAIMING, DUE, ENDED, FINISHED, JOB, OPEN_BATCH, OPEN_OWNER, OPEN_RUNS, OWNER, PAUSED, STATE,
    UNRECORDED,
};

/// An index.
pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) function: Term,
    /// Whether the function returns an array with a value for each entry.
    pub(crate) is_multi: bool,
}

/// Returns the indexes of a table.
pub(crate) fn of(table: Table) -> Vec<Index> {
    let one = |name, function: fn(Term) -> Term| Index {
        name,
        function: Term::function(function),
        is_multi: false,
    };
    let of_entries = |name, field: fn(Term) -> Term| Index {
        name,
        function: Term::function(|row| field(row.field("open")).distinct()),
        is_multi: true,
    };
    match table {
        Table::Jobs => vec![
            one(DUE, |row| {
                let place = row.clone().field("next_run_time").append(id_of(&row));
                is_timed(&row).branch(place, ())
            }),
            one(PAUSED, |row| {
                let is_hidden = row.clone().has_field("finished");
                let is_paused = is_job(&row).and(is_hidden.or(is_timed(&row)).not());
                is_paused.branch(id_of(&row), ())
            }),
            one(FINISHED, |row| row.field("finished")),
            of_entries(OPEN_BATCH, |open| open.map(Term::function(|entry| entry.field("batch")))),
            of_entries(OPEN_OWNER, |open| open.map(Term::function(|entry| entry.field("owner")))),
            of_entries(OPEN_RUNS, |open| {
                open.concat_map(Term::function(|entry| entry.field("runs")))
            }),
        ],
        Table::Runs => {
            vec![one(JOB, |row| with_id(&row, "job")), one(STATE, |row| with_id(&row, "state"))]
        }
        Table::Owners => Vec::new(),
        Table::OpenRuns => vec![
            one(DUE, |row| {
                let is_waiting = row.clone().field("state").eq("waiting");
                let place = row.clone().field("due").append(row.field("id"));
                is_waiting.branch(place, ())
            }),
            one(JOB, |row| with_id(&row, "job")),
            one(OWNER, |row| with_id(&row, "owner")),
            one(STATE, |row| with_id(&row, "state")),
            one(CLAIMING, |row| row.field("claiming").branch(true, ())),
            one(UNRECORDED, |row| {
                let is_ended = row.clone().field("state").eq(ENDED);
                is_ended.or(row.has_field("outcomes")).branch(true, ())
            }),
        ],
    }
}

fn with_id(row: &Term, field: &str) -> Term {
    Term::array([row.clone().field(field), row.clone().field("id")])
}

/// The id of a job.
fn id_of(row: &Term) -> Term {
    row.clone().field("job").default(row.clone().field("id"))
}

/// Whether a document is a job, as far as its key tells.
fn is_job(row: &Term) -> Term {
    row.clone().field("id").type_of().eq("STRING")
}

/// Whether a document is a job with a run time: a pair of whole numbers, the second of them microseconds. Any other has been
/// broken manually, and counts as paused.
fn is_timed(row: &Term) -> Term {
    let time = || row.clone().field("next_run_time");
    let is_whole = |part: i64| {
        let part = || time().field(part);
        part().type_of().eq("NUMBER").and(part().floor().eq(part()))
    };
    let is_pair = time().default(()).type_of().eq("ARRAY").and(time().count().eq(2_i64));
    let in_range = time().field(1_i64).ge(0_i64).and(time().field(1_i64).lt(1_000_000_i64));
    is_job(row).and(is_pair).and(is_whole(0)).and(is_whole(1)).and(in_range)
}
