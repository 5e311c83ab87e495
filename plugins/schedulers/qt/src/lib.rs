//! A scheduler in the event loop of a [Qt](https://www.qt.io) 6 application: a `QApplication`, a `QGuiApplication`, or a
//! `QCoreApplication`.
//!
//! The application is made and run by whichever binding to Qt the program uses, or by C++ of its own:
//! ```no_run
//! use apscheduler_core::Shutdown;
//! use apscheduler_core::job::JobBuilder;
//! use apscheduler_scheduler_qt::QtScheduler;
//!
//! # fn make_application() {}
//! # fn run_application() {}
//! make_application();
//! let scheduler: QtScheduler = QtScheduler::new();
//! scheduler.add_executor("default", "loop")?;
//! scheduler.add_job(JobBuilder::new(|| println!("in the thread of the windows")))?;
//! scheduler.start()?;
//! run_application();
//! scheduler.shutdown(Shutdown::Wait)?;
//! # Ok::<(), apscheduler_core::Error>(())
//! ```
//!
//! # Where things run
//! | what | where |
//! |---|---|
//! | the search for due jobs in memory | the thread of the application |
//! | stores that do I/O | threads of their own |
//! | jobs | the executor `threadpool`; with `add_executor("loop", "default")` the thread of the application |
//! | listeners | the thread of the application, in order |
//!
//! Make the scheduler where you like, and start it in the thread of the application, when there is one: before it is run, or
//! later. `start` waits for stores to connect. Everything else may be called from any thread.
//!
//! A job or a listener in the thread of the application may open a dialog that runs the event loop. Other jobs go on
//! meanwhile.
//!
//! When the application object is destroyed, the scheduler is shut down, with an error in the log, and further calls say
//! so. While the object lives and its event loop is not run, as after the end of `exec`, the scheduler stands still.
//!
//! A call that may wait for a store holds up the windows if it is made in their thread. `scheduler.call(|scheduler| ...)`
//! makes it in a thread of its own.
//!
//! # What it needs
//! Qt 6.2 or later with its headers, a C++ compiler, and pkg-config: `qt6-base-dev`, `g++` and `pkg-config` on Debian. Of Qt
//! it links `Qt6Core` alone.

mod event_loop;
mod turns;

use apscheduler_core::registry::Plugin;
use apscheduler_engine::LinkedPlugins;
use apscheduler_engine::schedulers::LoopScheduler;

pub use event_loop::QtLoop;

/// A scheduler in the event loop of the Qt application.
pub type QtScheduler<P = LinkedPlugins> = LoopScheduler<QtLoop, P>;

/// The descriptor of this plugin.
pub static PLUGIN: Plugin = Plugin::scheduler("qt")
    .classes(&["apscheduler.schedulers.qt:QtScheduler"])
    .summary("runs in the event loop of a Qt application")
    .source(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
