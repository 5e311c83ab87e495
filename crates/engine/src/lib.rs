#![doc = include_str!("../README.md")]

mod engine;
pub mod job;
mod plugins;
pub mod schedulers;

pub use engine::{
    BlockingCall, Call, EventLoop, EventStream, JobContextExt, ListenerId, LoopDriver,
    ReadOnlyJobStore, Scheduler, SchedulerState,
};
pub use plugins::{LinkedPlugins, PLUGINS};
