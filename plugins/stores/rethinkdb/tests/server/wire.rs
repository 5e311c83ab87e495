//! A proxy that understands the protocol: it can look at each query, and drop it or its answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use apscheduler_store_rethinkdb::RethinkDbOptions;

use crate::calls::Place;
use crate::place;

/// What happens to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// It is passed on.
    On,
    /// The connection is cut before it arrives.
    Cut,
    /// It arrives, and the connection is cut before its answer.
    OnAndCut,
}

type Hook = Box<dyn FnMut(&str) -> Pass + Send>;

/// A proxy before the server.
pub(crate) struct Proxy {
    address: SocketAddr,
    hook: Arc<Mutex<Hook>>,
}

impl Proxy {
    pub(crate) fn new() -> Self {
        let target = place::login();
        let server = (target.host.as_str(), target.port).to_socket_addrs().unwrap().next().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let hook: Arc<Mutex<Hook>> = Arc::new(Mutex::new(Box::new(|_| Pass::On)));
        let hooked = Arc::clone(&hook);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(server).unwrap();
                let hook = Arc::clone(&hooked);
                let (to_client, from_server) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                let is_cut = Arc::new(Mutex::new(false));
                let answers_cut = Arc::clone(&is_cut);
                thread::spawn(move || pass_answers(from_server, to_client, &answers_cut));
                // A connection may end in any way.
                thread::spawn(move || drop(pass_queries(client, server, &hook, &is_cut)));
            }
        });
        Self { address, hook }
    }

    /// Looks at each query, which is JSON, before it is passed on.
    pub(crate) fn on_queries(&self, hook: impl FnMut(&str) -> Pass + Send + 'static) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(hook);
    }

    /// Passes on all queries.
    pub(crate) fn pass_all(&self) {
        self.on_queries(|_| Pass::On);
    }

    /// Returns the options of a store that connects through the proxy.
    pub(crate) fn options(&self, place: &Place) -> RethinkDbOptions {
        let target = place::login();
        let options = place.options().login(target.user, target.password);
        options.url(format!("rethinkdb://{}", self.address))
    }
}

fn pass_answers(mut from: TcpStream, mut to: TcpStream, is_cut: &Mutex<bool>) {
    let mut bytes = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if *is_cut.lock().unwrap() || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}

fn pass_queries(
    mut client: TcpStream,
    mut server: TcpStream,
    hook: &Mutex<Hook>,
    is_cut: &Mutex<bool>,
) -> std::io::Result<()> {
    // The handshake: a magic number, and two texts.
    let mut byte = [0];
    for _ in 0..4 {
        client.read_exact(&mut byte)?;
        server.write_all(&byte)?;
    }
    let mut ends = 0;
    while ends < 2 {
        client.read_exact(&mut byte)?;
        server.write_all(&byte)?;
        ends += usize::from(byte == [0]);
    }
    loop {
        let mut frame = vec![0; 12];
        if client.read_exact(&mut frame).is_err() {
            let _ = server.shutdown(Shutdown::Both);
            return Ok(());
        }
        let length = u32::from_le_bytes(frame[8..12].try_into().unwrap());
        frame.resize(12 + usize::try_from(length).unwrap(), 0);
        client.read_exact(&mut frame[12..])?;
        let query = String::from_utf8_lossy(&frame[12..]).into_owned();
        let pass = (hook.lock().unwrap_or_else(PoisonError::into_inner))(&query);
        if pass == Pass::Cut {
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            return Ok(());
        }
        *is_cut.lock().unwrap() = pass == Pass::OnAndCut;
        server.write_all(&frame)?;
    }
}

/// Returns the kind of a query that writes; an empty text for any other.
pub(crate) fn kind(query: &str) -> &'static str {
    // The numbers of the terms; a claim is a `replace` too.
    let kinds = [("[56,", "insert"), ("[55,", "replace"), ("[54,", "delete")];
    kinds.into_iter().find(|(term, _)| query.contains(term)).map_or("", |(_, kind)| kind)
}
