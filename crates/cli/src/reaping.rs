//! Reaping children that this process inherits: as the first process of a container, or as a subreaper.
//!
//! A process whose parent has ended goes to such a process, and stays a zombie until that reaps it. A child that a thread of
//! ours has started must be left to that thread, which wants its exit status, and whose signals must not reach a process
//! that got the same id later.
//!
//! Linux knows which is which. A child belongs to the thread that has started it; an inherited one is given to the main
//! thread (to the first thread of the process that lives). So the main thread, which starts no children, may reap those
//! that are its own, and `__WNOTHREAD` has it look at no others. There is no race: nothing is looked up first.
//!
//! A thread that ends before its children passes them on to the main thread. Those that run jobs do not: whoever starts a
//! process waits for it in the same thread.

/// Reaps all inherited children that have exited. For the main thread: elsewhere it does nothing.
#[cfg(target_os = "linux")]
pub(crate) fn reap_inherited() {
    use rustix::io::Errno;
    use rustix::process::{WaitOptions, getpid, wait};

    /// Of `linux/wait.h`: only children of the calling thread. It is the same on all architectures.
    const WNOTHREAD: u32 = 0x2000_0000;

    if rustix::thread::gettid() != getpid() {
        return;
    }
    let options = WaitOptions::NOHANG | WaitOptions::from_bits_retain(WNOTHREAD);
    loop {
        match wait(options) {
            Ok(Some((pid, _))) => {
                tracing::debug!(
                    "reaped the process {}, whose parent had ended",
                    pid.as_raw_nonzero()
                );
            }
            Err(Errno::INTR) => {}
            // All live, or there are none.
            Ok(None) | Err(_) => return,
        }
    }
}

/// Elsewhere no process inherits children but the one that the system was started with.
#[cfg(not(target_os = "linux"))]
pub(crate) fn reap_inherited() {}
