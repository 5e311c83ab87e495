//! The cases, by theme.

mod grid;
mod jitter;
mod leaps;
mod order;
mod storing;

use super::Case;

/// Returns all cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [order::CASES, grid::CASES, leaps::CASES, jitter::CASES, storing::CASES].into_iter().flatten()
}
