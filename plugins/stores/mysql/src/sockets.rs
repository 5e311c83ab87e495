//! The sockets of all connections, so that a shutdown can interrupt calls that wait for a server.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mysql::Conn;

/// The sockets of the open connections, by number.
#[derive(Debug, Default)]
pub(crate) struct Sockets(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: HashMap<u64, TcpStream>,
    last: u64,
    is_closed: bool,
}

/// Keeps a socket registered until it is dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    sockets: Arc<Sockets>,
    number: u64,
}

impl Sockets {
    /// Registers the socket of a connection. Returns `None` after [`close_all`](Self::close_all).
    pub(crate) fn register(self: &Arc<Self>, connection: &Conn) -> Option<Registered> {
        let socket = socket(connection);
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.open.extend(socket.map(|socket| (number, socket)));
        Some(Registered { sockets: Arc::clone(self), number })
    }

    /// Shuts down all sockets, and refuses new ones.
    pub(crate) fn close_all(&self) {
        let mut state = self.state();
        state.is_closed = true;
        for socket in state.open.values() {
            // The server may have closed it before.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.state().is_closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.sockets.state().open.remove(&self.number);
    }
}

/// Returns another handle to the socket of a connection. It may be a Unix socket, which is shut down in the same way.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the driver returns its socket as a number")]
fn socket(connection: &Conn) -> Option<TcpStream> {
    use std::os::fd::{AsRawFd as _, BorrowedFd};

    // SAFETY: the connection owns the descriptor and is borrowed for as long as this one is used, so it stays open.
    let socket = unsafe { BorrowedFd::borrow_raw(connection.as_raw_fd()) };
    socket.try_clone_to_owned().ok().map(TcpStream::from)
}

/// On this platform the driver does not return it. Calls end by their timeouts.
#[cfg(not(unix))]
fn socket(_connection: &Conn) -> Option<TcpStream> {
    None
}
