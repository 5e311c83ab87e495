//! The cases, by theme.

mod basics;
mod calls;
mod components;
mod foreign;
mod life;
mod listeners;
mod loss;
mod on_the_loop;
mod shutdown;
mod stores;
mod time;
mod waking;

use super::Case;

/// Returns all cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        basics::CASES,
        life::CASES,
        calls::CASES,
        components::CASES,
        foreign::CASES,
        waking::CASES,
        time::CASES,
        listeners::CASES,
        on_the_loop::CASES,
        stores::CASES,
        shutdown::CASES,
        loss::CASES,
    ]
    .into_iter()
    .flatten()
}
