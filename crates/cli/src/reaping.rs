//! Reaps orphaned processes that this process inherits as the first process of a container or as a subreaper.
//!
//! An orphan stays a zombie until its new parent reaps it. Children that our own threads started must be left to those
//! threads: they need the exit status, and must not signal a process that got the same id later.
//!
//! Linux tells the two apart. A child belongs to the thread that started it; an inherited child belongs to the main thread
//! (the first living thread of the process). The main thread starts no children, so with `__WNOTHREAD` it reaps only
//! inherited ones, without a race.
//!
//! A thread that ends before its children passes them to the main thread. Threads that run jobs never do: a thread waits
//! for every process that it starts.

/// Reaps all inherited children that have exited. Does nothing in other threads than the main one.
#[cfg(target_os = "linux")]
pub(crate) fn reap_inherited() {
    use rustix::io::Errno;
    use rustix::process::{WaitOptions, getpid, wait};

    /// From `linux/wait.h`: only children of the calling thread. The same on all architectures.
    const WNOTHREAD: u32 = 0x2000_0000;

    if rustix::thread::gettid() != getpid() {
        return;
    }
    let options = WaitOptions::NOHANG | WaitOptions::from_bits_retain(WNOTHREAD);
    loop {
        match wait(options) {
            Ok(Some((pid, _))) => {
                tracing::debug!("reaped orphaned process {}", pid.as_raw_nonzero());
            }
            Err(Errno::INTR) => {}
            // None has exited, or there are none.
            Ok(None) | Err(_) => return,
        }
    }
}

/// Other systems have no subreapers, and this program is not their init process.
#[cfg(not(target_os = "linux"))]
pub(crate) fn reap_inherited() {}
