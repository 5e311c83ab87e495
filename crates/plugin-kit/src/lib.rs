//! Building blocks for plugins of apscheduler, for authors of job functions, executors and stores.
//!
//! [`process_tree`] ends the programs that a run has started, with everything that those have started (Unix).

#[cfg(unix)]
pub mod process_tree;
