//! TLS, as `ca_cert`, `cert_cert` and `cert_key` require.

use std::path::Path;

use apscheduler_core::Result;
use etcd_client::{Certificate, Identity, TlsOptions};

use crate::names::config_error;
use crate::options::TlsFiles;

/// Returns the options of the client.
pub(crate) fn options(files: &TlsFiles) -> Result<TlsOptions> {
    let mut options = match &files.ca_cert {
        Some(file) => {
            TlsOptions::new().ca_certificate(Certificate::from_pem(read("ca_cert", file)?))
        }
        None => TlsOptions::new().with_native_roots(),
    };
    if let Some((cert, key)) = &files.client_cert {
        let (cert, key) = (read("cert_cert", cert)?, read("cert_key", key)?);
        options = options.identity(Identity::from_pem(cert, key));
    }
    Ok(options)
}

fn read(option: &str, file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| {
        config_error(format!("{option}: can't read {}", file.display())).with_source(error)
    })
}
