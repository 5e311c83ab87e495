#![doc = include_str!("../README.md")]

pub mod executor;
#[cfg(all(unix, feature = "process-tree"))]
pub mod process_tree;
pub mod store;
