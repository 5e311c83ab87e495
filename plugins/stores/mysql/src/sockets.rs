//! The sockets of all connections, so that a shutdown can cut calls short that wait for a server.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mysql::Conn;

/// The sockets of open connections, by number.
#[derive(Debug, Default)]
pub(crate) struct Sockets(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: HashMap<u64, TcpStream>,
    last: u64,
    is_cut: bool,
}

/// A socket among the others, until this is dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    sockets: Arc<Sockets>,
    number: u64,
}

impl Sockets {
    /// Adds the socket of a connection; `None` where they have been cut.
    pub(crate) fn register(self: &Arc<Self>, connection: &Conn) -> Option<Registered> {
        let socket = socket(connection);
        let mut state = self.state();
        if state.is_cut {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.open.extend(socket.map(|socket| (number, socket)));
        Some(Registered { sockets: Arc::clone(self), number })
    }

    /// Ends all that is said through them, now and later.
    pub(crate) fn cut(&self) {
        let mut state = self.state();
        state.is_cut = true;
        for socket in state.open.values() {
            // The server may have closed it before.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn are_cut(&self) -> bool {
        self.state().is_cut
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

/// Another handle to the socket of a connection. It may be one of Unix: shutting it down is the same.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the client gives its socket as a number")]
fn socket(connection: &Conn) -> Option<TcpStream> {
    use std::os::fd::{AsRawFd as _, BorrowedFd};

    // SAFETY: the connection owns the descriptor and is borrowed as long as this one is used, so it is open all the time.
    let socket = unsafe { BorrowedFd::borrow_raw(connection.as_raw_fd()) };
    socket.try_clone_to_owned().ok().map(TcpStream::from)
}

/// Here the client does not give it. Calls end by their time limits.
#[cfg(not(unix))]
fn socket(_connection: &Conn) -> Option<TcpStream> {
    None
}
