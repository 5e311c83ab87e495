//! The engine of apscheduler: schedulers, and what binds triggers, job stores, executors and event loops.
//!
//! Programs use the facade crate `apscheduler`, which adds the plugins. Crates for event loops depend on this one; those
//! for stores, executors, functions and triggers on `apscheduler-core` alone. Start reading at [`Scheduler`].

mod engine;
pub mod job;
mod plugins;
pub mod schedulers;

pub use engine::{
    BlockingCall, Call, EventLoop, EventStream, JobContextExt, ListenerId, LoopDriver,
    ReadOnlyJobStore, Scheduler, SchedulerState,
};
pub use plugins::{LinkedPlugins, PLUGINS};
