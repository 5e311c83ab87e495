//! The scheduler's process, on the side of a worker.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Reports the end of the scheduler's process, if the system can.
///
/// The end of the socket reports it too, but not while a process that the scheduler's process forked lives.
#[derive(Debug)]
pub(crate) struct Parent(Option<OwnedFd>);

impl Parent {
    /// Returns the process that created the socket.
    #[cfg(target_os = "linux")]
    pub(crate) fn of(socket: &UnixStream) -> Self {
        let maker = rustix::net::sockopt::socket_peercred(socket);
        Self(maker.ok().and_then(|maker| {
            rustix::process::pidfd_open(maker.pid, rustix::process::PidfdFlags::empty()).ok()
        }))
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of(_socket: &UnixStream) -> Self {
        Self(None)
    }

    /// Waits until the socket can be read, or has come to its end. Returns `false` where the scheduler's process has ended.
    ///
    /// # Errors
    /// Any error from the system.
    pub(crate) fn wait(&self, socket: &UnixStream) -> io::Result<bool> {
        let mut fds = Vec::with_capacity(2);
        fds.push(PollFd::new(socket, PollFlags::IN));
        fds.extend(self.0.as_ref().map(|parent| PollFd::new(parent, PollFlags::IN)));
        loop {
            match poll(&mut fds, None) {
                Ok(_) => return Ok(fds.get(1).is_none_or(|parent| parent.revents().is_empty())),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
