//! A proxy that simulates network failures.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A server that is silent for this long has finished its response.
const SAID_ALL: Duration = Duration::from_millis(100);

/// A proxy between a store and its server that forwards bytes until a case interrupts it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
}

struct State {
    way: Way,
    /// Both ends of each connection.
    open: Vec<TcpStream>,
    /// The response sent in place of a lost one.
    instead: Vec<u8>,
}

/// The treatment of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is forwarded.
    Open,
    /// Requests are forwarded. When the server has responded, the connection is closed without
    /// forwarding the response; new connections are refused.
    LosesAnswers,
    /// Nothing is forwarded, without an error.
    Silent,
    /// Nothing is forwarded, and new connections are refused.
    Cut,
    /// The proxy is shut down.
    Gone,
}

impl Proxy {
    /// Returns a proxy to the server of this URL, and the URL that leads through it.
    ///
    /// # Panics
    /// If the URL has no host and port that can be resolved.
    pub fn before(url: &str) -> (Self, String) {
        let (scheme, rest) = url.split_once("://").expect("a URL with a scheme");
        let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |end| rest.split_at(end));
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, server)) => (format!("{user}@"), server),
            None => (String::new(), authority),
        };
        let addresses = server.to_socket_addrs().expect("a host with a port");
        let server = addresses.into_iter().next().expect("a host that is known");
        let proxy = Self::new(server);
        let url = format!("{scheme}://{user}{}{path}", proxy.address());
        (proxy, url)
    }

    /// Returns a proxy to this server.
    ///
    /// # Panics
    /// If there is no port to listen on.
    pub fn new(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let state = Mutex::new(State { way: Way::Open, open: Vec::new(), instead: Vec::new() });
        let shared = Arc::new(Shared { server, state });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                match accepting.state().way {
                    Way::Open | Way::Silent => {}
                    Way::Gone => break,
                    // The connection is closed at once.
                    Way::LosesAnswers | Way::Cut => continue,
                }
                if let Ok(client) = client {
                    accepting.connect(&client);
                }
            }
        });
        Self { address, shared }
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, requests are forwarded, and their responses are lost with the connection.
    pub fn lose_responses(&self) {
        self.shared.state().way = Way::LosesAnswers;
    }

    /// Loses responses like [`lose_responses`](Self::lose_responses), but sends this to the client
    /// first, like an intermediary that responds for the server.
    pub fn answer_instead(&self, answer: &[u8]) {
        let mut state = self.shared.state();
        (state.way, state.instead) = (Way::LosesAnswers, answer.to_vec());
    }

    /// From now on, nothing is forwarded, as with a cut cable.
    pub fn silence(&self) {
        self.shared.state().way = Way::Silent;
    }

    /// Closes all connections, and refuses new ones.
    pub fn cut(&self) {
        self.shared.close(Way::Cut);
    }

    /// Accepts connections again.
    pub fn mend(&self) {
        self.shared.close(Way::Open);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, way: Way) {
        let mut state = self.state();
        state.way = way;
        for stream in state.open.drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn connect(self: &Arc<Self>, client: &TcpStream) {
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let halves = || Some((client.try_clone().ok()?, server.try_clone().ok()?));
        let (Some(requests), Some(answers), Some(both)) = (halves(), halves(), halves()) else {
            return;
        };
        self.state().open.extend([both.0, both.1]);
        let shared = Arc::clone(self);
        thread::spawn(move || shared.pass_requests(requests.0, requests.1));
        let shared = Arc::clone(self);
        thread::spawn(move || shared.pass_answers(answers.1, answers.0));
    }

    fn pass_requests(&self, mut client: TcpStream, mut server: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = client.read(&mut bytes) {
            let way = self.state().way;
            if way == Way::Silent {
                continue;
            }
            if way == Way::Cut || server.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        end(&client, &server);
    }

    fn pass_answers(&self, mut server: TcpStream, mut client: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = server.read(&mut bytes) {
            let way = self.state().way;
            match way {
                Way::Open => {
                    if client.write_all(&bytes[..read]).is_err() {
                        break;
                    }
                }
                Way::Silent => {}
                Way::LosesAnswers => {
                    let _ = server.set_read_timeout(Some(SAID_ALL));
                    while let Ok(1..) = server.read(&mut bytes) {}
                    let instead = std::mem::take(&mut self.state().instead);
                    // It may be closed as well.
                    let _ = client.write_all(&instead);
                    break;
                }
                Way::Cut | Way::Gone => break,
            }
        }
        end(&client, &server);
    }
}

fn end(client: &TcpStream, server: &TcpStream) {
    // The other direction may have closed them before.
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.close(Way::Gone);
        // Wakes the accepting thread, so that it notices.
        let _ = TcpStream::connect(self.address);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}, {:?})", self.address, self.shared.state().way)
    }
}
