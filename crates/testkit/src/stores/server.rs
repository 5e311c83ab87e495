//! The server that a store is tested against.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Returns the URL of the server, from a variable that `cargo xtask test` sets. A missing server
/// fails the test, because a skipped test would look as if it had passed.
pub fn server_url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "no server to test with: run `cargo xtask test`, or set {variable} to the URL of one"
        )
    })
}

/// Returns a name for tables or keys that no other test uses on the server: letters, digits and
/// underscores.
pub fn new_name() -> String {
    /// Another run may have had the same process id, on a server that was not restarted.
    static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("test_{:016x}_{}", *RUN, NUMBER.fetch_add(1, Ordering::Relaxed))
}
