#![doc = include_str!("../README.md")]

mod engine;
mod linked_plugins;
pub mod schedulers;

pub use engine::{
    Backfill, BackfillRun, Backfilled, BlockingCall, Call, Cancelling, EventLoop, EventStream,
    JobContextExt, ListenerId, LoopDriver, ReadOnlyJobStore, Reprocess, Scheduler, SchedulerState,
};
pub use linked_plugins::LinkedPlugins;
pub use schedulers::PLUGINS;

/// Handles to jobs.
pub mod job {
    pub use crate::engine::{Job, JobStatus, JobsPage, NextRunTime};
}

/// How the parts of a scheduler are doing.
pub mod health {
    pub use crate::engine::{StoreFailure, StoreHealth};
}

/// Why a job ran, or did not: the answer of [`Scheduler::why`].
pub mod why {
    pub use crate::engine::{Evidence, EvidenceKind, Verdict, Why};
}
