//! Waiting for whatever comes first.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Pid;

/// What came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woke {
    /// The socket can be read or written, or has come to its end.
    Socket,
    /// The process has exited, and there is nothing to be read.
    Exited,
    /// The pool is shut down.
    Stopped,
    /// The time is up.
    Deadline,
}

/// Tells of the exit of a process, where the system can do so.
///
/// The end of the socket tells of it too, but not as long as a copy of the process that it made by `fork` lives.
#[derive(Debug)]
pub(crate) struct Exit(Option<OwnedFd>);

impl Exit {
    #[cfg(target_os = "linux")]
    pub(crate) fn of(process: Pid) -> Self {
        Self(rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty()).ok())
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of(_process: Pid) -> Self {
        Self(None)
    }
}

/// Waits.
///
/// # Errors
/// What the system says.
pub(crate) fn wait(
    socket: &impl AsFd,
    interest: PollFlags,
    exit: &Exit,
    stop: Option<&impl AsFd>,
    deadline: Option<Instant>,
) -> io::Result<Woke> {
    let mut fds = Vec::with_capacity(3);
    fds.push(PollFd::new(socket, interest));
    fds.extend(exit.0.as_ref().map(|exit| PollFd::new(exit, PollFlags::IN)));
    let exit_at = exit.0.is_some().then_some(1);
    fds.extend(stop.map(|stop| PollFd::new(stop, PollFlags::IN)));
    loop {
        let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match poll(&mut fds, rest.and_then(timespec).as_ref()) {
            Ok(0) if rest.is_some() => return Ok(Woke::Deadline),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
    Ok(if ready(0) {
        Woke::Socket
    } else if exit_at.is_some_and(ready) {
        Woke::Exited
    } else {
        Woke::Stopped
    })
}

/// None is for ever, as is a time that the system can't count.
fn timespec(rest: Duration) -> Option<Timespec> {
    rest.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    use super::*;

    const NEVER: Option<&UnixStream> = None;

    #[test]
    fn a_deadline_is_no_earlier_and_hardly_later() {
        let (socket, _other) = UnixStream::pair().unwrap();
        for millis in [0, 1, 20] {
            let begun = Instant::now();
            let deadline = begun + Duration::from_millis(millis);
            let woke = wait(&socket, PollFlags::IN, &Exit(None), NEVER, Some(deadline)).unwrap();
            assert_eq!(woke, Woke::Deadline);
            assert!(Instant::now() >= deadline);
            assert!(begun.elapsed() < Duration::from_secs(5));
        }
    }

    #[test]
    fn a_stop_is_seen_and_the_socket_goes_first() {
        let (socket, other) = UnixStream::pair().unwrap();
        let stop = crate::stop::Stop::new().unwrap();
        stop.tell();
        let woke = || wait(&socket, PollFlags::IN, &Exit(None), Some(&stop), None).unwrap();
        assert_eq!(woke(), Woke::Stopped);
        drop(other);
        assert_eq!(woke(), Woke::Socket);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_exit_is_seen_though_the_socket_stays_open() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
        let exit = Exit::of(Pid::from_child(&child));
        let woke = wait(&socket, PollFlags::IN, &exit, NEVER, None).unwrap();
        assert_eq!(woke, Woke::Exited);
        child.wait().unwrap();
    }
}
