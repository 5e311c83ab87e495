//! `and`, `or`: triggers made of triggers.

mod and;
mod or;
mod triggers;

pub use and::{AND_PLUGIN, AndTrigger};
pub use or::{OR_PLUGIN, OrTrigger};
