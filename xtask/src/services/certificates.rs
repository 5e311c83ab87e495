//! Certificates for the servers, to test TLS connections.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command::quietly;
use crate::debian::require;

/// A certificate for `localhost`, and the CA that signed it. It does not name `127.0.0.1`, so a client that checks names
/// must refuse that address.
pub(crate) struct Certificates(PathBuf);

impl Certificates {
    /// Creates the certificates in this folder, which all users can read.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        require("openssl", &["openssl"])?;
        std::fs::create_dir_all(folder)?;
        let openssl = |words: &str| {
            let mut command = Command::new("openssl");
            command.args(words.split(' ')).current_dir(folder);
            quietly(command.stderr(std::process::Stdio::null()))
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(&format!(
            "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=Authority"
        ))?;
        openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"))?;
        std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n")?;
        openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
        )?;
        Ok(Self(folder.to_owned()))
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.0.join("server.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.0.join("server.key")
    }

    /// Copies the key for the user of a server: servers refuse a key that others can read.
    pub(crate) fn key_of(&self, user: &str) -> Result<PathBuf> {
        let key = self.0.join(format!("{user}.key"));
        std::fs::copy(self.key(), &key)?;
        quietly(Command::new("chown").arg(user).arg(&key))?;
        quietly(Command::new("chmod").arg("600").arg(&key))?;
        Ok(key)
    }
}
