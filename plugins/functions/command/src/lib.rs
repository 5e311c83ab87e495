#![doc = include_str!("../README.md")]

#[cfg(not(unix))]
#[path = "group_other.rs"]
mod group;
#[cfg(unix)]
#[path = "group_unix.rs"]
mod group;
mod limit;
mod options;
mod output;
mod privileges;
mod redirect;
mod run;
mod script;

use apscheduler_core::function::{Function, JobContext};

pub use group::stop_all;
use options::CommandOptions;

/// Returns the job function `command`, for a registry.
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
