//! Waits for the first of several events.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::stop::Stop;

/// The first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woke {
    /// The socket can be read or written, or has been closed.
    Socket,
    /// The process has exited, and nothing is left to be read.
    Exited,
    /// The pool is shut down.
    Stopped,
    /// A run may be cancelled.
    Recalled,
    /// The deadline has passed.
    Deadline,
}

/// How often to check whether a process has exited, if the system does not report it.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// For a wait that a shutdown of the pool does not end.
pub(crate) const NO_STOP: Option<&Stop> = None;

/// Reports the exit of a child that is not reaped yet.
///
/// The end of the socket reports it too, but not while a process that the child forked lives.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The system reports it on a descriptor.
    Reported(OwnedFd),
    /// It has to be checked for: on systems without such descriptors, on an old Linux, or if no descriptor is left.
    Polled(Pid),
}

impl Exit {
    #[cfg(target_os = "linux")]
    pub(crate) fn of(child: Pid) -> Self {
        rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty())
            .map_or(Self::Polled(child), Self::Reported)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of(child: Pid) -> Self {
        Self::Polled(child)
    }

    fn descriptor(&self) -> Option<&OwnedFd> {
        match self {
            Self::Reported(descriptor) => Some(descriptor),
            Self::Polled(_) => None,
        }
    }

    /// Checks whether the process has exited.
    fn is_seen(&self) -> bool {
        let Self::Polled(child) = self else { return false };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // An error means that there is no such child.
        !matches!(waitid(WaitId::Pid(*child), options), Ok(None) | Err(Errno::INTR))
    }

    /// Waits for it.
    ///
    /// # Errors
    /// Any error from the system.
    pub(crate) fn wait(&self, stop: Option<&impl AsFd>, deadline: Instant) -> io::Result<Woke> {
        wait_for(None, self, (stop.map(AsFd::as_fd), None), Some(deadline))
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
    (stop, recall): (Option<&impl AsFd>, Option<&impl AsFd>),
    deadline: Option<Instant>,
) -> io::Result<Woke> {
    let wakers = (stop.map(AsFd::as_fd), recall.map(AsFd::as_fd));
    wait_for(Some((socket.as_fd(), interest)), exit, wakers, deadline)
}

fn wait_for(
    socket: Option<(BorrowedFd<'_>, PollFlags)>,
    exit: &Exit,
    (stop, recall): (Option<BorrowedFd<'_>>, Option<BorrowedFd<'_>>),
    deadline: Option<Instant>,
) -> io::Result<Woke> {
    // In order of precedence.
    let mut wakers = Vec::with_capacity(4);
    let mut fds = Vec::with_capacity(4);
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
    if let Some(recall) = recall {
        wakers.push(Woke::Recalled);
        fds.push(PollFd::from_borrowed_fd(recall, PollFlags::IN));
    }
    let mut seen = exit.is_seen();
    loop {
        let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let pause = match exit {
            Exit::Reported(_) => rest,
            // Messages that the process sent before its exit take precedence.
            Exit::Polled(_) if seen => Some(Duration::ZERO),
            Exit::Polled(_) => Some(rest.unwrap_or(CHECK_INTERVAL).min(CHECK_INTERVAL)),
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
        // An exit that was noticed takes precedence over a stop.
        Some((Woke::Stopped | Woke::Recalled, _)) if seen => Ok(Woke::Exited),
        Some((woke, _)) => Ok(*woke),
        None => Err(io::Error::other("poll reports a descriptor that it does not name")),
    }
}

/// `None` means no limit; so does a time that is too long for the system.
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

    /// Both ways to notice an exit.
    fn exits(child: &Child) -> [Exit; 2] {
        let pid = Pid::from_child(child);
        [Exit::of(pid), Exit::Polled(pid)]
    }

    #[test]
    fn a_deadline_is_kept() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut cat = child("cat");
        for exit in exits(&cat) {
            for millis in [0, 1, 20, 120] {
                let begun = Instant::now();
                let deadline = begun + Duration::from_millis(millis);
                let woke =
                    wait(&socket, PollFlags::IN, &exit, (NEVER, NEVER), Some(deadline)).unwrap();
                assert_eq!(woke, Woke::Deadline);
                assert!(Instant::now() >= deadline);
                assert!(begun.elapsed() < Duration::from_secs(5));
            }
        }
        drop(cat.stdin.take());
        cat.wait().unwrap();
    }

    #[test]
    fn a_stop_is_noticed_and_the_socket_takes_precedence() {
        let mut cat = child("cat");
        for exit in exits(&cat) {
            let (socket, other) = UnixStream::pair().unwrap();
            let stop = Stop::new().unwrap();
            stop.notify();
            let woke = || wait(&socket, PollFlags::IN, &exit, (Some(&stop), NEVER), None).unwrap();
            assert_eq!(woke(), Woke::Stopped);
            drop(other);
            assert_eq!(woke(), Woke::Socket);
        }
        drop(cat.stdin.take());
        cat.wait().unwrap();
    }

    #[test]
    fn an_exit_is_noticed_while_the_socket_stays_open() {
        let (socket, other) = UnixStream::pair().unwrap();
        let mut child = child("true");
        for exit in exits(&child) {
            let woke = wait(&socket, PollFlags::IN, &exit, (NEVER, NEVER), None).unwrap();
            assert_eq!(woke, Woke::Exited);
            let deadline = Instant::now() + Duration::from_secs(60);
            assert_eq!(exit.wait(NO_STOP, deadline).unwrap(), Woke::Exited);
        }
        // Messages from before the exit take precedence.
        (&other).write_all(b"bye").unwrap();
        for exit in exits(&child) {
            assert_eq!(
                wait(&socket, PollFlags::IN, &exit, (NEVER, NEVER), None).unwrap(),
                Woke::Socket
            );
        }
        child.wait().unwrap();
    }
}
