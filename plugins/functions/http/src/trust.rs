//! The trusted root certificates.

use std::path::Path;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Returns the certificates of `ca_file`, or else of `SSL_CERT_FILE` and `SSL_CERT_DIR`, or else Mozilla's.
///
/// They are read at each run, since certificate files are replaced when they expire.
///
/// # Errors
/// If a file can't be read or contains no certificate.
pub(crate) fn roots(ca_file: Option<&Path>) -> Result<RootCerts, String> {
    if let Some(path) = ca_file {
        return from_file(path).map_err(|error| format!("ca_file: {}: {error}", path.display()));
    }
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("SSL_CERT_FILE") || is_set("SSL_CERT_DIR") {
        return from_environment();
    }
    Ok(RootCerts::WebPki)
}

fn from_file(path: &Path) -> Result<RootCerts, String> {
    let pem = std::fs::read(path).map_err(|error| format!("can't be read: {error}"))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err("is not valid PEM".to_owned()),
        }
    }
    if certificates.is_empty() {
        return Err(
            "contains no certificate; expected PEM with `-----BEGIN CERTIFICATE-----`".to_owned()
        );
    }
    Ok(certificates.into())
}

fn from_environment() -> Result<RootCerts, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let reasons = if reasons.is_empty() { "none".to_owned() } else { reasons.join("; ") };
        return Err(format!("SSL_CERT_FILE and SSL_CERT_DIR contain no certificate: {reasons}"));
    }
    for error in &found.errors {
        tracing::warn!(target: "apscheduler::http", "SSL_CERT_FILE or SSL_CERT_DIR: {error}");
    }
    let owned = |certificate: &_| Certificate::from_der(certificate).to_owned();
    Ok(found.certs.iter().map(|certificate| owned(certificate)).collect::<Vec<_>>().into())
}
