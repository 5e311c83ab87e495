//! A scheduler in a [calloop] event loop: for Wayland clients and compositors, and for daemons with a callback reactor.
//!
//! ```
//! use apscheduler_core::Shutdown;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_testkit::TestPlugins;
//! use apscheduler_scheduler_calloop::{CalloopLoop, CalloopScheduler};
//! use calloop::EventLoop;
//!
//! let mut event_loop: EventLoop<'_, ()> = EventLoop::try_new()?;
//! let scheduler: CalloopScheduler<TestPlugins> = CalloopScheduler::builder_on(CalloopLoop::insert_into(&event_loop.handle())?).build()?;
//! scheduler.add_executor("default", "loop")?;
//! let signal = event_loop.get_signal();
//! scheduler.add_job(JobBuilder::new(move || signal.stop()))?;
//! scheduler.start()?;
//! event_loop.run(None, &mut (), |_| ())?;
//! scheduler.shutdown(Shutdown::Wait)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things run
//! | what | where |
//! |---|---|
//! | the search for due jobs in memory | the thread of the loop |
//! | stores that do I/O | threads of their own |
//! | jobs | the executor `threadpool`; with `add_executor("loop", "default")` the thread of the loop |
//! | listeners | the thread of the loop, in order |
//!
//! Start the scheduler in the thread of the loop, before the loop runs or in a callback of it. From elsewhere it can be
//! started too; listeners then hear of the start itself in the thread that starts.
//!
//! The loop ends when its `EventLoop` and all of its `LoopHandle`s are dropped. The scheduler is then shut down, with an
//! error in the log, and further calls say so. While the `EventLoop` lives and nobody dispatches it, the scheduler stands
//! still.
//!
//! A call that may wait for a store holds up the loop if it is made there. `scheduler.call(|scheduler| ...)` makes it in a
//! thread of its own.

mod event_loop;
mod turns;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::CalloopLoop;

/// A scheduler in a calloop event loop: `CalloopScheduler::builder_on(CalloopLoop::insert_into(&handle)?).build()?`.
pub type CalloopScheduler<P = LinkedPlugins> = LoopScheduler<CalloopLoop, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("calloop")
    .aliases(&["twisted"])
    .classes(&["apscheduler.schedulers.twisted:TwistedScheduler"])
    .summary("runs in a calloop event loop")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
