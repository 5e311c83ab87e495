//! A way to a server that can be cut.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// After so long without a byte a server has said what it has to say.
const SAID_ALL: Duration = Duration::from_millis(100);

/// Stands between a store and its server, and passes bytes on, until a case cuts the way.
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
    /// What is said in place of an answer that is lost.
    instead: Vec<u8>,
}

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It arrives.
    Open,
    /// Requests arrive. When the server has answered, the connection is closed instead of passing the answer on; new
    /// connections are refused.
    LosesAnswers,
    /// Nothing arrives, and nobody is told.
    Silent,
    /// Nothing arrives, and new connections are refused.
    Cut,
    /// The proxy is not needed any more.
    Gone,
}

impl Proxy {
    /// A way to the server of this URL, and the URL that leads through it.
    ///
    /// # Panics
    /// Where the URL names no host with a port that can be found.
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

    /// A way to this server.
    ///
    /// # Panics
    /// Where there is no port to listen on.
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
                    // Closed at once.
                    Way::LosesAnswers | Way::Cut => continue,
                }
                if let Ok(client) = client {
                    accepting.connect(&client);
                }
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on what is sent arrives, and its answer is lost with the connection.
    pub fn lose_answers(&self) {
        self.shared.state().way = Way::LosesAnswers;
    }

    /// As [`lose_answers`](Self::lose_answers), and the client is told this: what stands before a server may speak for it.
    pub fn answer_instead(&self, answer: &[u8]) {
        let mut state = self.shared.state();
        (state.way, state.instead) = (Way::LosesAnswers, answer.to_vec());
    }

    /// From now on nothing arrives, as if a cable were cut.
    pub fn silence(&self) {
        self.shared.state().way = Way::Silent;
    }

    /// Closes all connections, and refuses new ones.
    pub fn cut(&self) {
        self.shared.close(Way::Cut);
    }

    /// Takes connections again.
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
                    // It may be gone, as well.
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
    // The other direction may have ended them before.
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.close(Way::Gone);
        // Lets the thread that accepts see it.
        let _ = TcpStream::connect(self.address);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}, {:?})", self.address, self.shared.state().way)
    }
}
