//! The cases, by theme.

mod ends;
mod foreign;
mod instances;
mod lateness;
mod load;
mod outcomes;
mod refusals;
mod shutdown;
mod soak;
mod values;
mod within;

use super::Case;

/// Returns all cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        outcomes::CASES,
        values::CASES,
        instances::CASES,
        lateness::CASES,
        load::CASES,
        refusals::CASES,
        shutdown::CASES,
        within::CASES,
        ends::CASES,
        foreign::CASES,
        soak::CASES,
    ]
    .into_iter()
    .flatten()
}
