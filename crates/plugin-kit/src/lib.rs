//! Building blocks for plugins of apscheduler, for authors of job functions, executors and stores.
//!
//! - [`store`]: a pool of connections, claims whose outcome is unknown, and what stores on SQL share;
//! - [`executor`]: a queue of runs with its threads, timers, runs on async runtimes;
//! - [`process_tree`]: ends the programs that a run has started, with everything that those have started (Unix).

pub mod executor;
#[cfg(unix)]
pub mod process_tree;
pub mod store;
