//! Trusted certificates.

use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use tempfile::TempDir;

use crate::call;
use crate::server::read_request_from;

/// A server whose certificate was issued by a private authority.
struct Server {
    folder: TempDir,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();

        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        std::fs::write(folder.path().join("empty.pem"), "nothing").unwrap();

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = BufReader::new(StreamOwned::new(connection, stream.unwrap()));
                // A client that does not trust the certificate closes the connection.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    read_request_from(&mut stream)
                }))
                .is_ok()
                {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";
                    let _ = stream.get_mut().write_all(answer);
                    let _ = stream.get_mut().flush();
                }
            }
        });
        Self { folder, url: format!("https://localhost:{port}/") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn ca_file_makes_a_private_authority_trusted() {
    let server = Server::start();
    let error = call(&json!({"url": server.url})).unwrap_err();
    assert!(
        error.contains("issued by an unknown authority") && error.contains("`ca_file`"),
        "{error}"
    );
    let answer = call(&json!({"url": server.url, "ca_file": server.path("ca.pem")})).unwrap();
    assert_eq!(answer, json!({"status": 200, "body": "fine"}));
}

#[test]
fn errors_name_an_invalid_ca_file() {
    let server = Server::start();
    let cases = [("absent.pem", "can't be read"), ("empty.pem", "contains no certificate")];
    for (name, expected) in cases {
        let path = server.path(name);
        let error = call(&json!({"url": server.url, "ca_file": path})).unwrap_err();
        let expected = format!("ca_file: {}: {expected}", path.display());
        assert!(error.contains(&expected), "{error}");
    }
}

/// The variable affects the whole process, so the test runs itself again in a child process.
#[test]
fn ssl_cert_file_makes_an_authority_trusted() {
    const URL: &str = "APSCHEDULER_TEST_HTTPS_URL";
    if let Ok(url) = std::env::var(URL) {
        assert_eq!(call(&json!({"url": url})).unwrap()["status"], 200);
        return;
    }
    let server = Server::start();
    for (name, works) in [("ca.pem", true), ("empty.pem", false), ("absent.pem", false)] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "certificates::ssl_cert_file_makes_an_authority_trusted",
                "--nocapture",
            ])
            .env(URL, &server.url)
            .env("SSL_CERT_FILE", server.path(name))
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), works, "{name}: {text}");
        assert!(
            works || text.contains("SSL_CERT_FILE and SSL_CERT_DIR contain no certificate"),
            "{text}"
        );
    }
}
