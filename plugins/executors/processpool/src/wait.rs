//! Waiting for whatever comes first.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::stop::Stop;

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

/// How often it is looked whether a process has exited, where the system does not tell.
const LOOK: Duration = Duration::from_millis(50);

/// For a wait that goes on when the pool is shut down.
pub(crate) const NO_STOP: Option<&Stop> = None;

/// Tells of the exit of a child that is not reaped yet.
///
/// The end of the socket tells of it too, but not as long as a copy of the process that it made by `fork` lives.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The system tells: it can be polled.
    Told(OwnedFd),
    /// It must be looked for: on systems without such descriptors, on an old Linux, or where no descriptor is left.
    Looked(Pid),
}

impl Exit {
    #[cfg(target_os = "linux")]
    pub(crate) fn of(child: Pid) -> Self {
        rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty())
            .map_or(Self::Looked(child), Self::Told)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of(child: Pid) -> Self {
        Self::Looked(child)
    }

    fn descriptor(&self) -> Option<&OwnedFd> {
        match self {
            Self::Told(descriptor) => Some(descriptor),
            Self::Looked(_) => None,
        }
    }

    /// Whether a look shows that it has come.
    fn is_seen(&self) -> bool {
        let Self::Looked(child) = self else { return false };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // An error says that there is no such child.
        !matches!(waitid(WaitId::Pid(*child), options), Ok(None) | Err(Errno::INTR))
    }

    /// Waits for it.
    ///
    /// # Errors
    /// Any error from the system.
    pub(crate) fn wait(&self, stop: Option<&impl AsFd>, deadline: Instant) -> io::Result<Woke> {
        wait_for(None, self, stop.map(AsFd::as_fd), Some(deadline))
    }
}

/// Waits.
///
/// # Errors
/// Any error from the system.
pub(crate) fn wait(
    socket: &impl AsFd,
    interest: PollFlags,
    exit: &Exit,
    stop: Option<&impl AsFd>,
    deadline: Option<Instant>,
) -> io::Result<Woke> {
    wait_for(Some((socket.as_fd(), interest)), exit, stop.map(AsFd::as_fd), deadline)
}

fn wait_for(
    socket: Option<(BorrowedFd<'_>, PollFlags)>,
    exit: &Exit,
    stop: Option<BorrowedFd<'_>>,
    deadline: Option<Instant>,
) -> io::Result<Woke> {
    // In the order in which they count.
    let mut wakers = Vec::with_capacity(3);
    let mut fds = Vec::with_capacity(3);
    if let Some((socket, interest)) = socket {
        wakers.push(Woke::Socket);
        fds.push(PollFd::from_borrowed_fd(socket, interest));
    }
    if let Some(exit) = exit.descriptor() {
        wakers.push(Woke::Exited);
        fds.push(PollFd::new(exit, PollFlags::IN));
    }
    if let Some(stop) = stop {
        wakers.push(Woke::Stopped);
        fds.push(PollFd::from_borrowed_fd(stop, PollFlags::IN));
    }
    let mut seen = exit.is_seen();
    loop {
        let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let pause = match exit {
            Exit::Told(_) => rest,
            // What the process has said before its exit goes first.
            Exit::Looked(_) if seen => Some(Duration::ZERO),
            Exit::Looked(_) => Some(rest.unwrap_or(LOOK).min(LOOK)),
        };
        match poll(&mut fds, pause.and_then(timespec).as_ref()) {
            Ok(0) if seen => return Ok(Woke::Exited),
            Ok(0) if rest.is_some_and(|rest| rest <= pause.unwrap_or(Duration::MAX)) => {
                return Ok(Woke::Deadline);
            }
            Ok(0) | Err(Errno::INTR) => seen = exit.is_seen(),
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let ready = wakers.iter().zip(&fds).find(|(_, fd)| !fd.revents().is_empty());
    match ready {
        // A stop counts less than an exit that was seen.
        Some((Woke::Stopped, _)) if seen => Ok(Woke::Exited),
        Some((woke, _)) => Ok(*woke),
        None => Err(io::Error::other("poll tells of a descriptor that it does not name")),
    }
}

/// None is for ever, as is a time that the system can't count.
fn timespec(rest: Duration) -> Option<Timespec> {
    rest.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;
    use std::process::{Child, Command, Stdio};

    use super::*;

    const NEVER: Option<&UnixStream> = None;

    fn child(program: &str) -> Child {
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Both ways to know of an exit.
    fn exits(child: &Child) -> [Exit; 2] {
        let pid = Pid::from_child(child);
        [Exit::of(pid), Exit::Looked(pid)]
    }

    #[test]
    fn a_deadline_is_no_earlier_and_hardly_later() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut cat = child("cat");
        for exit in exits(&cat) {
            for millis in [0, 1, 20, 120] {
                let begun = Instant::now();
                let deadline = begun + Duration::from_millis(millis);
                let woke = wait(&socket, PollFlags::IN, &exit, NEVER, Some(deadline)).unwrap();
                assert_eq!(woke, Woke::Deadline);
                assert!(Instant::now() >= deadline);
                assert!(begun.elapsed() < Duration::from_secs(5));
            }
        }
        drop(cat.stdin.take());
        cat.wait().unwrap();
    }

    #[test]
    fn a_stop_is_seen_and_the_socket_goes_first() {
        let mut cat = child("cat");
        for exit in exits(&cat) {
            let (socket, other) = UnixStream::pair().unwrap();
            let stop = Stop::new().unwrap();
            stop.tell();
            let woke = || wait(&socket, PollFlags::IN, &exit, Some(&stop), None).unwrap();
            assert_eq!(woke(), Woke::Stopped);
            drop(other);
            assert_eq!(woke(), Woke::Socket);
        }
        drop(cat.stdin.take());
        cat.wait().unwrap();
    }

    #[test]
    fn an_exit_is_seen_though_the_socket_stays_open() {
        let (socket, other) = UnixStream::pair().unwrap();
        let mut child = child("true");
        for exit in exits(&child) {
            let woke = wait(&socket, PollFlags::IN, &exit, NEVER, None).unwrap();
            assert_eq!(woke, Woke::Exited);
            let deadline = Instant::now() + Duration::from_secs(60);
            assert_eq!(exit.wait(NO_STOP, deadline).unwrap(), Woke::Exited);
        }
        // What was said before goes first.
        (&other).write_all(b"bye").unwrap();
        for exit in exits(&child) {
            assert_eq!(wait(&socket, PollFlags::IN, &exit, NEVER, None).unwrap(), Woke::Socket);
        }
        child.wait().unwrap();
    }
}
