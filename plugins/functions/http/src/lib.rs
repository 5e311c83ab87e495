#![doc = include_str!("../README.md")]

mod address;
mod exchange;
mod headers;
mod options;
mod redirect;
mod run;
mod trust;

use apscheduler_core::function::{Function, JobContext};

use options::HttpOptions;

/// Returns the job function `http`, for a registry.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::Registry;
///
/// let registry = Registry::empty();
/// registry.add_function(apscheduler_function_http::function())?;
/// assert!(registry.has_function("http"));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn function() -> Function {
    Function::with_kwargs("http", |context: &JobContext, options: HttpOptions| {
        run::run(context, options)
    })
}
