//! The job function `command`: it runs a program.
//!
//! In a jobs file:
//! ```toml
//! [[jobs]]
//! id = "backup"
//! func = "command"
//! kwargs = { argv = ["rsync", "-a", "data/", "backup/"], timeout = 600 }
//! trigger = { type = "cron", hour = 3 }
//! ```
//!
//! | kwarg | |
//! |---|---|
//! | `argv` | the program and its arguments, as a list of text: no shell looks at them |
//! | `shell` | text for the shell instead: `/bin/sh -c`, on Windows `cmd /C` |
//! | `cwd` | the directory to run in; by default that of the scheduler |
//! | `env` | a table of variables, added to the environment of the scheduler |
//! | `timeout` | so many seconds after the start the program gets TERM |
//! | `kill_after` | so many seconds after TERM it gets KILL; 5 by default |
//!
//! The program runs in a process group of its own, and the signals go to the whole group, so that they reach what the
//! program started. Ctrl-C at the terminal of the scheduler does not reach it: a scheduler that drains lets it end.
//!
//! Standard input is empty. What the program prints goes into the log line by line, under the target
//! `apscheduler::command` with the job's id. It finds `APSCHEDULER_JOB_ID`, `APSCHEDULER_JOB_NAME`,
//! `APSCHEDULER_JOBSTORE` and `APSCHEDULER_SCHEDULED_RUN_TIME` (ISO 8601, UTC) in its environment.
//!
//! An exit status other than 0 is an error, which carries the end of standard error. Otherwise the function returns
//! `{"status": 0, "duration": SECONDS}`.

mod group;
mod options;
mod output;
mod run;

use apscheduler_core::function::{Function, JobContext};

pub use group::stop_all;
use options::CommandOptions;

/// The job function, to be registered as `command`.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::Registry;
///
/// let registry = Registry::with_core_plugins();
/// registry.register_made(apscheduler_function_command::function())?;
/// assert!(registry.has_function("command"));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn function() -> Function {
    Function::with_kwargs("command", |context: &JobContext, options: CommandOptions| {
        run::run(&run::RunLabels::of(context), &options)
    })
}
