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
//! | `timeout` | seconds after which the program is ended |
//! | `kill_after` | seconds between TERM and KILL when it is ended; 5 by default |
//! | `max_lines` | how many lines of output one run may log; 10,000 by default, `none` for no limit |
//! | `max_lines_per_second` | how many lines it may log in one second; 1,000 by default, `none` for no limit |
//!
//! # How a program is ended
//! A run is ended by its `timeout`, by the `timeout` of the job, and by a shutdown that does not wait, on every executor.
//! The program and everything that it has started get TERM, and KILL after `kill_after` if they are still there. The run
//! ends when none of them is left, and is an error, whatever the exit status. On Linux processes that have left the
//! process group (`setsid`, daemons) are found too, by the environment variable `APSCHEDULER_PROCESS_TREE`; elsewhere the
//! signals go to the process group of the program.
//!
//! If the scheduler's process is killed, a small process (`/bin/sh`) ends its programs in the same way. If a worker
//! process of a pool is killed, the pool does.
//!
//! A program that exits by itself may leave processes behind; they are left alone.
//!
//! Ctrl-C at the terminal of the scheduler does not reach the program: a scheduler that drains lets it end.
//!
//! # Output and environment
//! Standard input is empty. What the program prints goes into the log line by line, under the target
//! `apscheduler::command` with the job's id. Beyond `max_lines` and `max_lines_per_second` lines are left out, and the
//! log says how many; lines count once for each KiB. The program never waits for the log. It finds `APSCHEDULER_JOB_ID`, `APSCHEDULER_JOB_NAME`,
//! `APSCHEDULER_JOBSTORE` and `APSCHEDULER_SCHEDULED_RUN_TIME` (ISO 8601, UTC) in its environment.
//!
//! An exit status other than 0 is an error, which carries the end of standard error. Otherwise the function returns
//! `{"status": 0, "duration": SECONDS}`.

#[cfg(not(unix))]
#[path = "group_other.rs"]
mod group;
#[cfg(unix)]
#[path = "group_unix.rs"]
mod group;
mod limit;
mod options;
mod output;
mod run;
mod script;

use apscheduler_core::function::{Function, JobContext};

pub use group::stop_all;
use options::CommandOptions;

/// The job function, to be registered as `command`.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::Registry;
///
/// let registry = Registry::empty();
/// registry.add_function(apscheduler_function_command::function())?;
/// assert!(registry.has_function("command"));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn function() -> Function {
    Function::with_kwargs("command", |context: &JobContext, options: CommandOptions| {
        run::run(&run::RunLabels::of(context), &options, context.cancellation())
    })
}
