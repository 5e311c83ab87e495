//! A scheduler in a [GLib](glib) main loop: for GTK programs, and for daemons on GLib.
//!
//! ```
//! use apscheduler_core::Shutdown;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_testkit::TestPlugins;
//! use apscheduler_scheduler_glib::GlibScheduler;
//!
//! let main_loop = glib::MainLoop::new(None, false);
//! let scheduler: GlibScheduler<TestPlugins> = GlibScheduler::new();
//! scheduler.add_executor("default", "loop")?;
//! let end = main_loop.clone();
//! scheduler.add_job(JobBuilder::new(move || end.quit()))?;
//! scheduler.start()?;
//! main_loop.run();
//! scheduler.shutdown(Shutdown::Wait)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! `GlibScheduler::new()` runs in the default main context, which is that of GTK;
//! `GlibScheduler::builder_on(GlibLoop::on(&context)).build()?` in another one.
//!
//! # Where things run
//! | what | where |
//! |---|---|
//! | the search for due jobs in memory | the thread that runs the main context |
//! | stores that do I/O | threads of their own |
//! | jobs | the executor `threadpool`; with `add_executor("loop", "default")` the thread of the main context |
//! | listeners | the thread of the main context, in order |
//!
//! Start the scheduler in the thread of the main context, before the loop runs or in a callback of it. From elsewhere it
//! can be started too; listeners then hear of the start itself in the thread that starts.
//!
//! Turns are made at GLib's default priority. While more jobs of the executor `loop` wait than a turn has time for, the
//! next turn comes at the priority of idle callbacks, so that windows are drawn in between.
//!
//! The scheduler does not keep a main context alive. When the last reference to it goes, the scheduler is shut down,
//! with an error in the log, and further calls say so. A main context that lives and that nobody runs, such as the
//! default one after the end of the main loop, leaves the scheduler standing still.
//!
//! A call that may wait for a store holds up the loop if it is made there. `scheduler.call(|scheduler| ...)` makes it in a
//! thread of its own, and is a future that `MainContext::spawn_local` can await.
//!
//! GLib is a system library: Debian has it in `libglib2.0-dev`.

mod event_loop;
mod mailbox;
mod turns;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::GlibLoop;

/// A scheduler in a GLib main context.
pub type GlibScheduler<P = LinkedPlugins> = LoopScheduler<GlibLoop, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("glib")
    .aliases(&["gtk"])
    .summary("runs in a GLib main loop")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
