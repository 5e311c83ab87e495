//! Connections with TLS: they are decrypted, and passed on to the port without.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long a direction is looked at before the other.
const TURN: Duration = Duration::from_millis(5);

/// Accepts connections, and passes them on to this address.
pub(super) fn listen(
    listener: TcpListener,
    certificate: &Path,
    key: &Path,
    server: SocketAddr,
) -> io::Result<()> {
    let certificates = CertificateDer::pem_file_iter(certificate).map_err(io::Error::other)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(io::Error::other)?;
    let config = Arc::new(config);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            // A client may end its connection in any way.
            thread::spawn(move || drop(pass(client, config, server)));
        }
    });
    Ok(())
}

fn pass(client: TcpStream, config: Arc<ServerConfig>, server: SocketAddr) -> io::Result<()> {
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(session, client);
    let mut server = TcpStream::connect(server)?;
    while client.conn.is_handshaking() {
        client.conn.complete_io(&mut client.sock)?;
    }
    client.sock.set_read_timeout(Some(TURN))?;
    server.set_read_timeout(Some(TURN))?;
    while pass_some(&mut client, &mut server)? && pass_some(&mut server, &mut client)? {}
    Ok(())
}

/// Passes on what has arrived. Returns whether the connection goes on.
fn pass_some(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut bytes = [0; 16 << 10];
    match from.read(&mut bytes) {
        Ok(0) => Ok(false),
        Ok(read) => {
            to.write_all(&bytes[..read])?;
            to.flush()?;
            Ok(true)
        }
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
        {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}
