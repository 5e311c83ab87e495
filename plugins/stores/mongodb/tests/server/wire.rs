//! A proxy that parses MongoDB's messages: they can be counted, changed, delayed, and lost one by one.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How soon the threads notice requests.
const TICK: Duration = Duration::from_millis(5);

/// Decides what to do with bytes. It may change them, but not their number.
type Filter = Box<dyn FnMut(&mut [u8]) -> Pass + Send>;

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// They are forwarded.
    On,
    /// They are forwarded, and then all connections are closed: the server receives the command, but the client gets no
    /// answer.
    OnAndCut,
    /// All connections are closed before they are forwarded.
    Cut,
    /// They wait, with all later bytes on any connection, until [`Proxy::silence`] ends that.
    Wait,
}

/// A proxy to a server, for tests of outages. Dropping it closes its connections.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: String,
    connections: Mutex<Vec<TcpStream>>,
    is_down: AtomicBool,
    is_silent: AtomicBool,
    is_over: AtomicBool,
    requests: Mutex<Option<Filter>>,
    answers: Mutex<Option<Filter>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the length of the message that begins here, which is in its first four bytes.
fn length_of(bytes: &[u8]) -> Option<usize> {
    let length = i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    usize::try_from(length).ok()
}

impl Proxy {
    /// Returns a proxy to the server at this address (`127.0.0.1:27017`).
    pub(crate) fn new(target: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            target: target.into(),
            connections: Mutex::default(),
            is_down: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            requests: Mutex::default(),
            answers: Mutex::default(),
        });
        let accepting = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.is_over.load(Ordering::SeqCst) {
                    break;
                }
                accepting.accept(client);
            }
        });
        Self { address, state }
    }

    /// Returns the address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections. New ones are accepted at once.
    pub(crate) fn cut(&self) {
        self.state.cut();
    }

    /// Closes all connections and refuses new ones, like a server that was killed.
    pub(crate) fn stop(&self) {
        self.state.is_down.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Accepts connections again.
    pub(crate) fn start(&self) {
        self.state.is_down.store(false, Ordering::SeqCst);
    }

    /// Stops forwarding without closing connections, or forwards everything again, including delayed bytes.
    pub(crate) fn silence(&self, is_silent: bool) {
        self.state.is_silent.store(is_silent, Ordering::SeqCst);
    }

    /// Passes everything that clients send through `filter`.
    pub(crate) fn on_requests(&self, filter: impl FnMut(&mut [u8]) -> Pass + Send + 'static) {
        *lock(&self.state.requests) = Some(Box::new(filter));
    }

    /// Passes everything that the server sends through `filter`.
    pub(crate) fn on_answers(&self, filter: impl FnMut(&mut [u8]) -> Pass + Send + 'static) {
        *lock(&self.state.answers) = Some(Box::new(filter));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.stop();
        // Wakes the accepting thread, so that it notices.
        drop(TcpStream::connect(self.address));
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({} to {})", self.address, self.state.target)
    }
}

impl State {
    fn cut(&self) {
        for connection in lock(&self.connections).drain(..) {
            // The other side may have closed it before.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn accept(self: &Arc<Self>, client: TcpStream) {
        if self.is_down.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect(&self.target) else { return };
        let ends = [client.try_clone(), server.try_clone(), client.try_clone(), server.try_clone()];
        let [Ok(client_end), Ok(server_end), Ok(from_client), Ok(from_server)] = ends else {
            return;
        };
        lock(&self.connections).extend([client_end, server_end]);
        if self.is_down.load(Ordering::SeqCst) {
            return self.cut();
        }
        let (requests, answers) = (Arc::clone(self), Arc::clone(self));
        std::thread::spawn(move || requests.carry(from_client, server, &requests.requests));
        std::thread::spawn(move || answers.carry(from_server, client, &answers.answers));
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, filter: &Mutex<Option<Filter>>) {
        let mut buffer = vec![0; 1 << 16];
        let mut waiting = Vec::new();
        'open: while let Ok(length @ 1..) = from.read(&mut buffer) {
            waiting.extend_from_slice(&buffer[..length]);
            while let Some(length) =
                length_of(&waiting).filter(|it| (1..=waiting.len()).contains(it))
            {
                let mut message: Vec<u8> = waiting.drain(..length).collect();
                if !self.pass_on(&mut message, &from, &mut to, filter) {
                    break 'open;
                }
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// Returns whether the connection is still open.
    fn pass_on(
        &self,
        message: &mut [u8],
        from: &TcpStream,
        to: &mut TcpStream,
        filter: &Mutex<Option<Filter>>,
    ) -> bool {
        let pass = lock(filter).as_mut().map_or(Pass::On, |filter| filter(message));
        if pass == Pass::Wait {
            self.is_silent.store(true, Ordering::SeqCst);
        }
        while self.is_silent.load(Ordering::SeqCst) && !self.is_over.load(Ordering::SeqCst) {
            std::thread::sleep(TICK);
        }
        match pass {
            Pass::On | Pass::Wait => to.write_all(message).is_ok(),
            Pass::Cut => {
                self.cut();
                false
            }
            Pass::OnAndCut => {
                // The direction back to the client first, so that no answer is faster.
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.write_all(message);
                // The server reads what was sent before it reads the end.
                self.cut();
                false
            }
        }
    }
}
