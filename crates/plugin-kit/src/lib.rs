#![doc = include_str!("../README.md")]

pub mod executor;
#[cfg(unix)]
pub mod process_tree;
pub mod store;
