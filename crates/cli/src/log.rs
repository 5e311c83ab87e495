//! The log: to standard error, as `RUST_LOG` says.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::complain;

/// Starts the log; `default` is the level where `RUST_LOG` says nothing.
pub(crate) fn start(default: &str) {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(&text).unwrap_or_else(|error| {
            complain(&format!("warning: RUST_LOG: {error}; using `{default}`"));
            EnvFilter::new(default)
        }),
        _ => EnvFilter::new(default),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // It would complain about a closed standard error to standard error, and panic.
        .log_internal_errors(false)
        .init();
}
