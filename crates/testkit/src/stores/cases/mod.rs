//! The cases, by theme.

pub(super) mod actions;
mod adding;
mod batches;
mod broken_data;
mod claiming;
mod contention;
mod cutting_short;
mod durability;
mod finding;
mod foreign;
mod listing;
mod meeting;
mod open_runs;
mod outages;
pub(super) mod processes;
mod reading;
mod recording;
mod removing;
mod replacing;
mod starting;
mod threads;
mod updating;
mod values;
mod watching;

use super::Case;

/// Returns every case, theme by theme.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        adding::CASES,
        finding::CASES,
        foreign::CASES,
        listing::CASES,
        updating::CASES,
        removing::CASES,
        claiming::CASES,
        batches::CASES,
        values::CASES,
        broken_data::CASES,
        threads::CASES,
        contention::CASES,
        meeting::CASES,
        processes::CASES,
        durability::CASES,
        starting::CASES,
        watching::CASES,
        outages::CASES,
        reading::CASES,
        replacing::CASES,
        cutting_short::CASES,
        open_runs::CASES,
        recording::CASES,
    ]
    .into_iter()
    .flatten()
}
