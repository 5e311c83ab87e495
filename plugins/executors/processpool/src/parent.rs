//! The scheduler's process, as a worker sees it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Tells of the end of the scheduler's process, where the system can do so.
///
/// The end of the socket tells of it too, but not as long as a copy of the scheduler's process that it made by `fork` lives.
#[derive(Debug)]
pub(crate) struct Parent(Option<OwnedFd>);

impl Parent {
    /// The process that made the socket.
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
