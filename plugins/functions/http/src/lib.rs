//! The job function `http`: it makes a request.
//!
//! In a jobs file:
//! ```toml
//! [[jobs]]
//! id = "ping"
//! func = "http"
//! kwargs = { url = "https://example.org/health", expect = [200, 204], timeout = 10 }
//! trigger = { type = "interval", minutes = 1 }
//! ```
//!
//! | kwarg | |
//! |---|---|
//! | `url` | where to; `http:` or `https:`, the latter by rustls with Mozilla's roots |
//! | `method` | `GET` by default, and `POST` where there is a body |
//! | `headers` | a table of names and texts |
//! | `body` | text as it is; anything else is sent as JSON, with the header that says so |
//! | `timeout` | so many seconds for the whole exchange; 30 by default |
//! | `expect` | the status, or a list of them, that count as success; by default all from 200 to 299 |
//!
//! Another status is an error, which carries the beginning of the answer; so is an answer that does not come in time.
//! Otherwise the function returns `{"status": 200, "body": TEXT}`, with at most 4096 characters of text. Redirections are followed.
//! What a URL holds of a password is shown nowhere.

mod options;
mod request;

use apscheduler_core::function::{Function, JobContext};

use options::HttpOptions;

/// The job function, to be registered as `http`.
///
/// # Examples
/// ```
/// use apscheduler_core::registry::Registry;
///
/// let registry = Registry::with_core_plugins();
/// registry.register_made(apscheduler_function_http::function())?;
/// assert!(registry.has_function("http"));
/// # Ok::<(), apscheduler_core::Error>(())
/// ```
pub fn function() -> Function {
    Function::with_kwargs("http", |context: &JobContext, options: HttpOptions| {
        request::run(context.job_id(), &options)
    })
}
