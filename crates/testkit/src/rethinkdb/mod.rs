//! A peer for RethinkDB clients: a server that speaks the protocol, with its data in memory.
//!
//! No package registry has RethinkDB itself. This peer is written from the documentation of the protocol and of `ReQL`, for
//! the terms that the job store uses, and the official driver for Python checks it. It refuses what RethinkDB refuses, and what
//! it does not implement. Rows that a query does not order come in an order of no meaning, as they do there.
//!
//! A [`RethinkDbPeer`] lives in a process of its own, or in a test.

mod admin;
mod arithmetic;
mod datum;
mod dispatch;
mod encryption;
mod evaluator;
mod failure;
mod journal;
mod login;
mod objects;
mod queue;
mod selecting;
mod sequences;
mod server;
mod session;
mod storage;
mod term;
mod users;
mod value;
mod writing;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use server::Shared;

/// The options of a peer.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PeerOptions {
    /// The port on the loopback interface; 0 is any that is free.
    pub port: u16,
    /// The password of the user `admin`.
    pub password: String,
    /// The file that keeps the data when the process is killed. Without it, the data is lost.
    pub data: Option<PathBuf>,
    /// The port for connections with TLS, and the files with the certificate and its key, in PEM.
    pub tls: Option<(u16, PathBuf, PathBuf)>,
}

impl PeerOptions {
    /// Sets the port on the loopback interface.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the password of the user `admin`.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// Sets the file that keeps the data.
    #[must_use]
    pub fn data(mut self, file: impl Into<PathBuf>) -> Self {
        self.data = Some(file.into());
        self
    }

    /// Sets the port for connections with TLS, and the files with the certificate and its key, in PEM.
    #[must_use]
    pub fn tls(
        mut self,
        port: u16,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls = Some((port, certificate.into(), key.into()));
        self
    }
}

/// A running server. It ends with the process.
#[derive(Debug)]
pub struct RethinkDbPeer {
    address: SocketAddr,
}

impl RethinkDbPeer {
    /// Starts a server.
    ///
    /// # Errors
    /// If a port is taken, or a file can't be read.
    pub fn start(options: &PeerOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(&options.password, options.data.as_deref())?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        let address = listener.local_addr()?;
        if let Some((port, certificate, key)) = &options.tls {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?;
            encryption::listen(listener, certificate, key, address)?;
        }
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client may end its connection in any way.
                thread::spawn(move || drop(session::serve(shared, client)));
            }
        });
        Ok(Self { address })
    }

    /// Returns the address without TLS.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
