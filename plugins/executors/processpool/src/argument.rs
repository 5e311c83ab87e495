//! The argument that makes the program a worker.

/// The only argument of a worker.
///
/// An environment variable would be inherited by every program that a job starts, and the same program among them would
/// take itself for a worker. An argument is not inherited, and a program that reads its arguments before it calls the hook
/// fails instead of doing its work twice.
pub(crate) const ARGUMENT: &str = "--apscheduler-worker";

/// Returns whether this process was started as a worker.
pub(crate) fn is_worker() -> bool {
    cfg!(unix) && std::env::args_os().skip(1).eq([ARGUMENT])
}
