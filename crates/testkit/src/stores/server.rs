//! The server that a store is tested against.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The URL of the server, from a variable that `cargo xtask test` sets. A server that is missing fails the test: one that
/// did nothing would look as if it had passed.
pub fn server_url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "no server to test with: run `cargo xtask test`, or set {variable} to the URL of one"
        )
    })
}

/// A name for tables or keys of a test that nobody else uses on the server: letters, digits and underscores.
pub fn new_name() -> String {
    /// Another run may have had the same process id, on a server that stays.
    static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("test_{:016x}_{}", *RUN, NUMBER.fetch_add(1, Ordering::Relaxed))
}
