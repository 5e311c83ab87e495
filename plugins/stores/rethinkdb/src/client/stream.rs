//! The byte stream of a connection, with a deadline for each operation.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::error::ClientError;
use super::target::Target;

/// A stream of bytes, encrypted or not.
pub(super) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

/// Ends the waits of a connection from another thread, and with them the connection.
#[derive(Debug)]
pub(crate) struct Interrupter(TcpStream);

impl Interrupter {
    pub(crate) fn interrupt(&self) {
        // It may be closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Stream {
    /// Connects to the first address of the host that answers.
    pub(super) fn connect(target: &Target, deadline: Instant) -> Result<Self, ClientError> {
        let addresses = (target.host.as_str(), target.port).to_socket_addrs();
        let mut last = io::Error::other("the host has no address");
        for address in addresses.map_err(ClientError::Unreachable)? {
            match TcpStream::connect_timeout(&address, left(deadline)?) {
                Ok(socket) => {
                    socket.set_nodelay(true)?;
                    return Self::encrypt(socket, target, deadline);
                }
                Err(error) => last = error,
            }
        }
        Err(ClientError::Unreachable(last))
    }

    #[cfg(feature = "tls")]
    fn encrypt(
        mut socket: TcpStream,
        target: &Target,
        deadline: Instant,
    ) -> Result<Self, ClientError> {
        let Some(tls) = &target.tls else { return Ok(Self::Plain(socket)) };
        let mut session = super::tls::session(tls, &target.host)?;
        while session.is_handshaking() {
            socket.set_read_timeout(Some(left(deadline)?))?;
            socket.set_write_timeout(Some(left(deadline)?))?;
            session.complete_io(&mut socket)?;
        }
        Ok(Self::Tls(Box::new(rustls::StreamOwned::new(session, socket))))
    }

    #[cfg(not(feature = "tls"))]
    fn encrypt(socket: TcpStream, target: &Target, _: Instant) -> Result<Self, ClientError> {
        match &target.tls {
            None => Ok(Self::Plain(socket)),
            Some(_) => Err(ClientError::Tls("this client was built without TLS".to_owned())),
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref(),
        }
    }

    pub(super) fn interrupter(&self) -> io::Result<Interrupter> {
        self.socket().try_clone().map(Interrupter)
    }

    /// Whether nothing has arrived, and the server has not closed the connection.
    pub(super) fn is_quiet(&self) -> bool {
        let socket = self.socket();
        let peeked = socket.set_nonblocking(true).and_then(|()| socket.peek(&mut [0]));
        let is_quiet = peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        is_quiet && socket.set_nonblocking(false).is_ok()
    }

    /// Reads at least one byte.
    pub(super) fn read_some(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<usize, ClientError> {
        loop {
            self.socket().set_read_timeout(Some(left(deadline)?))?;
            let read = match self {
                Self::Plain(socket) => socket.read(buffer),
                #[cfg(feature = "tls")]
                Self::Tls(stream) => stream.read(buffer),
            };
            match read {
                Ok(0) => return Err(ClientError::Lost(io::ErrorKind::UnexpectedEof.into())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return Ok(read?),
            }
        }
    }

    /// Writes all bytes.
    pub(super) fn write_all(
        &mut self,
        mut bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), ClientError> {
        while !bytes.is_empty() {
            self.socket().set_write_timeout(Some(left(deadline)?))?;
            let written = match self {
                Self::Plain(socket) => socket.write(bytes),
                #[cfg(feature = "tls")]
                Self::Tls(stream) => stream.write(bytes),
            };
            match written {
                Ok(0) => return Err(ClientError::Lost(io::ErrorKind::WriteZero.into())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => bytes = &bytes[written?..],
            }
        }
        match self {
            Self::Plain(_) => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Ok(stream.flush()?),
        }
    }
}

/// Returns the time until a deadline, which a socket takes as its timeout.
fn left(deadline: Instant) -> Result<Duration, ClientError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ClientError::TimedOut) } else { Ok(left) }
}
