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
//! | `url` | where to, by `http:` or `https:` |
//! | `method` | `GET` by default, and `POST` where there is a body |
//! | `headers` | a table of names and texts |
//! | `body` | text as it is; anything else is sent as JSON, as `Content-Type: application/json` unless `headers` has one |
//! | `timeout` | seconds for the whole exchange, from the look-up of the name to the last byte; 30 by default |
//! | `expect` | the status, or a list of them, that count as success; by default all from 200 to 299 |
//! | `ca_file` | a file of root certificates (PEM); these alone are trusted |
//!
//! The function returns `{"status": 200, "body": TEXT}`, with at most 4096 characters of text. An answer is read to its
//! end, however long it is. Errors are:
//! - another status; the error carries the beginning of the answer as its trace;
//! - an answer that is not complete in time, or that breaks off;
//! - a run that is cancelled, by the `timeout` of the job or by a shutdown that does not wait. It ends at once.
//!
//! # Addresses
//! Characters that no URL may have are encoded: `https://bücher.example/a b` is `https://xn--bcher-kva.example/a%20b`.
//! User and password (`https://user:p%40ss@host/`) are percent-decoded and sent as `Authorization: Basic`; a header
//! `Authorization` takes precedence.
//!
//! Errors and the log show scheme, host, port and path, and never user, password, query, headers or body. Keep secrets out
//! of the path, or mind who reads the log.
//!
//! # Redirects
//! At most 10 are followed, except a status that `expect` lists. After 303, and after 301 and 302 for `POST`, the next
//! request is a `GET` without a body.
//!
//! What the job gives is meant for the origin of its `url`: scheme, host and port. Another origin gets none of its headers,
//! user and password, except `Accept`, `Accept-Encoding`, `Accept-Language` and `User-Agent`. A redirect that would
//! send the body to another origin is an error. `http://example.org` and `https://example.org` are two origins: write
//! the one that answers.
//!
//! # Certificates
//! `ca_file` comes first, then the environment variables `SSL_CERT_FILE` (a file) and `SSL_CERT_DIR` (directories), and
//! without them Mozilla's root certificates, which are built in. Files are read at each run.
//!
//! # Proxies
//! The first of `ALL_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY` that is set names the HTTP proxy of all requests, and `NO_PROXY`
//! the hosts that are reached without it.

mod address;
mod exchange;
mod headers;
mod options;
mod redirect;
mod run;
mod trust;

use apscheduler_core::function::{Function, JobContext};

use options::HttpOptions;

/// The job function, to be registered as `http`.
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
