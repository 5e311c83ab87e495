//! TLS.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::error::ClientError;
use super::target::Tls;

/// Returns a session that checks the certificate of this host.
pub(super) fn session(tls: &Tls, host: &str) -> Result<ClientConnection, ClientError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots(tls)?)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(failed)?;
    ClientConnection::new(Arc::new(config), name).map_err(failed)
}

fn roots(tls: &Tls) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = &tls.roots else {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!("reading the root certificates of the system: {error}");
        }
        roots.add_parsable_certificates(found.certs);
        return Ok(roots);
    };
    let unreadable = |error: &dyn std::fmt::Display| {
        ClientError::Tls(format!("can't read the certificates in {}: {error}", file.display()))
    };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    Ok(roots)
}

fn failed(error: impl std::fmt::Display) -> ClientError {
    ClientError::Tls(error.to_string())
}
