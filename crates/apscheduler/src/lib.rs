#![doc = include_str!("../README.md")]
// On docs.rs, items show the feature that they need.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod builtin;
#[cfg(feature = "config-file")]
pub mod file;
#[cfg(feature = "executor-processpool")]
mod worker;

#[doc(hidden)]
pub use apscheduler_core::__private;
pub use apscheduler_core::{
    Error, ErrorKind, Extensions, OnRemove, Result, Shutdown, config, event, executor, function,
    ledger, options, printable, registry, run, store, submit_plugin, suggestion, time, trigger,
};
pub use apscheduler_engine::{
    Backfill, BackfillRun, Backfilled, BlockingCall, Call, Cancelling, EventLoop, EventStream,
    JobContextExt, ListenerId, LoopDriver, Reprocess, Scheduler, SchedulerState, schedulers, why,
};
pub use apscheduler_executor_debug as executor_debug;
pub use apscheduler_executor_loop as executor_loop;
#[cfg(feature = "executor-may")]
pub use apscheduler_executor_may as executor_may;
#[cfg(feature = "executor-processpool")]
pub use apscheduler_executor_processpool as executor_processpool;
#[cfg(feature = "executor-smol")]
pub use apscheduler_executor_smol as executor_smol;
#[cfg(feature = "executor-threadpool")]
pub use apscheduler_executor_threadpool as executor_threadpool;
#[cfg(feature = "executor-tokio")]
pub use apscheduler_executor_tokio as executor_tokio;
#[cfg(feature = "function-command")]
pub use apscheduler_function_command as function_command;
#[cfg(feature = "function-http")]
pub use apscheduler_function_http as function_http;
#[cfg(feature = "function-log")]
pub use apscheduler_function_log as function_log;
#[cfg(feature = "interface-http")]
pub use apscheduler_interface_http as interface_http;
#[cfg(feature = "macros")]
pub use apscheduler_macros::{job, scheduled_job};
#[cfg(feature = "scheduler-calloop")]
pub use apscheduler_scheduler_calloop as scheduler_calloop;
#[cfg(feature = "scheduler-glib")]
pub use apscheduler_scheduler_glib as scheduler_glib;
#[cfg(feature = "scheduler-may")]
pub use apscheduler_scheduler_may as scheduler_may;
#[cfg(feature = "scheduler-qt")]
pub use apscheduler_scheduler_qt as scheduler_qt;
#[cfg(feature = "scheduler-smol")]
pub use apscheduler_scheduler_smol as scheduler_smol;
#[cfg(feature = "scheduler-tokio")]
pub use apscheduler_scheduler_tokio as scheduler_tokio;
#[cfg(feature = "store-etcd")]
pub use apscheduler_store_etcd as store_etcd;
pub use apscheduler_store_memory as store_memory;
#[cfg(feature = "store-mongodb")]
pub use apscheduler_store_mongodb as store_mongodb;
#[cfg(feature = "store-mysql")]
pub use apscheduler_store_mysql as store_mysql;
#[cfg(feature = "store-postgres")]
pub use apscheduler_store_postgres as store_postgres;
#[cfg(feature = "store-redis")]
pub use apscheduler_store_redis as store_redis;
#[cfg(feature = "store-rethinkdb")]
pub use apscheduler_store_rethinkdb as store_rethinkdb;
#[cfg(feature = "store-sqlite")]
pub use apscheduler_store_sqlite as store_sqlite;
#[cfg(feature = "store-zookeeper")]
pub use apscheduler_store_zookeeper as store_zookeeper;
pub use apscheduler_triggers as triggers;
#[cfg(feature = "executor-processpool")]
pub use worker::{init_worker, init_worker_with};

use builtin::BuiltIn;

/// Job definitions and handles to stored jobs.
pub mod job {
    pub use apscheduler_core::job::*;
    pub use apscheduler_engine::job::*;
}

/// A scheduler in a thread of its own, with the built-in plugins.
pub type BackgroundScheduler = apscheduler_engine::schedulers::BackgroundScheduler<BuiltIn>;

/// A scheduler in the thread that starts it, with the built-in plugins.
pub type BlockingScheduler = apscheduler_engine::schedulers::BlockingScheduler<BuiltIn>;

/// A scheduler in a calloop event loop, with the built-in plugins.
#[cfg(feature = "scheduler-calloop")]
pub type CalloopScheduler = apscheduler_scheduler_calloop::CalloopScheduler<BuiltIn>;

/// A scheduler in a GLib main loop, with the built-in plugins.
#[cfg(feature = "scheduler-glib")]
pub type GlibScheduler = apscheduler_scheduler_glib::GlibScheduler<BuiltIn>;

/// A scheduler that runs as a coroutine of may, with the built-in plugins.
#[cfg(feature = "scheduler-may")]
pub type MayScheduler = apscheduler_scheduler_may::MayScheduler<BuiltIn>;

/// A scheduler in the event loop of a Qt application, with the built-in plugins.
#[cfg(feature = "scheduler-qt")]
pub type QtScheduler = apscheduler_scheduler_qt::QtScheduler<BuiltIn>;

/// A scheduler on smol, with the built-in plugins.
#[cfg(feature = "scheduler-smol")]
pub type SmolScheduler = apscheduler_scheduler_smol::SmolScheduler<BuiltIn>;

/// A scheduler on a tokio runtime, with the built-in plugins.
#[cfg(feature = "scheduler-tokio")]
pub type TokioScheduler = apscheduler_scheduler_tokio::TokioScheduler<BuiltIn>;

/// The names that most programs need.
pub mod prelude {
    #[cfg(feature = "scheduler-calloop")]
    pub use crate::CalloopScheduler;
    #[cfg(feature = "scheduler-glib")]
    pub use crate::GlibScheduler;
    #[cfg(feature = "scheduler-may")]
    pub use crate::MayScheduler;
    #[cfg(feature = "scheduler-qt")]
    pub use crate::QtScheduler;
    #[cfg(feature = "scheduler-smol")]
    pub use crate::SmolScheduler;
    #[cfg(feature = "scheduler-tokio")]
    pub use crate::TokioScheduler;
    pub use crate::config::Config;
    pub use crate::event::{Event, EventMask};
    pub use crate::executor_debug::DebugExecutor;
    #[cfg(feature = "executor-may")]
    pub use crate::executor_may::MayExecutor;
    #[cfg(feature = "executor-processpool")]
    pub use crate::executor_processpool::ProcessPoolExecutor;
    #[cfg(feature = "executor-smol")]
    pub use crate::executor_smol::SmolExecutor;
    #[cfg(feature = "executor-threadpool")]
    pub use crate::executor_threadpool::ThreadPoolExecutor;
    #[cfg(feature = "executor-tokio")]
    pub use crate::executor_tokio::TokioExecutor;
    pub use crate::function::JobContext;
    pub use crate::job::{Job, JobBuilder, JobChanges, JobDefaults, JobKey};
    pub use crate::registry::ComponentConfig;
    #[cfg(feature = "store-etcd")]
    pub use crate::store_etcd::EtcdJobStore;
    pub use crate::store_memory::MemoryJobStore;
    #[cfg(feature = "store-mongodb")]
    pub use crate::store_mongodb::MongoDbJobStore;
    #[cfg(feature = "store-mysql")]
    pub use crate::store_mysql::MySqlJobStore;
    #[cfg(feature = "store-postgres")]
    pub use crate::store_postgres::PostgresJobStore;
    #[cfg(feature = "store-redis")]
    pub use crate::store_redis::RedisJobStore;
    #[cfg(feature = "store-rethinkdb")]
    pub use crate::store_rethinkdb::RethinkDbJobStore;
    #[cfg(feature = "store-sqlite")]
    pub use crate::store_sqlite::SqliteJobStore;
    #[cfg(feature = "store-zookeeper")]
    pub use crate::store_zookeeper::ZooKeeperJobStore;
    pub use crate::time::{Timestamp, Zone};
    pub use crate::trigger::TriggerConfig;
    pub use crate::triggers::{
        AfterTrigger, AndTrigger, CalendarIntervalTrigger, CronTrigger, DateTrigger,
        IntervalTrigger, OrTrigger,
    };
    pub use crate::{
        BackgroundScheduler, BlockingScheduler, Error, ErrorKind, JobContextExt, OnRemove, Result,
        Scheduler, SchedulerState, Shutdown,
    };
    #[cfg(feature = "macros")]
    pub use apscheduler_macros::{job, scheduled_job};
}
